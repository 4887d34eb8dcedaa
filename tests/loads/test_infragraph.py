"""The plan's fabrics in InfraGraph's own package: it expands and validates them, and finds paths in them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.loads.python_programs import PYTHON
from tests.loads.test_debian import put
from tests.outputs.designs import design
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack

pytestmark = pytest.mark.loads

# It warns of nodes without an edge and raises for the rest; every warning is an error here.
LOAD = """import json, sys, warnings, networkx
from pathlib import Path
from infragraph.infragraph_service import InfraGraphService
service = InfraGraphService()
with warnings.catch_warnings():
    warnings.simplefilter("error")
    service.set_graph(Path("infrastructure.json").read_text())
    service.annotate_graph(Path("annotations.json").read_text())
graph = service.get_networkx_graph()
names = dict(graph.nodes(data="name"))
cables = []
for first, second, link in graph.edges(data="link"):
    if names[first] != names[second]:
        cables.append([link, names[first], names[second]])
facts = {
    "cables": cables,
    "connected": networkx.is_connected(graph),
    "gpus": sum(kind == "xpu" for _, kind in graph.nodes(data="type")),
}
json.dump(facts, sys.stdout)
"""


def load(folder: Path) -> subprocess.CompletedProcess[str]:
    """Load a folder's files; the package needs a minute for thousands of cables."""
    words = (str(PYTHON), "-c", LOAD)
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("name", [*SMALL, "edge pairs of switches"])
def test_infragraph_expands_the_fabrics_into_the_cables_and_gpus_of_the_plan(name: str, tmp_path: Path):
    list(put(tmp_path, name, "infragraph/"))
    done = load(tmp_path / "infragraph")
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(done.stdout)
    factory, plan = design(name) if " " in name else stack(name)
    planned = []
    for plane in plan.fabrics:
        for number, cable in enumerate(plane.cables):
            tier = "hosts" if number < plane.node_leaf else "switches"
            if number >= len(plane.cables) - plane.outside:
                tier = "outside"
            planned.append([f"{plane.name}-{tier}", *sorted(cable[::2])])
    cables = []
    for link, *devices in facts["cables"]:
        if link != "nvlink-domain":
            cables.append([link, *sorted(devices)])
    assert sorted(cables) == sorted(planned)
    assert facts["gpus"] == sum(node.gpus for node in plan.nodes)
    assert facts["connected"] is (len(factory.sites) == 1)


def test_infragraph_refuses_an_instance_that_nothing_declares(tmp_path: Path):
    # The test above would be worth nothing if the package took anything.
    list(put(tmp_path, "lab", "infragraph/"))
    file = tmp_path / "infragraph" / "infrastructure.json"
    document = json.loads(file.read_text())
    del document["instances"][0]
    file.write_text(json.dumps(document))
    assert "does not exist in infrastructure instances" in load(file.parent).stderr

"""A fleet of simulated machines that works, is fought over, breaks, and repairs itself (`make fleet`).

    make fleet                     # 1,000 machines
    make fleet NODES=100           # as a first look
    make fleet NODES=5000

Everything that decides is real: API server, scheduler, Kueue, Pulumi and the repair controller. Machines and
pods are simulated. Held to is how everything ends and where pods lie, and never how long it took: times are in
the result's file.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.api import open_cluster
from sovereign_ai.cluster.embedded import down
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy import scaffold
from sovereign_ai.plan import plan
from sovereign_ai.spec import load
from tests.fleet.picture import fleet_picture
from tests.fleet.scenario import Scenario, say
from tests.fleet.stack import fleet_size, write_stack
from tests.fleet.watch import FleetWatch

pytestmark = pytest.mark.fleet
NODES = int(os.environ.get("NODES") or 1000)
OUT = Path(__file__).resolve().parents[2] / ".sovereign" / "fleet"


def command(*words: str) -> None:
    """Run a command of the program as a user would."""
    subprocess.run([sys.executable, "-m", "sovereign_ai.cli", *words], check=True)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Write the stack, and remove its cluster at the end."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "fleet"
    scaffold(folder, "fleet")
    write_stack(folder, fleet_size(NODES))
    yield folder
    down("fleet")


def test_the_fleet_works_is_shared_breaks_and_repairs_itself(stack: Path):
    size = fleet_size(NODES)
    OUT.mkdir(parents=True, exist_ok=True)
    factory = load(stack)
    derived = plan(factory)
    rack_of = {node.name: node.rack for node in derived.nodes}
    began = FleetWatch(None, rack_of).began
    command("up", str(stack))
    with closing(open_cluster(cluster_dir_of("fleet").kubeconfig)) as api:
        watch = FleetWatch(api, rack_of)
        watch.began = began
        scenario = Scenario(stack, size, factory, derived, api, watch)
        scenario.steps.append({"step": "a described factory stands", "from": 0, "to": 0})
        with watch.watching():
            watch.wait("all machines are ready", lambda: len(watch.nodes()) == size.nodes, 600)
            try:
                scenario.run()
            finally:
                (OUT / "fleet.svg").write_text(fleet_picture(scenario), encoding="utf-8")
                (OUT / "fleet.json").write_bytes(orjson.dumps(scenario.steps))

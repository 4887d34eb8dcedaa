"""KServe's own definition, on a real API server, judges what is rendered for it; field by field, strictly.

The definitions of Dynamo are in no Go module that is served, so that its objects are held to the fields of
its types (`workload_kinds.json`) by tests without a cluster; here a real API server judges their pods.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.assess.fit import ServingForm, serving_manifests
from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.source import fetching_environment
from tests.assess.fit.test_serving_platforms import CASES, IMAGE
from tests.assess.stacks import stack

pytestmark = pytest.mark.queues
MODULE = "github.com/kserve/kserve@v0.17.0"
SUM = "h1:IaynaBFzVQz1Xyrw5n3ncqzd5Y7L1RkO+YWvVwwtMQE="
DEFINITION = "config/crd/full/llmisvc/serving.kserve.io_llminferenceservices.yaml"


def kserve_definition(folder: Path) -> Path:
    """Fetch KServe's module; give a folder with the one definition that is needed here."""
    go = find("go")
    command = [str(go), "mod", "download", "-json", MODULE]
    done = subprocess.run(command, env=fetching_environment(go), cwd=folder, capture_output=True, check=True)
    module = orjson.loads(done.stdout)
    assert module["Sum"] == SUM
    definition = folder / "definition"
    definition.mkdir()
    (definition / "llminferenceservices.yaml").write_bytes((Path(module["Dir"]) / DEFINITION).read_bytes())
    return definition


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Give a small cluster that serves KServe's kind."""
    root = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        try:
            cluster = up("serving")
            made = open_cluster(cluster.kubeconfig)
            install_crds(made, kserve_definition(root), wait_seconds=180)
            made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "startups"}})
            yield made
            made.close()
        finally:
            down("serving")


def rendered(name: str, form: ServingForm) -> dict[str, Any]:
    """Give the last object of a service: that of its platform."""
    _, plan = stack("lab")
    return serving_manifests(plan, CASES[name], IMAGE, form)[-1]


def judge(api: Api, obj: dict[str, Any]) -> None:
    """Let the API server judge an object strictly, and store nothing."""
    api.create(obj, dry_run=True)


@pytest.mark.parametrize("name", CASES)
def test_kserves_own_definition_takes_what_is_rendered_for_it(api: Api, name: str) -> None:
    judge(api, rendered(name, ServingForm.KSERVE))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("replica",), 1),
        (("replicas",), "one"),
        (("parallelism", "tensors"), 8),
        (("parallelism", "tensor"), 0),
        (("prefill", "parallelism", "experts"), True),
        (("template", "containers"), [{"name": "main", "images": "a"}]),
        (("worker", "containers"), [{"image": "a"}]),
    ],
)
def test_a_field_that_is_not_in_kserves_definition_is_refused(
    api: Api, path: tuple[str, ...], value: Any
) -> None:
    obj = deepcopy(rendered("split", ServingForm.KSERVE))
    *parts, last = path
    inner = obj["spec"]
    for part in parts:
        inner = inner[part]
    inner[last] = value
    with pytest.raises(ApiError) as caught:
        judge(api, obj)
    assert caught.value.status in {400, 422}


@pytest.mark.parametrize("name", CASES)
def test_the_pods_of_a_graph_are_pods_to_a_real_api_server(api: Api, name: str) -> None:
    services = rendered(name, ServingForm.DYNAMO)["spec"]["services"]
    for part in services.values():
        spec = dict(part["extraPodSpec"])
        spec["containers"] = [{"name": "main", **spec.pop("mainContainer")}]
        metadata = {"name": "graph", "namespace": "startups"}
        judge(api, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

"""What is rendered for the GPU and Network Operator, on a real API server with their own definitions.

The definitions are files of the operators' Go modules, which the Go command verifies against its checksum
database. Not every proxy serves the Network Operator's: `NETWORK_OPERATOR_DEFINITIONS` names a folder with
them instead, `config/crd/bases` of its repository.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.plan import plan
from sovereign_ai.render.kubernetes import controller_settings
from sovereign_ai.toolchain.install import find
from tests.render.kubernetes.operators.described import SWITCHED_OFF, described, gpus, network

pytestmark = pytest.mark.queues

MODULES = {
    # The newest version that is served as a module; its tags are no versions of a Go module.
    "gpu-operator": "github.com/NVIDIA/gpu-operator@v0.0.0-20250917190837-d73a0086a6ba",
    "network-operator": "github.com/Mellanox/network-operator@v0.0.0-20260819073708-b06827e085c5",
}
FOLDERS = {"network-operator": "NETWORK_OPERATOR_DEFINITIONS"}
BOTH_DRIVERS = ("driver:580.95.05-debian12", "driver:570.86.15-debian12")
Object = dict[str, Any]


def definitions(operator: str) -> Path:
    """Return the folder of an operator's definitions; skips where nobody serves them."""
    folder = os.environ.get(FOLDERS.get(operator, ""))
    if folder:
        return Path(folder)
    words = (str(find("go")), "mod", "download", "-json", MODULES[operator])
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=600, cwd="/", env=environment
    )
    answer = json.loads(done.stdout)
    if "Error" in answer and operator in FOLDERS:
        pytest.skip(f"{FOLDERS[operator]} names no folder, and: {answer['Error']}")
    assert "Error" not in answer, answer["Error"]
    return Path(answer["Dir"]) / "config" / "crd" / "bases"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane without a definition of ours."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("settings", root=root, wait_seconds=600)
    yield open_cluster(cluster.kubeconfig)
    down("settings", root=root)


def rendered(operator: str) -> list[tuple[str, Object]]:
    """Return the objects of an operator for factories that differ in all that decides about them."""

    def two_drivers(data: Object) -> None:
        data["pools"][0] |= {"driver": "570.86.15"}
        data["pools"][1] |= {"mig": "1g.10gb"}

    factories = {
        "superpod": described("superpod", gpus("driver"), network()),
        "precompiled": described(
            "superpod", gpus("driver", contacts=[SWITCHED_OFF]), network(contacts=[SWITCHED_OFF])
        ),
        "two drivers": described("lab", gpus(*BOTH_DRIVERS), network(), change=two_drivers),
        "claims": described("plural", gpus("driver", parts=()), network(), devices="dra-driver-nvidia-gpu"),
        "few images": described("lab", gpus("driver", parts=()), network(parts=("network-operator",))),
    }
    objects: list[tuple[str, Object]] = []
    for name, factory in factories.items():
        (settings,) = controller_settings(factory, plan(factory), operator)
        for obj in settings.objects:
            objects.append((name, obj))
    return objects


@pytest.mark.parametrize("operator", MODULES)
def test_the_operators_own_definitions_take_every_object_and_refuse_a_field_that_they_lack(
    api: Api, operator: str
) -> None:
    install_crds(api, definitions(operator))
    objects = rendered(operator)
    kinds = {obj["kind"] for _, obj in objects}
    assert len(kinds) == 2
    for name, obj in objects:
        api.apply(obj, dry_run=True)
        wrong = deepcopy(obj)
        wrong["spec"]["unheardOf"] = True
        with pytest.raises(ApiError, match="unheardOf"):
            api.apply(wrong, dry_run=True)
        assert api.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) is None, name


def test_a_value_that_the_definition_does_not_know_is_refused(api: Api) -> None:
    """The control of the control: the definitions check values, and not the names of fields alone."""
    install_crds(api, definitions("gpu-operator"))
    wrong = deepcopy(rendered("gpu-operator")[0][1])
    wrong["spec"]["mig"]["strategy"] = "often"
    with pytest.raises(ApiError, match="strategy"):
        api.apply(wrong, dry_run=True)

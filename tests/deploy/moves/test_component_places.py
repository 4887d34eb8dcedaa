"""Where components are: by labels of live objects, and by the plan for nodes."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.moves.component_places import component_places, planned_places
from sovereign_ai.names import KEYS
from sovereign_ai.sim.nodes import node_objects
from tests.daytwo.probes import Described
from tests.daytwo.table import changes

REGION = "topology.kubernetes.io/region"


def labelled(kind: str, component: str, labels: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"labels": {KEYS.component: component, **labels}}, **fields}


@pytest.mark.parametrize(
    ("obj", "places"),
    [
        (labelled("Namespace", "tenant.a", {KEYS.namespace_zone: "open"}), {("tenant.a", "zone"): {"open"}}),
        (
            labelled("ResourceFlavor", "pool.p", {}, spec={"nodeLabels": {KEYS.zone: "open"}}),
            {("pool.p", "zone"): {"open"}},
        ),
        (labelled("ConfigMap", "pool.p", {KEYS.zone: "open"}), {}),
        (
            labelled("Node", "pool.p", {KEYS.pool: "p", KEYS.scalable_unit: "fra1-p-su0", KEYS.hall: "h1"}),
            {("pool.p", "site"): {"fra1"}, ("pool.p", "hall"): {"h1"}},
        ),
        # A name that was too long for a label was shortened, and its site cannot be read from it.
        (labelled("Node", "pool.p", {KEYS.pool: "p", KEYS.scalable_unit: "fra1-x9"}), {}),
    ],
)
def test_an_object_states_the_places_of_its_component(obj: dict[str, Any], places: Any) -> None:
    assert component_places([obj]) == places


def test_a_storage_class_states_key_protocol_zone_and_every_region() -> None:
    expression = {"key": REGION, "values": ["fra", "muc"]}
    storage_class = labelled(
        "StorageClass",
        "storage.models",
        {KEYS.namespace_zone: "open"},
        provisioner="csi.example/nfs",
        allowedTopologies=[{"matchLabelExpressions": [expression, {"key": "rack", "values": ["r1"]}]}],
    )
    places = component_places([storage_class])
    assert places["storage.models", "region"] == {"fra", "muc"}
    assert places["storage.models", "protocol"] == {"nfs"}
    assert places["storage.models", "CSI driver"] == {"none"}


def test_a_storage_class_of_a_csi_driver_states_what_it_gets() -> None:
    options = {
        "parameters": {"b": "2", "a": "1"},
        "mountOptions": ["noatime"],
        "provisioner": "csi.example.com",
    }
    places = component_places([labelled("StorageClass", "storage.models", {}, **options)])
    assert places["storage.models", "CSI driver"] == {"csi.example.com"}
    assert places["storage.models", "CSI parameters"] == {"a=1, b=2"}
    assert places["storage.models", "mount options"] == {"noatime"}
    assert ("storage.models", "protocol") not in places


def test_of_many_parameters_the_beginning_is_stated_and_two_differ_in_any_case() -> None:
    texts = []
    for last in "xy":
        parameters = {**{f"parameter-{number:02}": "v" * 20 for number in range(10)}, "z": last}
        made = labelled("StorageClass", "storage.a", {}, provisioner="csi.example.com", parameters=parameters)
        texts += component_places([made])["storage.a", "CSI parameters"]
    assert texts[0] != texts[1]
    assert all(len(text) < 140 and text.startswith("parameter-00=vvv") for text in texts)


def test_the_plan_and_the_labels_of_its_nodes_state_the_same_places() -> None:
    described = Described.of(next(change.after for change in changes() if change.name == "a pool grows"))
    nodes = node_objects(described.factory, described.plan, described.bundle.cluster)
    live = component_places(nodes)
    planned = planned_places(described.plan, live.keys(), {})
    assert planned
    assert {key: live[key] for key in planned} == planned

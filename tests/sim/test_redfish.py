"""The Redfish tree of planned machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.sim.redfish import FIRMWARE, ROOT, redfish_tree
from tests.render.lab import stack


def references(value: Any) -> Iterator[str]:
    """Yield every reference to another resource."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "@odata.id":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_leads_to_a_resource_of_the_tree() -> None:
    tree = redfish_tree(stack("lab")[1], ["train-001", "serve-001"])
    known = {f"{ROOT}/{path}" for path in tree}
    for resource in tree.values():
        assert set(references(resource)) <= known


def test_every_resource_but_the_root_is_reached_from_another() -> None:
    tree = redfish_tree(stack("lab")[1], ["train-001"])
    reached = {
        link for path, resource in tree.items() for link in references(resource) if link != f"{ROOT}/{path}"
    }
    assert {f"{ROOT}/{path}" for path in tree if path} == reached


def test_a_machine_has_its_gpus_its_rack_its_ports_and_its_firmware() -> None:
    plan = stack("lab")[1]
    node = next(node for node in plan.nodes if node.name == "train-001")
    tree = redfish_tree(plan, [node.name])
    gpus = [path for path in tree if path.startswith("Systems/train-001/Processors/GPU_")]
    assert len(gpus) == node.gpus
    placement = tree["Chassis/train-001"]["Location"]["Placement"]
    assert (placement["Rack"], placement["RackOffset"]) == (node.rack, node.place)
    ports = {
        link.lower_port.replace("/", "p")
        for plane in plan.fabrics
        if plane.role in {"compute", "storage"}
        for link in plane.host_links
        if link.lower == node.name
    }
    adapters = tree["Chassis/train-001/NetworkAdapters"]["Members"]
    assert {link["@odata.id"].rpartition("/")[2] for link in adapters} == ports
    assert tree["UpdateService/FirmwareInventory"]["Members@odata.count"] == len(FIRMWARE)


def test_without_names_every_machine_is_in_the_tree() -> None:
    plan = stack("lab")[1]
    assert redfish_tree(plan)["Systems"]["Members@odata.count"] == len(plan.nodes)
    assert redfish_tree(plan) == redfish_tree(plan)

"""The ends of planned cables by the names that observers use."""

from __future__ import annotations

from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.render.switches.ports import port_maps
from tests.render.lab import stack

LEAF = "compute-fra1-p0-leaf-r0-001"


def test_every_cable_is_there_from_both_its_ends() -> None:
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    assert len(wanted.planned) == 2 * sum(len(plane.cables) for plane in plan.fabrics)
    assert all(wanted.planned[far] == near for near, far in wanted.planned.items())
    assert all(wanted.planes[far] == wanted.planes[near] for near, far in wanted.planned.items())
    assert wanted.devices == {device for device, _ in wanted.planned}


def test_a_device_with_its_domain_is_the_same_device_and_a_stranger_keeps_its_name() -> None:
    wanted = expected(*stack("lab"))
    assert wanted.end(f"{LEAF}.fra1.example.com", "swp1") == (LEAF, "swp1")
    assert wanted.end("laptop.example.com", "eth0") == ("laptop.example.com", "eth0")


def test_a_port_of_sonic_is_a_port_of_the_plan() -> None:
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    switch = next(entry for entry in port_maps(factory, plan, plan.fabrics[0]) if entry.switch.name == LEAF)
    for port in switch.ports:
        assert wanted.end(LEAF, switch.panel.port(port.name).name) == (LEAF, port.interface)


def test_an_adapter_s_first_port_is_the_host_s_port_under_both_its_names() -> None:
    factory, plan = stack("superpod")
    wanted = expected(factory, plan)
    assert (
        wanted.end("dgx-001-compute0", "1") == wanted.end("dgx-001 compute0", "1") == ("dgx-001", "compute0")
    )


def test_management_controllers_cannot_report_their_ports() -> None:
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    planes = {wanted.planes[end] for end in wanted.blind}
    assert planes == {plane.name for plane in plan.fabrics if plane.role == "out-of-band"}
    assert ("train-001", "compute0") not in wanted.blind


def test_every_racked_device_has_its_rack() -> None:
    factory, plan = stack("lab")
    racks = expected(factory, plan).racks
    assert racks["train-001"] == next(node.rack for node in plan.nodes if node.name == "train-001")
    assert set(racks.values()) == {rack.name for rack in plan.racks if rack.devices or rack.pdu_names}

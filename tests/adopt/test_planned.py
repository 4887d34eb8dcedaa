"""Round trips: a plan written in a format and read back is equal in what the format can say."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.comparison import compare
from sovereign_ai.adopt.planned import of_sites, planned_site
from sovereign_ai.adopt.standing import MACHINE, Device, StandingSite
from sovereign_ai.plan.factory import Plan
from tests.adopt.round_trip import PAIRS, planned, read_back
from tests.render.lab import stack


@pytest.mark.parametrize(("name", "form"), PAIRS)
def test_files_of_a_plan_are_equal_to_it(name: str, form: str) -> None:
    seen = read_back(name, form)
    comparison = compare(seen, planned(name, form))
    assert comparison.differences == ()
    assert "cables" in comparison.compared


def machines(seen: StandingSite) -> set[str]:
    return {device.name for device in seen.devices.values() if device.kind == MACHINE}


def nodes(plan: Plan) -> set[str]:
    return {node.name for node in plan.nodes}


# What follows compares with the plan itself, so that a renderer and a reader that err alike are noticed.


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_slurm_has_every_node_with_its_gpus_and_system_below_a_leaf_of_rail_0(name: str) -> None:
    seen, plan = read_back(name, "slurm"), stack(name)[1]
    facts = {node.name: (node.gpus, node.system) for node in plan.nodes}
    assert facts == {
        device.name: (device.gpus, device.model) for device in seen.devices.values() if device.kind == MACHINE
    }
    compute = next(plane for plane in plan.fabrics if plane.role == "compute")
    planned = {(link.lower, link.upper) for link in compute.host_links if "-leaf-r0-" in link.upper}
    shown = {(lower[0], upper[0]) for lower, upper in seen.cables if lower[0] in facts}
    assert shown == {pair for pair in planned if pair[0] in facts}


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_topograph_has_every_node_and_the_tree_that_slurm_has(name: str) -> None:
    seen = read_back(name, "topograph")
    assert machines(seen) == nodes(stack(name)[1])
    assert set(seen.cables) == set(read_back(name, "slurm").cables)


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_containerlab_has_every_cable_of_ethernet(name: str) -> None:
    seen, plan = read_back(name, "containerlab"), stack(name)[1]
    planned = []
    for plane in plan.fabrics:
        if plane.kind != "infiniband":
            planned += [(link.lower, link.upper) for link in plane.cables]
    assert sorted((lower[0], upper[0]) for lower, upper in seen.cables) == sorted(planned)
    racks = {node.name: node.rack for node in plan.nodes}
    assert racks == {name: seen.devices[name].rack for name in racks}


def test_ibnetdiscover_has_every_cable_of_infiniband_at_its_rate() -> None:
    seen, plan = read_back("superpod", "ibnetdiscover"), stack("superpod")[1]
    planned = []
    for plane in plan.fabrics:
        if plane.kind == "infiniband":
            planned += [tuple(sorted((link.lower, link.upper))) for link in plane.cables]
    assert sorted(tuple(sorted((first[0], second[0]))) for first, second in seen.cables) == sorted(planned)
    assert set(seen.interfaces.values()) == {"infiniband-ndr-4x"}
    assert nodes(plan) < machines(seen)


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_netbox_has_every_device_of_every_rack_with_its_place(name: str) -> None:
    seen, plan = read_back(name, "netbox"), stack(name)[1]
    planned = {}
    for rack in plan.racks:
        for device in (*rack.devices, *rack.pdu_names):
            planned[device] = (rack.site, rack.name)
    assert planned == {device.name: (device.site, device.rack) for device in seen.devices.values()}
    models = {node.name: node.system for node in plan.nodes}
    assert models == {name: seen.devices[name].model for name in models}


def test_a_plane_that_shares_no_device_with_the_files_is_not_compared() -> None:
    factory, plan = stack("superpod")
    seen = read_back("superpod", "ibnetdiscover")
    managers = {name: device for name, device in seen.devices.items() if "-manager-" in name}
    planned = planned_site("ibnetdiscover", factory, plan, StandingSite(managers, {}, ()))
    compute = next(plane for plane in plan.fabrics if plane.role == "compute")
    assert len(planned.cables) == len(compute.cables)
    every = planned_site("ibnetdiscover", factory, plan, StandingSite({}, {}, ()))
    assert len(every.cables) == len(seen.cables)


def test_tables_of_one_site_are_compared_with_that_site_alone() -> None:
    devices = {}
    for name, site in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        devices[name] = Device(name, site=site)
    cables = ((("a1", "0"), ("a2", "0")), (("a1", "1"), ("b1", "1")))
    whole = StandingSite(devices, {}, cables)
    assert of_sites(whole, {"a"}).devices.keys() == {"a1", "a2"}
    assert of_sites(whole, {"a"}).cables == cables[:1]
    # Where no site has the name, everything is compared, and everything differs.
    assert of_sites(whole, {"c"}) == whole

"""Management ports on the out-of-band network."""

from __future__ import annotations

from collections import Counter

import pytest

from sovereign_ai.plan.fabric.management_ports import managed_names, managed_ports, support
from sovereign_ai.plan.fabric.planes import plan_fabrics
from sovereign_ai.plan.fabric.port_assignment import MANAGED
from sovereign_ai.plan.feasibility import draft
from tests.plan.factories import factory, management, planned
from tests.plan.wishes import machines, pool, wish


def test_every_switch_and_rack_pdu_has_a_port_on_the_out_of_band_network() -> None:
    wish = factory(fabrics=management())
    drafted, problems = draft(wish)
    assert not problems
    (inband,) = [size for size in drafted.sizes if size.role == "in-band"]
    (oob,) = [size for size in drafted.sizes if size.role == "out-of-band"]
    ports = managed_ports(wish, drafted.shapes, drafted.sizes, drafted.storage, {})["a"]
    assert ports > inband.leaf + inband.spine + drafted.shapes[0].racks * 3
    (block,) = [block for block in oob.blocks if block.name == MANAGED]
    assert block.hosts == ports


def test_ports_never_shrink_between_two_rounds() -> None:
    wish = factory(fabrics=management())
    drafted, _ = draft(wish)
    assert managed_ports(wish, drafted.shapes, drafted.sizes, drafted.storage, {"a": 999}) == {"a": 999}


def test_without_an_out_of_band_network_no_port_is_counted() -> None:
    wish = factory(fabrics=management()[:1])
    drafted, _ = draft(wish)
    assert managed_ports(wish, drafted.shapes, drafted.sizes, drafted.storage, {}) == {}


def test_every_pdu_of_a_rack_is_named() -> None:
    plan = planned("lab")
    racks = [rack for rack in plan.racks if rack.kind == "storage"]
    assert racks
    names = managed_names((), racks)
    assert sum(map(len, names.values())) == 2 * len(racks)


def test_batches_of_switches_come_before_those_of_storage() -> None:
    wish = factory(fabrics=management())
    drafted, _ = draft(wish)
    batches = support(wish, drafted.shapes, drafted.sizes, ())
    assert [batch.kind for batch in batches] == ["network"] * 2


@pytest.mark.parametrize("leaf_rails", [1, 5, 10])
def test_other_devices_have_one_port_where_machines_have_several_controllers(leaf_rails: int) -> None:
    oob = {"name": "oob", "role": "out-of-band", "rails": 10, "leaf_rails": leaf_rails, "radix": 48}
    oob |= {"link": "1 Gbps", "padding": "none", "oversubscription": "11:1"}
    described = wish([pool(nodes=16)], oob)
    devices = [f"a-pdu-{number}" for number in range(44)]
    servers = [f"storage-{number}" for number in range(13)]
    [plane] = plan_fabrics(described, machines(described), {"a": servers}, {"a": devices})
    low = list(plane.host_links)
    assert plane.endpoints == len(low) == 16 * 10 + 44 + 13
    assert Counter(link.lower for link in low if "-pdu-" in link.lower) == Counter(devices)
    assert {link.lower_port for link in low if link.lower in servers} == {"out-of-band0"}
    assert len({(link.upper, link.upper_port) for link in low}) == len(low)

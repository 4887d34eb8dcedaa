"""Ports without a cable and storage rates beyond the network, in the plan and by validate."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.network_review import network_notes
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.plan.storage import plan_storage
from sovereign_ai.spec.factory import AIFactory

from .factories import NAMES, factory, only_problem, pool, stack

KEY = {"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}


def _tier(**more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "protocol": "parallel",
        "zone": "z",
        "capacity": "100 TB",
        "grade": "better",
        "encryption": {"key": "k"},
        **more,
    }


def _fabric(name: str, role: str, rails: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "kind": "ethernet",
        "rails": rails,
        "radix": 64,
        "link": "400 Gbps",
        "padding": "none",
        **more,
    }


def _wish(*fabrics: dict[str, Any], **more: Any) -> AIFactory:
    return factory(
        **{"pools": [pool(nodes=5)], "fabrics": list(fabrics), "storage": [_tier()], "keys": [KEY], **more}
    )


def _notes(wish: AIFactory) -> list[str]:
    found = pool_shapes(wish)
    return list(network_notes(wish, found, plan_storage(wish, found)))


@pytest.mark.parametrize("name", NAMES)
def test_the_stacks_use_every_port_and_carry_what_they_ask(name: str) -> None:
    assert _notes(stack(name)) == []


@pytest.mark.parametrize(("rails", "left"), [(4, 4), (2, 6), (1, 7)])
def test_ports_that_a_fabric_leaves_without_a_cable_are_counted(rails: int, left: int) -> None:
    wish = _wish(_fabric("compute", "compute", rails), storage=[])
    note = (
        f"fabric compute: {rails} of the 8 compute ports of each dgx-h100 in pool train are cabled, "
        "one a rail; "
        f"{left} stay unused"
    )
    assert _notes(wish) == [note]
    assert note in plan(wish).warnings
    assert plan(wish).fabrics[0].node_leaf == 5 * rails


def test_a_fabric_of_another_pool_has_no_note_on_this_one() -> None:
    wish = _wish(_fabric("compute", "compute", 4, pools=["other"]), pools=[pool(), pool("other")], storage=[])
    alone, idle = _notes(wish)
    assert alone == "pool train: no fabric connects its 8 machines"
    assert idle.split(" in pool ")[1][:5] == "other"


def test_rails_that_do_not_divide_the_ports_are_refused_with_what_a_rail_is() -> None:
    found = only_problem(_wish(_fabric("compute", "compute", 3), storage=[]))
    assert found.message.endswith("has 8 compute ports, one for each rail: 3 rails do not divide them evenly")


def test_storage_without_a_network_is_reported_with_its_servers_and_rates() -> None:
    alone, note = _notes(_wish())
    assert alone == "pool train: no fabric connects its 5 machines"
    assert note == (
        "storage t at a: no storage or in-band network is described there, "
        "so its 5 servers have no port for data and nothing carries "
        "the 40 GB/s read and 20 GB/s written"
    )


def test_storage_rates_are_held_against_the_ports_of_machines_and_servers() -> None:
    assert _notes(_wish(_fabric("storage", "storage", link="10 Gbps"))) == [
        (
            "storage t at a: a machine of pool train must reach 8 GB/s, "
            "and the ports (2 of 10 Gbps in storage) carry 2.5 GB/s"
        ),
        (
            "storage t at a: all of its servers must reach 40 GB/s, "
            "and the ports (2 of 10 Gbps in storage) carry 12.5 GB/s"
        ),
    ]
    assert _notes(_wish(_fabric("storage", "storage"))) == []


def test_without_a_storage_network_the_in_band_one_carries_storage() -> None:
    assert _notes(_wish(_fabric("inband", "in-band", link="100 Gbps"))) == []
    assert "2 of 1 Gbps in inband" in _notes(_wish(_fabric("inband", "in-band", link="1 Gbps")))[0]


def test_a_pool_that_the_storage_network_leaves_out_reaches_it_in_band() -> None:
    fabrics = (_fabric("storage", "storage", pools=["other"]), _fabric("inband", "in-band", link="10 Gbps"))
    zones = [{"name": name, "trust": "low"} for name in "zy"]
    assert _notes(_wish(*fabrics, pools=[pool(nodes=5), pool("other", zone="y")], zones=zones)) == [
        (
            "storage t at a: a machine of pool train must reach 8 GB/s, "
            "and the ports (2 of 10 Gbps in inband) carry 2.5 GB/s"
        ),
        (
            "storage t at a: all of its machines must reach 40 GB/s, "
            "and the ports (2 of 10 Gbps in inband) carry 12.5 GB/s"
        ),
    ]


@pytest.mark.parametrize(("system", "noted"), [("dgx-h100", 0), ("l40s-server-8", 1)])
def test_rails_without_a_common_switch_need_links_inside_the_machines(system: str, noted: int) -> None:
    apart = {**_fabric("apart", "compute", rails=2, link="200 Gbps"), "planes_by": "rail"}
    notes = _notes(_wish(apart, pools=[pool(nodes=5, system=system)]))
    ways = [note for note in notes if "would forward between them" in note]
    assert len(ways) == noted
    together = _notes(_wish({**apart, "planes_by": None}, pools=[pool(nodes=5, system=system)]))
    assert not [note for note in together if "would forward between them" in note]


def test_machines_that_no_fabric_connects_are_noted() -> None:
    alone = _wish(pools=[pool(nodes=5)], storage=[])
    assert _notes(alone) == ["pool train: no fabric connects its 5 machines"]
    assert _notes(_wish(pools=[pool(nodes=1)], storage=[])) == []

"""Notes on fields without effect, and on ports that carry a part of their rate."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.fabric.idle_fields import idle_field_notes, part_rate_notes, unusual_rate_notes
from tests.plan.wishes import pool, wish


def notes(nodes: int = 16, **fabric: Any) -> list[str]:
    described = wish([pool(nodes=nodes)], {"name": "f", "kind": "roce", "rails": 8, **fabric})
    size = size_fabrics(described, {})[0]
    [one] = described.fabrics
    return [*part_rate_notes(one), *idle_field_notes(one, size)]


def test_fields_of_spines_are_idle_beside_a_single_switch() -> None:
    [note] = notes(radix=256, leaf_rails=8, spine_radix=32, cores=64)
    assert note == ("fabric f at a: 'spine_radix', 'cores' have no effect, since the plane has one switch")


def test_cores_are_idle_over_two_tiers() -> None:
    assert notes(radix=64, cores=64) == [
        "fabric f at a: 'cores' has no effect, since the plane has two tiers"
    ]


def test_fields_that_have_an_effect_are_not_named() -> None:
    assert notes(radix=64, spines=8) == []
    assert notes(radix=64, pod_leaves=8, cores=8) == []


def test_fields_of_a_published_design_are_not_named() -> None:
    design = {"design": "nvidia-superpod-gb200", "kind": "infiniband", "link": "400 Gbps", "rails": 4}
    described = wish([pool(nodes=18, system="gb200-nvl72-tray")], {"name": "f", **design})
    [size] = size_fabrics(described, {})
    assert size.tiers == 3
    assert list(idle_field_notes(described.fabrics[0], size)) == []


@pytest.mark.parametrize(("breakout", "planes"), [(1, 1), (2, 2)])
def test_a_port_that_carries_half_its_rate_is_noted(breakout: int, planes: int) -> None:
    [note] = notes(switch="sn5600", link="400 Gbps", breakout=breakout, planes=planes)[:1]
    assert "a port of sn5600 gives 800 Gbps" in note
    assert f"'breakout: {2 * breakout}' would use it whole" in note


def test_the_whole_rate_of_a_port_has_no_note() -> None:
    assert notes(switch="sn5600", link="400 Gbps", breakout=2) == []


def test_a_rate_far_below_the_ports_is_a_question() -> None:
    described = wish([pool()], {"name": "f", "role": "in-band", "switch": "sn5600", "link": "10 Gbps"})
    [note] = part_rate_notes(described.fabrics[0])
    assert note.endswith("carries one link of 10 Gbps; whether it runs that slowly is not in the catalogue")


def test_links_of_a_pair_have_no_effect_where_one_switch_takes_every_rail() -> None:
    fabric: dict[str, Any] = {
        "padding": "none",
        "leaf_rails": 8,
        "radix": 64,
        "link": "400 Gbps",
        "spines": "none",
        "peer_links": 8,
    }
    assert any("'peer_links' has no effect" in note for note in notes(2, **fabric))
    assert not any("peer_links" in note for note in notes(2, **{**fabric, "leaf_rails": 4}))


@pytest.mark.parametrize(
    ("fabric", "odd"),
    [
        ({"link": "300 Gbps"}, "links of 300 Gbps: no port"),
        ({"link": "400 Gbps", "planes": 8, "uplink": "50 Gbps"}, ""),
        ({"link": "400 Gbps", "planes": 5}, "links of 400 Gbps, 80 Gbps in each of 5 planes: no port"),
        ({"link": "400 Gbps", "uplink": "150 Gbps", "spine_radix": 64}, "an 'uplink' of 150 Gbps: no port"),
        ({"link": "400 Gbps"}, ""),
    ],
)
def test_a_rate_at_which_no_port_runs_is_noted(fabric: dict[str, Any], odd: str) -> None:
    described = wish([pool()], {"name": "f", "kind": "roce", "rails": 8, "radix": 64, **fabric})
    found = list(unusual_rate_notes(described.fabrics[0]))
    assert [odd in note for note in found] == [True] * bool(odd)

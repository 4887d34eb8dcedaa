"""Notes on wasteful designs."""

from __future__ import annotations

import pytest

from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.fabric.waste import waste_notes
from sovereign_ai.spec.factory import AIFactory
from tests.plan.wishes import pool, wish


def notes(**fabric: object) -> list[str]:
    described: AIFactory = wish([pool(nodes=16)], {"name": "f", "rails": 8, "radix": 64, **fabric})
    return list(waste_notes(described, size_fabrics(described, {})))


def test_eight_rails_of_a_few_servers_would_fit_one_switch() -> None:
    (note,) = notes(padding="none", radix=128)
    assert note.startswith("fabric f at a: ")
    assert "'leaf_rails: 8'" in note


def test_the_proposed_design_has_no_note() -> None:
    assert notes(padding="none", radix=128, leaf_rails=8) == []


def test_planes_of_a_fabric_share_a_note() -> None:
    assert len(notes(padding="none", radix=128, planes=2)) == 1


def test_leaves_that_stay_empty_beside_units_are_noted() -> None:
    fabric = {"name": "f", "rails": 8, "radix": 120, "spines": "least"}
    described = wish([pool(nodes=160)], fabric)
    (note,) = waste_notes(described, size_fabrics(described, {}))
    assert note == (
        "fabric f at a: 40 leaves a plane, since units of 32 machines are kept together; "
        "24 would do with another 'scalable_unit' of the pool"
    )
    smaller = wish([pool(nodes=160, scalable_unit=20)], fabric)
    assert list(waste_notes(smaller, size_fabrics(smaller, {}))) == []


def test_a_unit_that_takes_a_third_tier_is_noted_however_few_leaves_it_wastes() -> None:
    fabric = {"name": "f", "rails": 4, "radix": 16, "link": "400 Gbps"}
    described = wish([pool(nodes=30, system="gb200-nvl72-tray", scalable_unit=3)], fabric)
    [size] = size_fabrics(described, {})
    assert size.tiers == 3
    [note] = [text for text in waste_notes(described, [size]) if "scalable_unit" in text]
    assert "20 leaves a plane" in note
    assert "16 would do, over 2 tiers and not 3, with another 'scalable_unit' of the pool" in note


def test_uplinks_without_a_small_divisor_get_a_few_more_that_have_one() -> None:
    fabric = {"name": "f", "kind": "roce", "rails": 8, "radix": 64, "breakout": 2, "link": "400 Gbps"}
    fabric |= {"uplink": "800 Gbps", "padding": "none"}
    described = wish([pool(nodes=100, scalable_unit=50)], fabric)
    [size] = size_fabrics(described, {})
    # 50 x 400 are 25 of 800, which 5 spines do not hold and 25 do: with 28 a leaf seven of 64 ports do.
    assert (size.leaf, size.up, size.spine) == (16, 28, 7)
    [described_size] = size_fabrics(wish([pool(nodes=100, scalable_unit=50)], {**fabric, "uplinks": 25}), {})
    assert (described_size.up, described_size.spine) == (25, 25)


def test_uplinks_beyond_the_ratio_are_noted() -> None:
    """Two ports of 10 Gbps behind 64 uplinks of 800 Gbps came out without a word."""
    fabric = {"role": "in-band", "kind": "ethernet", "rails": 2, "link": "10 Gbps", "padding": "none"}
    [note] = notes(**fabric, uplinks=32, uplink="800 Gbps", uplink_ports=32, spine_radix=64)
    assert "64 links between them a plane" in note
    assert "without 'uplinks'" in note


@pytest.mark.parametrize(
    "pods",
    [
        {"pod_leaves": 32, "leaf_rails": 8},
        {"pod_leaves": 1, "radix": 256, "spines": 2, "leaf_rails": 1},
    ],
    ids=["one pod", "a pod a leaf"],
)
def test_pods_that_join_nothing_are_noted(pods: dict[str, object]) -> None:
    [note] = [text for text in notes(**pods) if "switches" in text]
    assert "without 'pod_leaves'" in note


def test_pods_that_grow_have_no_note() -> None:
    pods = {"pod_leaves": 8, "pod_by": "rail", "leaf_hosts": 18, "rails": 4, "link": "400 Gbps"}
    described = wish([pool(nodes=288, system="gb200-nvl72-tray")], {"name": "f", "radix": 64, **pods})
    assert list(waste_notes(described, size_fabrics(described, {}))) == []


def test_leaves_that_few_servers_may_use_are_noted() -> None:
    [note] = [text for text in notes(radix=288, leaf_hosts=2, padding="none") if "leaves" in text]
    assert note == (
        "fabric f at a: 64 leaves a plane, and at most 4 of the 288 ports of each are used; "
        "with 'leaf_rails: 8' 8 would do"
    )


def test_three_tiers_of_slow_ports_beside_fast_ones_are_noted() -> None:
    fabric = {"name": "f", "role": "out-of-band", "kind": "ethernet", "switch": "sn2201", "rails": 1}
    fabric |= {"link": "1 Gbps", "padding": "none"}
    described = wish([pool(nodes=2048)], fabric)
    [note] = waste_notes(described, size_fabrics(described, {}))
    assert "'uplink: 100 Gbps', a 'spine_switch' of 64 such ports and 'spines: least'" in note
    fast = {"uplink": "100 Gbps", "spine_switch": "sn4600c", "spines": "least"}
    cheaper = wish([pool(nodes=2048)], fabric | fast)
    sizes = size_fabrics(cheaper, {})
    counts = f"{sizes[0].leaf + sizes[0].spine:,} and {sizes[0].leaf_spine:,} would do"
    assert counts in note
    assert list(waste_notes(cheaper, sizes)) == []

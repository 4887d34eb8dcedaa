"""How many servers a leaf holds, and what leads upwards from it."""

from __future__ import annotations

from collections import Counter

from sovereign_ai.assess.fabric import Links
from tests.plan.fabric.described import planned


def test_links_upwards_of_another_rate_count_by_their_rate() -> None:
    plane = planned(64, breakout=2, uplink="800 Gbps", spines="least")
    assert (plane.leaf, plane.spine, plane.leaf_spine, plane.oversubscription) == (8, 4, 256, "1:1")
    assert plane.uplink == 2 * plane.link
    assert plane.bisection == 64 * 8 // 2 * plane.link == Links(plane, {}).without() * plane.link
    ports = [row.lower_port for row in plane.cables if row.lower == "f-a-p0-leaf-r0-001"]
    assert ports[:2] == ["33", "34"], "a port is split for machines or for spines, never for both"


def test_leaves_take_fewer_machines_where_full_ones_leave_no_port_for_a_lost_spine() -> None:
    plane = planned(96, unit=32, spines="least", spine_spares=1)
    assert plane.leaf_places < 32
    assert min(Counter(plane.uplinks.lowers()).values()) > plane.leaf_places

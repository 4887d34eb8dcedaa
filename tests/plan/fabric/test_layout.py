"""Pairs of switches, and pods."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

from sovereign_ai.assess.fabric import Links
from sovereign_ai.plan.fabric.fat_tree import fat_tree_misfit
from tests.plan.fabric.described import planned, refused


def test_links_between_two_leaves_are_of_a_pair_however_few_machines_there_are() -> None:
    """One switch with room for all came out, and the links that were written in no cable."""
    plane = planned(1, spines="none", peer_links=8)
    assert (plane.leaf, plane.leaf_leaf, len(plane.peer_links)) == (2, 8, 8)


def test_leaves_below_spines_are_joined_by_twos_and_keep_the_ports_for_it() -> None:
    """Machines of two ports end at both leaves of a pair; a leaf keeps two ports for its partner."""
    without, plane = planned(64), planned(64, peer_links=2)
    pairs = set()
    for rail, number in product((0, 2, 4, 6), ("001", "002", "003")):
        pairs.add((f"f-a-p0-leaf-r{rail}-{number}", f"f-a-p0-leaf-r{rail + 1}-{number}"))
    assert (plane.leaf, plane.partners, len(plane.peer_links)) == (24, 24, 24)
    assert set(plane.peer_links.pairs()) == pairs
    assert (without.leaf, without.partners) == (16, 0)
    assert plane.oversubscription == without.oversubscription == "1:1"
    assert plane.bisection == without.bisection
    used = Counter(name for row in plane.cables for name in (row.lower, row.upper) if "-leaf-" in name)
    assert max(used.values()) <= 64
    assert [*plane.peer_links, *plane.routed_links] == list(plane.switch_links)
    assert plane.routed_links == plane.uplinks


@pytest.mark.parametrize(
    ("nodes", "fields", "pairs"),
    [
        # One leaf for all rails of a machine, and three groups of rails: neighbours of one rail.
        (8, {"role": "in-band", "rails": 1, "leaf_hosts": 2}, ["r0-001 r0-002", "r0-003 r0-004"]),
        (
            6,
            {"role": "in-band", "rails": 3, "leaf_hosts": 3},
            ["r0-001 r0-002", "r1-001 r1-002", "r2-001 r2-002"],
        ),
        # The last leaf has no neighbour.
        (5, {"role": "in-band", "rails": 1, "leaf_hosts": 2}, ["r0-001 r0-002"]),
        # Pods of one rail each: a pair is in one pod.
        (
            8,
            {"role": "in-band", "rails": 2, "leaf_hosts": 2, "pod_leaves": 2, "pod_by": "rail"},
            ["r0-001 r0-002", "r0-003 r0-004", "r1-001 r1-002", "r1-003 r1-004"],
        ),
    ],
)
def test_neighbours_that_serve_the_same_machines_or_the_same_rail_are_a_pair(
    nodes: int, fields: dict[str, Any], pairs: list[str]
) -> None:
    plane = planned(nodes, peer_links=1, **fields)
    found = {f"{lower} {upper}".replace("f-a-p0-leaf-", "") for lower, upper in plane.peer_links.pairs()}
    assert sorted(found) == pairs


def test_spines_and_border_leaves_are_joined_by_twos_as_well() -> None:
    """The reference topology of Cumulus: four leaves, two spines and two border leaves, all in pairs."""
    border = {"leaves": 2, "ports": 2, "peer_links": 2}
    shape = {"role": "in-band", "rails": 2, "leaf_hosts": 2, "uplinks": 2, "spines": 2}
    plane = planned(4, peer_links=2, spine_peer_links=2, border=border, **shape)
    tiers = Counter(lower.split("-")[3] for lower in plane.peer_links.lowers())
    assert tiers == {"leaf": 4, "spine": 2, "border": 2}
    assert (plane.partners, plane.leaf_spine, plane.outside) == (8, 12, 4)
    assert plane.why["partners"] == (
        "2 pairs of leaves x 2 links; 1 pair of spines x 2 links; 1 pair of border leaves x 2 links"
    )


@pytest.mark.parametrize(("nodes", "borders"), [(20, 6), (32, 8), (36, 6), (52, 8), (104, 4)])
def test_a_pair_is_in_one_pod_also_where_border_leaves_make_more_pods(nodes: int, borders: int) -> None:
    """Pods of 20 machines and six border leaves came out without any leaf."""
    border = {"leaves": borders, "ports": 2}
    shape: dict[str, Any] = {"role": "in-band", "rails": 2, "radix": 12, "spines": "least"}
    plane = planned(nodes, peer_links=1, border=border, **shape)
    assert plane.tiers == 3
    assert plane.partners == plane.leaf // 2


def test_links_of_pairs_take_the_last_ports_of_a_spine_before_those_to_the_outside() -> None:
    plane = planned(16, spine_peer_links=2, border={"at": "spine", "ports": 4})
    ports = {row.lower_port for row in plane.peer_links}
    assert ports == {"59", "60"}
    assert {row.upper_port for row in plane.outside_links} == {"61", "62", "63", "64"}


def test_infiniband_leaves_have_as_many_links_to_their_partner_as_upwards() -> None:
    """Its shortest path leads over them alone, so fewer would carry less than the plane's bisection says."""
    problem = refused(64, peer_links=2, kind="infiniband")
    assert problem.where.field == "fabrics[0].peer_links"
    assert problem.hint == "write 22 or more, or leave it out"
    plane = planned(64, peer_links=24, kind="infiniband")
    assert fat_tree_misfit(plane) == "switches of a pair are joined to each other"


def test_a_pair_carries_what_its_links_carry_and_loses_what_it_loses() -> None:
    plane = planned(12, spines="none", breakout=2, leaf_rails=4, peer_links=12, oversubscription="4:1")
    assert (plane.leaf_leaf, plane.oversubscription, plane.bisection) == (12, "4:1", 12 * plane.link)
    links = Links(plane, {})
    assert links.without() == 12
    assert links.without(cut=("f-a-p0-leaf-r0-001", "f-a-p0-leaf-r4-001")) < 12

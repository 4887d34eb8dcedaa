"""Phases: what stands in one is part of what stands in the next, to the cable."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory

from .checker import findings
from .factories import codes, factory, management, only_problem, pool, site

PHASES = ("day-1", "two", "all")
SHAPES: tuple[dict[str, Any], ...] = (
    {"radix": 64},
    {"radix": 64, "planes": 2},
    {"radix": 16, "padding": "none"},
    {"radix": 64, "leaf_rails": 4, "spines": "least", "padding": "none"},
    {"radix": 64, "leaf_rails": 8, "leaf_hosts": "rack", "spines": "least", "oversubscription": "2:1"},
    {"radix": 32, "pod_leaves": 8},
    {"radix": 32, "pod_leaves": 4, "pod_by": "rail", "spines": "least"},
    {"radix": 128, "spines": "none", "oversubscription": "4:1", "padding": "none"},
    {"radix": 64, "managers": 4},
    {"radix": 64, "uplinks": "attached", "padding": "none", "spines": "least"},
    {"radix": 32, "pod_leaves": 8, "peer_links": 2, "spine_peer_links": 2, "spines": "least"},
)


def compute(**more: Any) -> dict[str, Any]:
    return {"name": "c", "role": "compute", "kind": "roce", "rails": 8, "link": "400 Gbps", **more}


def phased(numbers: tuple[tuple[int, int], ...], shape: dict[str, Any], **more: Any) -> AIFactory:
    """Describe two pools that grow, with every network that a factory has."""
    train, serve = numbers[-1]
    phases: list[dict[str, Any]] = []
    for name, (first, second) in zip(PHASES, numbers, strict=True):
        entries = [{"pool": "train", "nodes": first}, {"pool": "serve", "nodes": second}]
        phases.append({"name": name, "pools": entries})
    pools = [pool(nodes=train, spares="auto"), pool("serve", nodes=serve, purpose="inference", spares=1)]
    return factory(**{"pools": pools, "fabrics": [compute(**shape), *management()], "phases": phases, **more})


def plans_of(described: AIFactory) -> list[Plan]:
    """Plan the factory as it stands in each phase, and as it would be without phases."""
    return [plan(described.in_phase(phase.name)) for phase in described.phases]


def ports_of(planned: Plan) -> dict[tuple[str, str], tuple[str, str]]:
    """Read each end of each cable from the canonical JSON: which port it leads to."""
    ends: dict[tuple[str, str], tuple[str, str]] = {}
    for plane in planned.to_data()["fabrics"]:
        for lower, lower_port, upper, upper_port in plane["cables"]:
            for end, other in (
                ((lower, lower_port), (upper, upper_port)),
                ((upper, upper_port), (lower, lower_port)),
            ):
                assert end not in ends, f"{end} has two cables"
                ends[end] = other
    return ends


def addresses_of(planned: Plan) -> dict[str, tuple[Any, ...]]:
    """Read names, places and addresses of all devices."""
    places: dict[str, tuple[Any, ...]] = {}
    for node in planned.nodes:
        places[node.name] = (node.rack, node.place, node.address, node.bmc, node.cluster, node.scalable_unit)
    for plane in planned.fabrics:
        for device in plane.switches:
            places[device.name] = (device.rack, device.loopback, device.asn, device.tier, device.rail)
    return places


def grows(before: Plan, after: Plan) -> None:
    """Hold that nothing that stands is moved, renamed or cabled again."""
    assert ports_of(before).items() <= ports_of(after).items()
    assert addresses_of(before).items() <= addresses_of(after).items()
    assert set(before.prefixes) <= set(after.prefixes)
    later = {rack.name: rack for rack in after.racks}
    for rack in before.racks:
        # From the bottom: what comes later stands above what is there.
        assert later[rack.name].devices[: len(rack.devices)] == rack.devices
        assert later[rack.name].pdus == rack.pdus
        assert later[rack.name].power >= rack.power


def counts_add_up(planned: Plan) -> None:
    """Hold the phase of now against the plan that it counts."""
    now = [phase for phase in planned.phases if phase.stands][-1]
    totals = now.totals
    assert totals["nodes"] + totals["spares"] == len(planned.nodes)
    assert totals["racks"] == len(planned.racks)
    assert totals["switches"] == sum(len(plane.switches) for plane in planned.fabrics)
    assert totals["cables"] == sum(len(plane.cables) for plane in planned.fabrics)
    assert totals["it_load_watts"] == planned.power[0].it_load == sum(rack.power for rack in planned.racks)
    for name, count in planned.phases[-1].totals.items():
        assert count == sum(phase.added[name] for phase in planned.phases)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Draw three growing numbers of machines of two pools, of which the second may come later."""
    train = sorted(draw(st.lists(st.integers(1, 70), min_size=3, max_size=3)))
    serve = sorted(draw(st.lists(st.integers(0, 24), min_size=2, max_size=2)))
    serve.append(draw(st.integers(max(serve[-1], 1), 24)))
    return tuple(zip(train, serve, strict=True))


@settings(max_examples=25)
@given(numbers=numbers(), shape=st.sampled_from(SHAPES))
def test_each_phase_is_part_of_the_next_and_the_last_is_the_whole(
    numbers: tuple[tuple[int, int], ...], shape: dict[str, Any]
) -> None:
    described = phased(numbers, shape)
    # Few shapes hold all numbers of machines: what is refused as a whole has no phases.
    assume(not codes(described))
    plans = plans_of(described)
    for before, after in pairwise(plans):
        grows(before, after)
    for planned in plans:
        assert findings(planned.to_data()) == []
        counts_add_up(planned)
    whole = plans[-1].to_data()
    alone = plan(described.model_copy(update={"phases": (), "phase": None})).to_data()
    for name in ("nodes", "power", "prefixes", "storage"):
        assert whole[name] == alone[name]
    assert [plane["cables"] for plane in whole["fabrics"]] == [plane["cables"] for plane in alone["fabrics"]]


def tiers(planned: Plan) -> tuple[int, int, int]:
    fabric = planned.fabrics[0]
    return fabric.leaf, fabric.spine, fabric.core


def test_one_scalable_unit_of_four_has_its_leaves_and_every_spine() -> None:
    """A SuperPOD of DGX H100 has 8 leaves a unit of 32, and 16 spines for four (RA-11333-001, table 3)."""
    pools = [pool(nodes=127), pool("serve", nodes=1, purpose="inference")]
    described = phased(((31, 1), (63, 1), (127, 1)), {"radix": 64, "pools": ["train"]}, pools=pools)
    first, second, last = plans_of(described)
    assert [tiers(first), tiers(second), tiers(last)] == [(8, 16, 0), (16, 16, 0), (32, 16, 0)]
    leaf_links = Counter(first.fabrics[0].uplinks.lowers())
    assert set(leaf_links.values()) == {32}


def test_the_spines_of_a_pod_come_with_its_first_leaf_and_cores_at_the_start() -> None:
    shape = {"radix": 32, "pod_leaves": 8, "padding": "none", "pools": ["train"]}
    described = phased(((16, 1), (32, 1), (64, 1)), shape)
    counts = [tiers(planned) for planned in plans_of(described)]
    leaves, spines, cores = zip(*counts, strict=True)
    assert leaves[0] < leaves[1] < leaves[2]
    assert spines[0] < spines[1] < spines[2]
    assert cores[0] == cores[2] > 0


def test_a_factory_that_names_no_phase_stands_whole() -> None:
    described = phased(((4, 1), (8, 2), (16, 4)), {"radix": 64})
    assert plan(described).nodes == plan(described.in_phase("all")).nodes
    assert [phase.stands for phase in plan(described.in_phase("two")).phases] == [True, True, False]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_pool_that_comes_later_has_its_places_ports_and_addresses_kept(shape: dict[str, Any]) -> None:
    described = phased(((8, 0), (8, 4), (16, 4)), shape)
    first, second, last = plans_of(described)
    assert {node.pool for node in first.nodes} == {"train"}
    assert [part.pool for part in first.clusters[0].pools] == ["train"]
    grows(first, second)
    grows(second, last)
    assert findings(first.to_data()) == []
    counts_add_up(first)


def test_machines_keep_their_cluster_when_the_end_takes_several() -> None:
    described = phased(((4, 1), (20, 4), (40, 8)), {"radix": 64}, clusters={"nodes": 24})
    plans = plans_of(described)
    for before, after in pairwise(plans):
        grows(before, after)
    names = [[cluster.name for cluster in planned.clusters] for planned in plans]
    assert set(names[0]) <= set(names[1]) <= set(names[2])
    assert len(names[2]) > 1
    for planned in plans:
        assert sum(cluster.nodes for cluster in planned.clusters) == len(planned.nodes)


def test_a_cap_and_every_feed_count_what_stands() -> None:
    described = phased(((5, 1), (8, 2), (16, 4)), {"radix": 64})
    for planned in plans_of(described):
        [power] = planned.power
        assert sum(power.feeds.values()) == power.it_load


def test_what_the_end_needs_is_asked_of_the_site_from_the_start() -> None:
    small = site()
    small["power"]["it_budget"] = "250 kW"
    described = phased(((4, 1), (8, 1), (30, 1)), {"radix": 64}, sites=[small], phase="day-1")
    assert only_problem(described).code == "over-budget"

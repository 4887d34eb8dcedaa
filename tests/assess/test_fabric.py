"""The fabric's reading, against the plan's own figures and against a maximum flow by another hand."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.fabric import FabricLoss, FabricReport, Links, assess_fabrics
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from tests.assess.stacks import changed
from tests.plan import wishes
from tests.render.lab import stack

STACKS = ("lab", "plural", "superpod", "gigafactory")


def report(name: str, plane: str) -> FabricReport:
    return next(one for one in assess_fabrics(stack(name)[1]) if one.plane == plane)


def losses(name: str, plane: str) -> dict[str, FabricLoss]:
    return {loss.kind: loss for loss in report(name, plane).losses}


def first_half(plane: FabricPlan) -> set[str]:
    """Return the first leaves that have half of the endpoints together, or up to one leaf more."""
    below = Counter(plane.host_links.uppers())
    first: set[str] = set()
    for switch in plane.switches:
        if switch.tier == "leaf" and sum(below[leaf] for leaf in first) < plane.endpoints // 2:
            first.add(switch.name)
    return first


def flow(plane: FabricPlan, gone: set[str]) -> int:
    """Give the links that one half of the leaves can fill towards the other, by maximum flow over every
    cable.
    """
    leaves = [one.name for one in plane.switches if one.tier == "leaf"]
    graph = nx.DiGraph()
    below = Counter(plane.host_links.uppers())
    first = first_half(plane)
    for leaf in leaves:
        ends = ("source", leaf) if leaf in first else (leaf, "sink")
        graph.add_edge(*ends, capacity=0 if leaf in gone else below[leaf])
    for lower, upper in plane.switch_links.pairs():
        if lower in gone or upper in gone:
            continue
        for a, b in ((lower, upper), (upper, lower)):
            graph.add_edge(a, b, capacity=graph.get_edge_data(a, b, {"capacity": 0})["capacity"] + 1)
    found: int = nx.maximum_flow_value(graph, "source", "sink")
    return found


@pytest.mark.parametrize("name", STACKS)
def test_without_a_loss_the_bisection_is_the_plans(name: str) -> None:
    plan = stack(name)[1]
    assert [one.bisection for one in assess_fabrics(plan)] == [plane.bisection for plane in plan.fabrics]


def test_the_labs_compute_fabric_loses_exactly_its_share() -> None:
    found = losses("lab", "compute-fra1-p0")
    assert {kind: loss.share for kind, loss in found.items() if kind in ("leaf", "spine", "plane")} == {
        "leaf": Fraction(7, 8),
        "spine": Fraction(3, 4),
        "plane": 0,
    }
    assert (found["leaf"].endpoints, found["leaf"].gpus, found["spine"].endpoints) == (16, 128, 0)
    assert (found["rack of machines"].endpoints, found["rack of machines"].gpus) == (32, 32)


def test_no_feed_takes_a_switch_with_two_supplies_along() -> None:
    for name in STACKS:
        assert all(
            loss.share == 1
            for one in assess_fabrics(stack(name)[1])
            for loss in one.losses
            if loss.kind == "feed"
        )


@pytest.mark.parametrize(
    "gone", [(), ("compute-fra1-p0-spine-001",), ("compute-fra1-p0-spine-001", "compute-fra1-p0-spine-003")]
)
def test_what_survives_agrees_with_a_maximum_flow(gone: tuple[str, ...]) -> None:
    plane = stack("lab")[1].fabrics[0]
    assert Links(plane, {}).without(set(gone)) == flow(plane, set(gone))


def test_a_core_of_the_gigafactory_costs_its_group_and_no_more() -> None:
    found = losses("gigafactory", "compute-north-p0")
    assert 0 < 1 - found["core"].share < Fraction(1, 1000)
    assert found["core"].share > found["spine"].share - Fraction(1, 100)
    assert found["leaf"].endpoints == 32


def test_every_loss_leaves_at_most_what_was_there_and_names_a_part() -> None:
    for loss in chain.from_iterable(one.losses for name in STACKS for one in assess_fabrics(stack(name)[1])):
        assert 0 <= loss.left <= loss.whole
        assert loss.example
        assert loss.parts > 0


def test_a_lost_port_never_makes_a_bisection_of_a_few_links_larger(tmp_path: Path) -> None:
    found = changed("lab", "nodes: 12", "nodes: 14", tmp_path, ("gpus: 96", "gpus: 112"))[1]
    report_ = next(one for one in assess_fabrics(found) if one.plane == "oob-fra1-p0")
    assert {loss.kind: loss.share for loss in report_.losses}["link to a machine"] == 1
    assert all(loss.left <= loss.whole for loss in report_.losses)


@pytest.mark.parametrize("gone", [(), ("oob-north-p0-core-001",), ("oob-north-p0-spine-001",)])
def test_below_cores_too_a_maximum_flow_finds_no_less_and_hardly_more(gone: tuple[str, ...]) -> None:
    plane = next(one for one in stack("gigafactory")[1].fabrics if one.name == "oob-north-p0")
    left, found = Links(plane, {}).without(set(gone)), flow(plane, set(gone))
    # The flow halves by whole leaves in order, not by the worst, and its second half may be the smaller one.
    below = Counter(plane.host_links.uppers())
    short = sum(below[leaf] for leaf in first_half(plane)) - plane.endpoints // 2
    assert left - short <= found <= left + 26
    assert 0 <= short < max(below.values())


@pytest.mark.parametrize(
    ("plane", "racks", "ports", "gpus"),
    [
        ("hopper-vie1-p0", 9, 32, 32),
        ("grace-vie1-p0", 2, 72, 72),
        ("instinct-vie1-p0", 4, 32, 32),
        ("gaudi-vie1-p0", 3, 18, 24),
    ],
)
def test_a_rack_of_machines_is_one_whose_machines_are_on_the_plane(
    plane: str, racks: int, ports: int, gpus: int
) -> None:
    """Hopper has four machines of eight GPUs and rails a rack, grace eighteen of four, gaudi three with six
    of the eight ports each.
    """
    found = losses("plural", plane)["rack of machines"]
    assert (found.parts, found.endpoints, found.gpus) == (racks, ports, gpus)
    assert found.share < 1


def test_a_rack_of_leaves_that_cuts_off_ports_is_not_hidden_by_a_rack_of_spines() -> None:
    """The gigafactory has 18 leaves of 32 ports in a rack.

    They are of three units of 256 GPUs. Without a rack of spines no port is lost, but more of the bisection.
    """
    found = losses("gigafactory", "compute-north-p0")
    least, most = found["rack of switches"], found["rack of switches, most ports"]
    assert least.endpoints == 0
    assert (most.endpoints, most.gpus) == (576, 768)
    assert least.share < most.share < 1


def test_no_part_cuts_off_more_ports_than_the_rows_of_its_kind_say() -> None:
    plane = next(one for one in stack("gigafactory")[1].fabrics if one.name == "compute-north-p0")
    racks: dict[str, int] = {}
    for one in plane.switches:
        racks[one.rack] = racks.get(one.rack, 0) + (one.tier == "leaf")
    assert (
        losses("gigafactory", plane.name)["rack of switches, most ports"].endpoints
        == max(racks.values()) * 32
    )


def _agree_on_the_fullest_leaf(factory: AIFactory, planned: Plan) -> None:
    """Hold what three assessments say of the machines on a compute leaf against each other."""
    energy = {one.what: one.stops for one in assess_energy(factory, planned).failures}
    reports = {one.plane: {loss.kind: loss for loss in one.losses} for one in assess_fabrics(planned)}
    goodput = assess_goodput(factory, planned, runs=0)
    for plane in planned.fabrics:
        if plane.role == "compute":
            assert energy[f"leaf of {plane.name}"] == reports[plane.name]["leaf"].nodes, plane.name
    for pool in factory.pools:
        leaf = goodput.measure(f"pool.{pool.name}.spares.domain.leaf").value or 0
        assert leaf <= min(max(loss["leaf"].nodes for loss in reports.values()), pool.nodes)


@pytest.mark.parametrize("name", STACKS)
def test_every_assessment_counts_the_machines_on_the_fullest_leaf_alike(name: str) -> None:
    _agree_on_the_fullest_leaf(*stack(name))


def test_with_spares_the_fullest_leaf_of_the_lab_has_fourteen_machines_for_every_assessment(
    tmp_path: Path,
) -> None:
    auto = (("nodes: 12, ", "nodes: 12, spares: auto, "), ("nodes: 4, ", "nodes: 4, spares: auto, "))
    # Five machines more than the lab has draw more than its budget.
    factory, planned = changed("lab", *auto[0], tmp_path, auto[1], ("250 kW", "300 kW"))
    _agree_on_the_fullest_leaf(factory, planned)
    assert (
        next(
            one.stops
            for one in assess_energy(factory, planned).failures
            if one.what == "leaf of compute-fra1-p0"
        )
        == 14
    )
    assert assess_goodput(factory, planned, runs=0).measure("pool.train.spares.domain.leaf").value == 12


def test_a_pools_leaf_is_one_of_its_own_fabric() -> None:
    found = assess_goodput(*stack("plural"), runs=0)
    leaves = {
        pool: found.measure(f"pool.{pool}.spares.domain.leaf").value
        for pool in ("hopper", "grace", "instinct", "gaudi")
    }
    assert leaves == {"hopper": 32, "grace": 32, "instinct": 16, "gaudi": 8}


PORTS = st.sampled_from((4, 6, 8, 16))
RATIOS = st.sampled_from(("1:1", "2:1", "3:1", "7:1", "11:1"))
BORDERS = st.sampled_from((None, {"ports": 1}, {"at": "leaf", "ports": 1}, {"at": "spine", "ports": 1}))
SHAPES = st.sampled_from(({}, {"spines": "least"}, {"leaf_hosts": 2}))


@given(st.integers(1, 40), PORTS, RATIOS, SHAPES, BORDERS)
@example(5, 4, "3:1", {}, None)
@example(7, 6, "3:1", {"spines": "least"}, None)
@example(3, 8, "3:1", {"leaf_hosts": 2}, None)
def test_no_failure_leaves_more_than_was_there(
    nodes: int, radix: int, ratio: str, shape: dict[str, Any], border: dict[str, Any] | None
) -> None:
    """The examples are planes whose fullest leaf carries least: without one of its machines it carries more
    for each of the others, and the worst half of the others sends more than the worst half of all did.
    """
    fields: dict[str, Any] = {"role": "out-of-band", "rails": 1, "radix": radix, "link": "1 Gbps", **shape}
    fields |= {"name": "f", "oversubscription": ratio, "border": border}
    try:
        factory = wishes.wish([wishes.pool(nodes=nodes)], fields)
        nodes_there = wishes.machines(factory)
        planes = plan_fabrics(factory, nodes_there)
    except SpecError:
        return
    [found] = assess_fabrics(SimpleNamespace(nodes=nodes_there, fabrics=planes, racks=()))
    assert found.bisection == planes[0].bisection
    for loss in found.losses:
        assert 0 <= loss.left <= loss.whole == found.bisection, loss
        assert 0 <= loss.share <= 1

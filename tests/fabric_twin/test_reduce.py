"""A part of a plane that is too large: faithful, within the limits, and said."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
import yaml

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.fabric_twin.neighbours import planned
from sovereign_ai.fabric_twin.reduce import Limits, limits, reduced
from sovereign_ai.fabric_twin.sample import choose_sample, predict
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_text
from tests.conftest import STACKS
from tests.fabric_twin.planar import shaped
from tests.outputs.designs import design
from tests.render.lab import stack

CASES = [
    ("superpod", Limits()),
    ("superpod", Limits(16, 400)),
    ("superpod", Limits(40, 1200)),
    ("gigafactory", Limits()),
]


@cache
def ethernet(name: str) -> tuple[AIFactory, Plan]:
    """A stack whose InfiniBand fabrics are described as RoCE instead."""
    data = yaml.safe_load((STACKS / name / "factory.yaml").read_text(encoding="utf-8"))
    for site in data["sites"]:
        # A switch without a model draws more than the one that is left out, at the upper end.
        if site["power"]["it_budget"] == "100 MW":
            site["power"] |= {"it_budget": "120 MW", "feeds": dict.fromkeys("ABCDEF", "26 MW")}
        for hall in site["halls"]:
            hall["cooling"].pop("airflow", None)
    for fabric in data["fabrics"]:
        if fabric["kind"] == "infiniband":
            fabric |= {"kind": "roce", "radix": 64}
            fabric.pop("switch", None)
            fabric.pop("managers", None)
            fabric.pop("subnets", None)
    factory = read_text(yaml.safe_dump(data).encode(), "factory.yaml").factory
    return factory, plan(factory)


@pytest.mark.parametrize(("name", "most"), CASES)
def test_the_parts_fit_and_keep_every_cable_between_what_is_in_them(name: str, most: Limits) -> None:
    factory, derived = ethernet(name)
    found = choose_sample(factory, derived, None, most)
    assert len(found.switches) <= most.switches
    assert found.cables <= most.cables
    for one in found.parts:
        whole = next(plane for plane in derived.fabrics if plane.name == one.name)
        part = one.plane
        kept = {switch.name for switch in part.switches}
        hosts = set(part.host_links.lowers())
        inner = [link for link in whole.switch_links if link.lower in kept and link.upper in kept]
        assert list(part.switch_links) == inner
        assert (part.leaf_spine + part.spine_core, part.node_leaf + len(inner)) == (
            len(inner),
            len(part.cables),
        )
        assert Counter(switch.tier for switch in part.switches) == Counter(
            leaf=part.leaf, spine=part.spine, core=part.core
        )
        below = Counter(part.host_links.lowers())
        assert set(below.values()) == {part.rails}
        assert len(hosts) * part.rails == part.node_leaf == len(one.endpoints)


@pytest.mark.parametrize(("name", "most"), CASES)
def test_each_part_has_two_groups_every_zone_and_even_paths(name: str, most: Limits) -> None:
    factory, derived = ethernet(name)
    found = choose_sample(factory, derived, None, most)
    zones = {node.zone for node in derived.nodes if node.site == found.parts[0].plane.site}
    assert {part.plane.role for part in found.parts} == {"compute", "storage"}
    for part in found.parts:
        assert {end.zone for end in part.endpoints} >= zones
        assert part.plane.leaf >= 2 * part.plane.rails
        assert len({len(one.fabric) for one in part.tier("leaf")}) == 1
        assert all(one.fabric for one in part.tier("leaf"))


@pytest.mark.parametrize(("name", "most"), CASES)
def test_a_part_is_said_and_foretold_by_itself(name: str, most: Limits) -> None:
    factory, derived = ethernet(name)
    found = choose_sample(factory, derived, None, most)
    foretold = predict(found, derived)
    assert found.summary.startswith(f"a part of {found.planes[0]}: ")
    for part in found.parts:
        whole = next(plane for plane in derived.fabrics if plane.name == part.name)
        reduced_ = f"a part of {part.name}: {part.plane.rails} of {whole.rails} rails, "
        assert part.summary.startswith(f"the whole of {part.name}: " if part.plane == whole else reduced_)
        assert part.summary in found.summary
        assert f"{part.plane.leaf} of {whole.leaf:,} leaves" in part.summary or part.plane == whole
        losses = {one.kind: one for one in foretold.planes[part.name].losses}
        assert losses["plane"].endpoints == foretold.lost[part.name].endpoints == len(part.endpoints)
        assert losses["leaf"].example in {one.switch.name for one in part.switches}


def test_ports_of_a_part_are_the_planned_ones_and_both_ends_agree() -> None:
    factory, derived = ethernet("superpod")
    found = choose_sample(factory, derived, None, Limits(16, 400))
    assert len(found.parts) > 1
    wanted = planned(found)
    assert all(wanted[peer] == port for port, peer in wanted.items())
    for one in found.switches:
        assert frr(one).count(" interface peer-group FABRIC") == len(one.fabric)


def test_what_fits_is_not_touched() -> None:
    derived = stack("lab")[1]
    plane = derived.fabrics[0]
    found, said = reduced(plane, {}, Limits())
    assert found is plane
    assert said.startswith("the whole of compute-fra1-p0")


def test_nothing_that_fits_is_an_error_and_this_machine_has_limits() -> None:
    with pytest.raises(ValueError, match="no part that fits 1 switch"):
        reduced(stack("lab")[1].fabrics[0], {}, Limits(1, 1))
    with pytest.raises(EnvironmentLacksError, match="no-room"):
        choose_sample(*stack("lab"), None, Limits(1, 1))
    assert 2 <= limits().switches <= 64


@pytest.mark.parametrize(("cables", "leaves", "peers", "hosts"), [(500, 2, 24, 48), (60, 1, 0, 24)])
def test_a_part_of_a_pair_of_leaves_is_both_with_their_links_or_one_without(
    cables: int, leaves: int, peers: int, hosts: int
) -> None:
    fields = {"spines": "none", "breakout": 2, "leaf_rails": 4, "radix": 64}
    plane = shaped("pair", **fields)[1].fabrics[0]
    part, _ = reduced(plane, {}, Limits(64, cables))
    assert (part.leaf, part.leaf_leaf, part.leaf_spine) == (leaves, peers, 0)
    assert (len(part.host_links), len(part.peer_links), len(part.uplinks)) == (hosts, peers, 0)
    assert len(part.cables) <= cables
    assert set(part.host_links.uppers()) == {switch.name for switch in part.switches}


@pytest.mark.parametrize(
    "name",
    [
        "border leaves",
        "leaves with links to the outside",
        "spines with links to the outside",
        "a switch with links to the outside",
        "pairs of switches",
    ],
)
@pytest.mark.parametrize("most", [Limits(), Limits(16, 400)], ids=["whole", "part"])
def test_a_twin_has_no_link_to_the_outside_and_border_leaves_where_it_is_whole(
    name: str, most: Limits
) -> None:
    factory, derived = design(f"edge {name}")
    found = choose_sample(factory, derived, None, most)
    for part in found.parts:
        whole = next(plane for plane in derived.fabrics if plane.name == part.name)
        assert not part.plane.outside
        assert not [port for switch in part.switches for port in switch.ports if port.outside]
        is_whole = part.summary.startswith("the whole of")
        assert part.plane.border == (whole.border if is_whole else 0)
        assert len(part.plane.cables) <= len(whole.cables) - whole.outside
        for switch in part.switches:
            assert frr(switch).count(" interface peer-group FABRIC") == len(switch.fabric)

"""Campuses: links between buildings reach, carry what they say, and are refused where they cannot be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.catalog.parts import part
from sovereign_ai.plan.campus import CampusLink
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.plan_summary import summary
from sovereign_ai.units import Metres
from tests.plan.campuses import fabric, on_campus, route
from tests.plan.factories import only_problem, pool


def only_link(**more: Any) -> CampusLink:
    """The one link of the campus."""
    (link,) = plan(on_campus(**more)).campus
    return link


def test_links_between_buildings_follow_from_what_the_machines_send_and_the_ratio() -> None:
    link = only_link()
    # 8 machines x 8 rails x 400 Gbps at 4:1 over 400 Gbps.
    assert (link.buildings, link.links, link.oversubscription) == (("north", "south"), 16, "4:1")
    assert link.after_loss == "8:1"
    assert sum(use.links for use in link.routes) == 16


def test_each_route_gets_the_optic_of_least_reach_that_suffices() -> None:
    east, west = only_link().routes
    assert (east.optic, east.fibres, east.optics) == ("dr4-400g", 64, 16)
    assert (west.optic, west.fibres, west.optics) == ("fr4-400g", 16, 16)
    # 450 m x 1.468 / c are 2,203.5 ns.
    assert east.latency_ns == 2_204


def test_one_route_is_a_cut_where_it_is_lost() -> None:
    assert only_link(campus={"routes": [route("east", "450 m")]}).after_loss == "cut"


def test_a_named_optic_must_reach_and_fit_the_rate() -> None:
    links = [{"fabrics": ["cn", "cs"], "oversubscription": "4:1", "optic": "dr4-400g"}]
    problem = only_problem(on_campus(campus={"links": links}))
    assert (problem.code, problem.where.field) == ("no-optic", "sites[0].campus.links[0].optic")
    links = [{"fabrics": ["cn", "cs"], "oversubscription": "4:1", "optic": "lr4-100g"}]
    assert "does not carry" in feasible(on_campus(campus={"links": links}))[0].message


def test_two_links_share_one_optic_of_twice_their_rate() -> None:
    links = [{"fabrics": ["cn", "cs"], "oversubscription": "4:1", "optic": "fr4x2-800g"}]
    east, west = only_link(campus={"links": links}).routes
    assert (east.optics, east.fibres) == (8, 16)
    assert east.links == west.links == 8


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"campus": {"routes": [route("far", "90 km")]}}, "no-optic"),
        ({"campus": {"routes": [route("thin", "450 m", fibres=127)]}}, "no-fibres"),
        ({"fabrics": [fabric("cn", ["tn"], spines=4), fabric("cs", ["ts"])]}, "no-ports"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_links_that_cannot_be_are_refused(more: dict[str, Any], code: str) -> None:
    assert only_problem(on_campus(**more)).code == code


def test_a_fabric_over_two_buildings_needs_optics_that_reach_between_them() -> None:
    whole: dict[str, Any] = {"campus": {"links": []}, "fabrics": [fabric("all", ["tn", "ts"])]}
    problem = only_problem(on_campus(**whole))
    assert (problem.code, problem.where.field) == ("cable-too-long", "fabrics[0]")
    reaching = [fabric("all", ["tn", "ts"], reach="500 m")]
    assert feasible(on_campus(campus={"links": []}, fabrics=reaching)) == []


def test_a_tenant_is_told_from_how_many_gpus_its_gang_spans_buildings() -> None:
    tenants = [{"name": "lab", "seat": "DE"}]
    zones = [{"name": "z", "trust": "low", "tenants": ["lab"]}]
    notes = plan(on_campus(tenants=tenants, zones=zones)).warnings
    (note,) = [note for note in notes if note.startswith("tenant lab")]
    assert "a gang of more than 64 spans buildings (north and south at 4:1, 5.9 us one way)" in note
    unlinked = plan(on_campus(tenants=tenants, zones=zones, campus={"links": []})).warnings
    (note,) = [note for note in unlinked if note.startswith("tenant lab")]
    assert "no link joins their fabrics" in note


def test_the_summary_has_a_row_for_each_route_and_none_without_a_campus() -> None:
    rows = summary(plan(on_campus()))["campus"]
    assert [(row["route"], row["links"]) for row in rows] == [("east", 8), ("west", 8)]
    single = on_campus(campus={"links": []})
    assert "campus" not in summary(plan(single))


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 60_000), min_size=1, max_size=4),
    st.sampled_from(["1:1", "2:1", "4:1", "7:2", "64:1"]),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_every_link_between_buildings_has_optics_that_reach(
    metres: list[int], ratio: str, north: int, south: int
) -> None:
    routes = []
    for number, length in enumerate(metres):
        routes.append(route(f"r{number}", f"{length} m"))
    links = [{"fabrics": ["cn", "cs"], "oversubscription": ratio}]
    pools = [pool("tn", hall="n1", nodes=north), pool("ts", hall="s1", nodes=south)]
    described = on_campus(campus={"routes": routes, "links": links}, pools=pools)
    problems = feasible(described)
    if problems:
        assert {problem.code for problem in problems} <= {"no-optic", "no-ports"}
        return
    (link,) = plan(described).campus
    down, up = ratio.split(":")
    built = Fraction(link.sent, link.links * link.rate)
    assert built <= Fraction(int(down), int(up))
    # One link less would be above the ratio.
    assert link.links == 1 or Fraction(link.sent, (link.links - 1) * link.rate) > Fraction(int(down), int(up))
    assert sum(use.links for use in link.routes) == link.links
    for use in link.routes:
        optic = part(use.optic).source_of("reach")
        assert optic is not None
        assert use.length_cm <= optic.least(Metres).count
        assert use.fibres >= 2 * use.links

"""What a chain cannot carry: each problem at the field to change, with what fits."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import Problem
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from tests.plan.factories import codes, factory, hall, only_problem, pool, power, site
from tests.plan.power.chains import EFFICIENCY, generators, transformers, ups, with_chain

BUSBAR = {"voltage": "50 V", "current": "1400 A", "sections": 2, "shelf": "gb200-power-shelf", "shelves": 8}


def refused(parts: dict[str, Any], **more: Any) -> tuple[str, str, str]:
    """Code, field below the chain, and hint of the one problem."""
    problem = only_problem(with_chain(parts, **more))
    return problem.code, (problem.where.field or "").removeprefix("sites[0].power.chain."), problem.hint


def rack_scale(busbar: dict[str, Any], **more: Any) -> list[Problem]:
    """The problems of two racks of GB200 on a busbar."""
    halls = [hall("ha", "hybrid", rack_limit="160 kW")]
    pools = [pool(system="gb200-nvl72-tray", nodes=36)]
    return feasible(with_chain({"busbar": busbar}, pools=pools, halls=halls, **more))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"generators": generators(count=1)},
            ("chain-overload", "generators.count", "write at least 3, or larger ones"),
        ),
        (
            {"generators": generators(count=2)},
            ("chain-loss", "generators.count", "write at least 3, or larger ones"),
        ),
        (
            {"transformers": transformers(count=1)},
            ("chain-loss", "transformers.count", "write at least 2, or larger ones"),
        ),
        (
            {"grid": {"circuit": "90 kVA", "circuits": 1}},
            ("chain-overload", "grid.circuits", "write at least 2, or larger ones"),
        ),
        (
            {"ups": ups(module="10 kW", modules=4)},
            ("chain-loss", "ups.modules", "write at least 5, or larger modules"),
        ),
        (
            {"ups": ups(module="10 kW", modules=2)},
            ("chain-overload", "ups.modules", "write at least 5, or larger modules"),
        ),
        (
            {"generators": generators(fuel="1000 L")},
            ("fuel-short", "generators.fuel", "write at least '1366 L', or a shorter autonomy"),
        ),
    ],
    ids=lambda value: value[1] + " " + value[0] if isinstance(value, tuple) else "",
)
def test_too_few_elements_are_refused_with_the_least_that_carry_it(
    parts: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert refused(parts) == expected


def test_a_breaker_carries_80_percent_of_its_current_and_100_where_it_is_listed() -> None:
    # 20.4 kW on a PDU after the loss of a feed; sqrt(3) x 400 V x 32 A x 95 % are 21.06 kW.
    small = {"current": "32 A", "voltage": "400 V"}
    code, field, _ = refused({"breaker": {**small, "continuous": "80 %"}})
    assert (code, field) == ("circuit-overload", "breaker.current")
    assert codes(with_chain({"breaker": {**small, "continuous": "100 %"}})) == []


def test_a_breaker_that_only_the_loss_of_a_feed_overloads_is_accepted_where_that_is() -> None:
    small = {"current": "32 A", "voltage": "400 V", "continuous": "80 %"}
    assert "after the loss of a feed" in only_problem(with_chain({"breaker": small})).message
    assert codes(with_chain({"breaker": small}, survive="none")) == []


def test_a_busway_carries_all_racks_along_it() -> None:
    busway = {"current": "50 A", "voltage": "400 V", "continuous": "100 %"}
    code, field, _ = refused({"busway": {**busway, "racks": 2}})
    assert (code, field) == ("circuit-overload", "busway.current")
    assert codes(with_chain({"busway": {**busway, "racks": 1}})) == []


def test_a_busbar_over_its_amperes_is_refused_and_a_second_section_carries_it() -> None:
    assert rack_scale(BUSBAR) == []
    (problem,) = rack_scale({**BUSBAR, "sections": 1})
    assert (problem.code, problem.where.field) == ("busbar-overload", "sites[0].power.chain.busbar.current")
    assert "2,640 A" in problem.message
    # 132 kW at 800 V are 165 A.
    assert rack_scale({**BUSBAR, "sections": 1, "voltage": "800 V", "current": "165 A"}) == []
    assert rack_scale({**BUSBAR, "sections": 1, "voltage": "800 V", "current": "164 A"}) != []


def test_shelves_that_a_lost_feed_leaves_must_carry_the_rack() -> None:
    # Four shelves of 33 kW carry 132 kW; five on three feeds leave three.
    (problem,) = rack_scale({**BUSBAR, "shelves": 5})
    assert (problem.code, problem.where.field) == ("feed-loss", "sites[0].power.chain.busbar.shelves")
    assert rack_scale({**BUSBAR, "shelves": 6}) == []
    (problem,) = rack_scale({**BUSBAR, "shelves": 3})
    assert problem.code == "chain-overload"


def test_whether_a_rack_scale_system_survives_a_feed_is_known_from_its_shelves() -> None:
    halls = [hall("ha", "hybrid", rack_limit="160 kW")]
    pools = [pool(system="gb200-nvl72-tray", nodes=36)]
    unknown = plan(factory(sites=[site(halls=halls)], pools=pools)).power[0]
    assert (unknown.survives, unknown.unknown) == ({}, ("gb200-nvl72-tray",))
    known = plan(with_chain({"busbar": BUSBAR}, pools=pools, halls=halls)).power[0]
    assert (known.survives, known.unknown) == ({"A": True, "B": True, "C": True}, ())
    few = with_chain({"busbar": {**BUSBAR, "shelves": 4}}, pools=pools, halls=halls, survive="none")
    assert plan(few).power[0].survives == {"A": False, "B": False, "C": False}


def test_a_cap_is_what_budget_feeds_and_racks_count_on() -> None:
    capped = plan(factory(sites=[site(power=power(cap={"rack": "36 kW"}, it_budget="72 kW"))]))
    (found,) = capped.power
    assert (found.it_load, dict(found.limits)) == (72_000, {"train": 9_000})
    assert [rack.power for rack in capped.racks] == [36_000, 36_000]
    assert sum(found.feeds.values()) == 72_000


def test_a_cap_above_what_racks_draw_changes_nothing_but_the_description() -> None:
    loose = plan(factory(sites=[site(power=power(cap={"rack": "41 kW"}))])).power[0]
    assert (loose.it_load, loose.limits) == (81_600, {})


def test_a_cap_that_leaves_machines_nothing_is_refused() -> None:
    problem = only_problem(factory(sites=[site(power=power(cap={"rack": "2 W"}))]))
    assert (problem.code, problem.where.field) == ("cap-too-low", "sites[0].power.cap.rack")


def test_losses_that_no_figure_describes_are_named() -> None:
    found = plan(with_chain({"generators": generators(), "grid": {"circuit": "1 MVA", "circuits": 1}}))
    named = [warning for warning in found.warnings if "losses" in warning]
    assert named == [
        "site a: losses of the UPS are not described, and not counted for grid, generators",
        "site a: losses of transformers are not described, and not counted for grid",
    ]
    guessed = plan(with_chain({"ups": ups(efficiency={**EFFICIENCY, "grade": "estimate"})}))
    assert any("efficiency of the UPS rests on an estimate" in warning for warning in guessed.warnings)

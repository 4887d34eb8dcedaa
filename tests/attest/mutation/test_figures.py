"""One figure of the user's, such as a price: the numbers that follow from it may change, and no others do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sovereign_ai.assess.cost.report import assess_cost as cost
from sovereign_ai.assess.energy.report import assess_energy as energy
from sovereign_ai.assess.goodput.report import assess_goodput as goodput
from sovereign_ai.assess.measure import Measure
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import stack

WAYS: dict[str, Callable[..., Any]] = {
    "cost": cost,
    "energy": energy,
    "goodput": lambda factory, plan, given=None: goodput(factory, plan, given, runs=0),
}
OPEN = {
    "staff.people": 20.0,
    "staff.cost": 90_000.0,
    "other.cost": 1e6,
    "job.train.parameters": 7e10,
    "job.train.tokens": 2e12,
}
"""Figures that nobody publishes, given so that the totals that wait for them have a value."""


def _numbers(way: str, own: Mapping[str, float]) -> dict[str, Measure]:
    known = {"cost": {"staff.people", "staff.cost", "other.cost"}}.get(way, set()) | {
        one for one in OPEN if one.startswith("job.")
    }
    given = {
        name: GivenValue(value)
        for name, value in {**{one: OPEN[one] for one in known if way != "energy"}, **own}.items()
    }
    return {one.id: one for one in WAYS[way](*stack("lab"), given).measures}


def _leaves(numbers: Mapping[str, Measure]) -> list[Measure]:
    return [one for one in numbers.values() if not one.formula and one.value is not None]


def _behind(numbers: Mapping[str, Measure], name: str) -> set[str]:
    """Give everything that follows from a number."""
    found = {name}
    for one in numbers.values():
        if found & set(one.inputs):
            found.add(one.id)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_figure_changes_numbers_that_follow_from_it_and_no_others(way: str) -> None:
    before = _numbers(way, {})
    moving = 0
    for leaf in _leaves(before):
        after = _numbers(way, {leaf.id: (leaf.value or 0.0) * 0.97 + 0.0005})
        changed = {
            name
            for name in before
            if before[name].value != after[name].value or before[name].needs != after[name].needs
        }
        behind = _behind(before, leaf.id)
        assert leaf.id in changed
        assert changed <= behind, f"{leaf.id} moved {sorted(changed - behind)}"
        moving += len(changed) > 1
    assert moving > 20


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [0.0, -1.0, 2.0])
def test_a_figure_that_makes_no_sense_ends_in_infeasible_numbers_and_never_in_a_crash(
    way: str, value: float
) -> None:
    before = _numbers(way, {})
    for leaf in _leaves(before):
        assert set(_numbers(way, {leaf.id: value})) <= set(before)

"""Phases of construction: each adds to the one before, and the last is everything."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from tests.plan.factories import factory, pool
from tests.spec.refusals import refusals


def entry(nodes: int, name: str = "train") -> dict[str, Any]:
    return {"pool": name, "nodes": nodes}


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        (
            [{"name": "one", "pools": [entry(9)]}, {"name": "all"}],
            ("phase-exceeds", "phases[0].pools[0].nodes"),
        ),
        (
            [{"name": "one", "pools": [entry(6)]}, {"name": "two", "pools": [entry(4)]}, {"name": "all"}],
            ("phase-shrinks", "phases[1].pools[0].nodes"),
        ),
        (
            [{"name": "one"}, {"name": "two", "pools": [entry(4)]}, {"name": "all"}],
            ("phase-shrinks", "phases[1].pools[0].nodes"),
        ),
        ([{"name": "one", "pools": [entry(4)]}], ("phase-incomplete", "phases[0].pools[0].nodes")),
        (
            [{"name": "one", "pools": [entry(4), entry(4)]}, {"name": "all"}],
            ("duplicate-entry", "phases[0].pools[1]"),
        ),
        (
            [{"name": "one", "pools": [entry(4, "trian")]}, {"name": "all"}],
            ("unknown-name", "phases[0].pools[0].pool"),
        ),
        ([{"name": "one"}, {"name": "one"}], ("duplicate-name", "phases[1].name")),
        ([{"name": "one", "pools": [entry(0)]}, {"name": "all"}], ("phase-empty", "phases[0].pools")),
    ],
)
def test_a_phase_that_cannot_be_reached_is_refused_at_its_line(
    phases: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    assert refusals(pools=[pool()], phases=phases) == [expected]


def test_the_nearest_number_of_machines_is_named() -> None:
    phases = [{"name": "one", "pools": [entry(6)]}, {"name": "two", "pools": [entry(4)]}, {"name": "all"}]
    with pytest.raises(SpecError) as refused:
        factory(phases=phases)
    [problem] = refused.value.problems
    assert problem.message == "4 machines of pool 'train', and 6 stand after 'one'"
    assert problem.hint == "write at least 6: what stands is not taken away"


def test_the_phase_of_now_must_be_one_of_the_phases() -> None:
    assert refusals(phase="one") == [("unknown-name", "phase")]
    assert refusals(phases=[{"name": "one"}], phase="on") == [("unknown-name", "phase")]
    assert refusals(phases=[{"name": "one"}], phase="one") == []


def test_a_workload_fits_the_machines_that_stand_now() -> None:
    phases = [{"name": "one", "pools": [entry(4)]}, {"name": "all"}]
    described = factory(phases=phases, phase="one")
    assert described.standing(described.pools[0]) == 4
    assert described.in_phase("all").standing(described.pools[0]) == 8
    assert described.in_phase(None).standing(described.pools[0]) == 8


def test_a_description_without_phases_keeps_its_digest() -> None:
    assert b"phase" not in factory().canonical()

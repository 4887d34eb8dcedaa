"""The order of a twin's checks."""

from __future__ import annotations

from typing import Any, Self

import pytest

from sovereign_ai.fabric_twin import checks, queries
from sovereign_ai.fabric_twin.checks import run_checks
from sovereign_ai.fabric_twin.sample import choose_sample, predict
from tests.fabric_twin.answering import Quiet
from tests.fabric_twin.test_twin import CHECKS
from tests.render.lab import stack


def names(plane: str | None = None) -> list[str]:
    chosen = choose_sample(*stack("lab"), plane)
    work = checks._work(Quiet(chosen), None, predict(chosen, stack("lab")[1]))  # type: ignore[arg-type]
    return [f"{name} ({of})" if of else name for name, of, _ in work]


def test_checks_without_faults_come_first_and_planes_are_lost_last() -> None:
    assert tuple(names()) == CHECKS


def test_one_plane_alone_has_no_check_between_planes() -> None:
    assert not [name for name in names("storage-fra1-p0") if "planes" in name]


def test_a_result_has_the_outcome_of_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoPinger:
        def __init__(self, *_given: Any) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_given: object) -> None: ...

    monkeypatch.setattr(checks, "Pinger", NoPinger)
    monkeypatch.setattr(queries, "cabling", lambda _twin: (False, "a port hears nobody", {"wrong": 1}))
    chosen = choose_sample(*stack("lab"))
    first = next(run_checks(Quiet(chosen), predict(chosen, stack("lab")[1])))  # type: ignore[arg-type]
    assert (first.name, first.plane, first.passed, first.message) == (
        "cabling",
        "",
        False,
        "a port hears nobody",
    )
    assert first.figures == {"wrong": 1}

"""Every change of the table on a standing lab: one `up`, verified, a second one a no-op; and back again.

`make daytwo` tries them all; `conftest.py` leaves a part of them.
The few of `always` stand for the rest wherever a control plane is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.daytwo.standing import Standing, Times, report
from tests.daytwo.table import Change, changes, chosen, described
from tests.life import Lab

ALWAYS = frozenset(change.name for change in chosen("always"))
"""Changes that every run on a control plane tries."""


def _params(*, refused: bool, base: str | None = None) -> list[Any]:
    """Give the changes as parameters, those that stand for others marked as such."""
    marks = {True: [pytest.mark.cluster, pytest.mark.daytwo], False: [pytest.mark.daytwo]}
    return [
        pytest.param(change, id=change.name, marks=marks[change.name in ALWAYS])
        for change in changes()
        if bool(change.refused) is refused and base in {None, change.base}
    ]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    lab = Lab(tmp_path_factory.mktemp("daytwo"))
    made = Standing(lab)
    try:
        made.goes_to(described("lab"))
        yield made
    finally:
        lab.end()


@pytest.mark.parametrize(
    "change", [*_params(refused=False, base="lab"), *_params(refused=False, base="full")]
)
def test_a_change_converges_by_one_command_and_so_does_the_way_back(
    standing: Standing, change: Change
) -> None:
    standing.goes_to(change.before)
    times = Times()
    standing.changes(change.before, change.after, times, "there")
    standing.changes(change.after, change.before, times, "back")
    report(change.name, times, change.base)


@pytest.mark.parametrize("change", _params(refused=True))
def test_a_change_that_cannot_be_is_refused_before_anything_is_written(
    standing: Standing, change: Change
) -> None:
    standing.goes_to(change.before)
    standing.refuses(change.after, change.refused)

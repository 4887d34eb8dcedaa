"""A dozen changes of a lab that stands on real kubelets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daytwo.standing import Standing, Times, report
from tests.daytwo.table import Change, chosen, described
from tests.kind.lab import KindLab

pytestmark = pytest.mark.kind


@pytest.fixture(scope="module")
def standing(kind_lab: KindLab) -> Iterator[Standing]:
    made = Standing(kind_lab)
    made.goes_to(described("lab"))
    yield made
    made.goes_to(described("lab"))


@pytest.mark.parametrize("change", chosen("kind"), ids=lambda change: change.name)
def test_a_change_converges_on_real_kubelets_and_so_does_the_way_back(
    standing: Standing, change: Change
) -> None:
    standing.goes_to(change.before)
    times = Times()
    standing.changes(change.before, change.after, times, "there")
    standing.changes(change.after, change.before, times, "back")
    report(f"kind: {change.name}", times, change.base)

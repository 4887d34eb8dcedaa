"""A plain `pulumi up` keeps the order of changes as well as `sovereign-ai up` does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daytwo.standing import Standing, Times, report
from tests.daytwo.table import Change, chosen, described
from tests.life import Lab

pytestmark = pytest.mark.daytwo


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    lab = Lab(tmp_path_factory.mktemp("pulumi"))
    made = Standing(lab)
    try:
        made.goes_to(described("lab"))
        yield made
    finally:
        lab.end()


@pytest.mark.parametrize("change", chosen("pulumi"), ids=lambda change: change.name)
def test_a_plain_pulumi_up_converges_and_so_does_the_way_back(standing: Standing, change: Change) -> None:
    standing.goes_to(change.before)
    times = Times()
    standing.changes_by_pulumi(change.before, change.after, times, "there")
    standing.changes_by_pulumi(change.after, change.before, times, "back")
    report(f"pulumi: {change.name}", times, change.base)

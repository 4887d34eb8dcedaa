"""Limits from planned figures."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.limits import collective_limits, count, fio, portion, rates, share
from tests.render.lab import stack


def test_a_portion_is_a_share_of_the_planned_figure_with_the_same_range() -> None:
    part = share("rail-share")
    limit = portion("bus", part, 50.0, "a rail")
    assert limit.value == pytest.approx(float(part.value or 0) * 50)
    assert limit.least
    assert (limit.low is None) == (part.low is None)


def test_a_collective_runs_on_all_ranks_and_has_no_wrong_value() -> None:
    ranks, wrong = collective_limits(8, "8 GPUs")
    assert (ranks.met(8), ranks.met(7), wrong.met(0), wrong.met(1)) == (True, False, True, False)


def test_a_rate_that_the_plan_does_not_have_is_no_limit() -> None:
    tier = stack("lab")[1].storage[0]
    limits = list(rates(tier, 2_000_000_000, 0, "the rate", "read"))
    assert [(limit.metric, limit.value) for limit in limits] == [("read", 2.0), ("errors", 0)]


def test_fio_reads_before_it_writes() -> None:
    command = fio(stack("lab")[1].storage[0])
    assert command.index("--rw=read") < command.index("--stonewall") < command.index("--rw=write")


def test_a_count_has_no_unit() -> None:
    assert str(count("gpus", 8, "", "", least=True)) == "gpus at least 8"

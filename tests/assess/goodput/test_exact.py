"""Closed forms against published counts and against what must hold for any input."""

from __future__ import annotations

import math

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.goodput.exact import (
    RATE,
    best_interval,
    goodput,
    mean_between,
    net_of_corruption,
    spares_at,
    young_interval,
)
from sovereign_ai.plan.spares import poisson_spares

times = st.floats(min_value=1, max_value=1e6)


def test_419_interruptions_in_54_days_of_2048_machines_are_3_79_for_1000_machine_days():
    assert round(float(RATE * 8 * 1000), 2) == 3.79
    assert round(mean_between(RATE * 16_384), 2) == 3.09
    assert round(1 / float(RATE) / 365.25, 1) == 5.8


@pytest.mark.parametrize(
    ("gpus", "stall", "restart", "interval", "share"),
    [
        (16_384, 60, 600, 18.6, 0.853),
        (16_384, 10, 120, 7.75, 0.948),
        (100_000, 10, 120, 3.07, 0.842),
        (100_000, 60, 600, 7.15, 0.551),
        (100_000, 300, 600, 14.28, 0.382),
        (1_024, 60, 600, 76.4, 0.971),
    ],
)
def test_interval_and_goodput_come_out_to_the_digit(
    gpus: int, stall: float, restart: float, interval: float, share: float
):
    mean = mean_between(RATE * gpus) * 3600
    best = best_interval(mean, stall)
    digits = len(f"{interval}".partition(".")[2])
    assert round(best / 60, digits) == interval
    assert round(goodput(best, mean, stall, restart), 3) == share


def test_mean_times_and_youngs_interval_come_out_to_the_digit():
    assert [round(mean_between(RATE * gpus) * 60, 1) for gpus in (16_384, 100_000)] == [185.6, 30.4]
    assert round(young_interval(185.6, 1.0), 1) == 19.3


def test_the_first_order_form_falls_below_zero_where_the_exact_one_does_not():
    def first_order(t: float, mean: float) -> float:
        return 1 - 300 / t - t / (2 * mean) - 600 / mean

    for gpus, expected in ((100_000, 0.098), (131_072, -0.088)):
        mean = mean_between(RATE * gpus) * 3600
        assert round(first_order(young_interval(mean, 300), mean), 3) == pytest.approx(expected, abs=0.002)
        assert goodput(best_interval(mean, 300), mean, 300, 600) > 0.25


@examples(mean=times, stall=times, restart=times, interval=times)
def test_goodput_lies_between_nothing_and_everything(
    mean: float, stall: float, restart: float, interval: float
):
    assert 0 <= goodput(interval, mean, stall, restart) <= 1


@examples(mean=times, stall=times, restart=times)
def test_no_other_interval_is_better_than_the_best(mean: float, stall: float, restart: float):
    best = best_interval(mean, stall)
    top = goodput(best, mean, stall, restart)
    for other in (best * 0.9, best * 1.1):
        assert goodput(other, mean, stall, restart) <= top * (1 + 1e-9)
    assert best <= mean
    assert best <= young_interval(mean, stall) * (1 + 1e-9)


@examples(
    mean=st.floats(min_value=100, max_value=1e6),
    stall=st.floats(min_value=1, max_value=300),
    worse=st.floats(min_value=1.01, max_value=5),
)
def test_goodput_falls_with_more_failures_longer_stalls_and_longer_restarts(
    mean: float, stall: float, worse: float
):
    def at(mean: float, stall: float, restart: float) -> float:
        return goodput(best_interval(mean, stall), mean, stall, restart)

    here = at(mean, stall, 60)
    assert at(mean / worse, stall, 60) < here
    assert at(mean, stall * worse, 60) < here
    assert at(mean, stall, 60 * worse) < here


@examples(mean=times, stall=times, unit=st.floats(min_value=0.001, max_value=1000))
def test_the_unit_of_time_does_not_matter(mean: float, stall: float, unit: float):
    assert best_interval(mean * unit, stall * unit) == pytest.approx(
        best_interval(mean, stall) * unit, rel=1e-9
    )


@pytest.mark.parametrize(
    ("gpus", "expected"), [(100_000, [18, 70, 180, 389]), (16_384, [6, 18, 40, 78]), (1_024, [2, 4, 6, 10])]
)
def test_spares_at_99_9_percent_come_out_to_the_digit_and_as_in_the_plan(gpus: int, expected: list[int]):
    hours = (4, 24, 72, 168)
    assert [spares_at(0.999, float(RATE * gpus * time / 24)) for time in hours] == expected
    assert [poisson_spares(gpus // 8, 8, time) for time in hours] == expected


@pytest.mark.parametrize("hours", [28_000, 29_000, 60_000])
def test_many_out_of_service_need_the_same_spares_by_the_expansion_as_by_the_plans_exact_sum(hours: int):
    mean = float(RATE * 20_000 * hours / 24)
    assert mean > 9_000
    assert spares_at(0.999, mean) == poisson_spares(2_500, 8, hours)


@pytest.mark.parametrize("confidence", [0.0, 1e-30, 0.5, 0.999, 0.9999999999999999])
@pytest.mark.parametrize("mean", [1e-30, 1e-3, 50.0, 9_999.0, 10_001.0, 1e9, 1e34])
def test_any_confidence_and_any_mean_have_an_answer(confidence: float, mean: float):
    found = spares_at(confidence, mean)
    assert 0 <= found <= mean + 10 * math.sqrt(mean) + 40
    assert not confidence or confidence < 0.5 or found >= math.floor(mean) - 1


def test_more_confidence_never_needs_fewer_spares():
    counts = [spares_at(confidence, 50.0) for confidence in (0.5, 0.9, 0.99, 0.999, 0.9999)]
    assert counts == sorted(counts)
    assert counts[0] == pytest.approx(50, abs=1)


def test_silent_corruption_takes_what_it_undoes_and_never_more_than_there_is():
    assert net_of_corruption(0.9, mean=1000, share=0.01, latency=1000) == pytest.approx(0.89)
    assert net_of_corruption(0.1, mean=10, share=1.0, latency=1000) == 0.0


def test_a_job_that_fails_before_it_saves_gets_nowhere_and_does_not_overflow():
    assert goodput(1e6, 1.0, 10.0, 10.0) == 0.0
    assert math.isfinite(best_interval(1.0, 1e9))


def test_a_checkpoint_that_costs_nothing_is_made_all_the_time_and_loses_the_restarts_alone():
    assert goodput(0.0, 1000.0, 0.0, 100.0) == pytest.approx(goodput(1e-9, 1000.0, 0.0, 100.0), rel=1e-6)
    assert goodput(0.0, 1000.0, 1.0, 100.0) == 0.0

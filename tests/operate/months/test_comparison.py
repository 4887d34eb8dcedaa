"""Measured beside assessed goodput: where they agree, and what is named where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sovereign_ai.assess.goodput.exact import RATE, mean_between
from sovereign_ai.operate.months.comparison import (
    AssessedJob,
    MeasuredShare,
    MonthSeries,
    _mean,
    _poisson_interval,
    assessed_jobs,
    compare,
    divide_pools,
    run_series,
)
from sovereign_ai.operate.months.gangs import GangTerms, Shares
from sovereign_ai.operate.months.month import Safeguard, VirtualSite, read_site
from sovereign_ai.operate.repair.decide import Policy
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

MACHINES = 128
HOUR = 3_600.0


def site_with(spares: int) -> VirtualSite:
    derived = plan_of(factory_of(pool("train", nodes=MACHINES)), spares=spares)
    terms = GangTerms("train", "train", MACHINES, 2 * HOUR, 60.0, 60.0, 360.0)
    return read_site(derived, CLUSTER, (terms,), Policy())


ASSESSED = AssessedJob("train", 0.976, 0.95, 0.985, mean_between(RATE * MACHINES * 8) * HOUR)


def test_with_a_spare_for_every_failure_measured_agrees_with_assessed() -> None:
    site = site_with(spares=12)
    series = run_series(site, range(6), 100)
    (agreement,) = compare(site, [ASSESSED], series)
    assert agreement.agrees
    assert agreement.explained == pytest.approx(agreement.measured.value, abs=0.004)
    assert not any("waited" in reason for reason in agreement.reasons)


def test_without_spares_the_waits_are_the_reason() -> None:
    site = site_with(spares=12)
    series = run_series(site, range(3), 100, Safeguard.SPARES)
    (agreement,) = compare(site, [ASSESSED], series)
    assert not agreement.agrees
    assert any("waited for machines" in reason for reason in agreement.reasons)
    assert agreement.explained == pytest.approx(agreement.measured.value, abs=0.02)


def test_another_rate_of_failures_is_named() -> None:
    site = site_with(spares=12)
    series = run_series(site, range(3), 100)
    (agreement,) = compare(site, [replace(ASSESSED, mean=ASSESSED.mean / 3)], series)
    assert any("where the assessed rate gives" in reason for reason in agreement.reasons)


def test_progress_names_each_month_and_what_is_left_out() -> None:
    lines: list[str] = []
    run_series(site_with(spares=1), range(2), 1, Safeguard.REPAIR, lines.append)
    assert lines == ["without repair: month 1 of 2", "without repair: month 2 of 2"]


def test_the_terms_of_a_described_pool_are_those_of_its_assessment() -> None:
    factory, derived = stack("lab")
    (terms,), (job,) = assessed_jobs(factory, derived, "lab", {})
    assert (terms.pool, terms.machines) == ("train", 12)
    assert job.low <= job.value <= job.high
    assert terms.detection == 60.0
    assert terms.restart > 300.0


def test_a_pool_is_divided_into_equal_jobs() -> None:
    factory, derived = stack("lab")
    terms, judged = assessed_jobs(divide_pools(factory, derived, "lab", 4), derived, "lab", {})
    assert [(each.name, each.machines) for each in terms] == [
        (f"train-{number}", 3) for number in range(1, 5)
    ]
    whole = assessed_jobs(factory, derived, "lab", {})[1][0]
    assert judged[0].mean == pytest.approx(4 * whole.mean)


def test_a_mean_has_students_interval() -> None:
    measured = _mean([0.8, 0.9])
    # One degree of freedom: 12.706 standard errors of 0.05.
    assert (measured.value, measured.low, measured.high) == pytest.approx((0.85, 0.2147, 1.0), abs=1e-4)
    many = _mean([0.8, 0.9] * 10)
    # 19 degrees of freedom: 2.0930.
    assert many.high - many.value == pytest.approx(2.0930 * 0.0512989 / 20**0.5, rel=1e-3)
    assert _mean([0.5]).low == 0.5


def quiet(months: int, share: float, **fields: float) -> MonthSeries:
    """Return months without a fault that came out alike."""
    seconds = 10.0 * 86_400 * months
    total = Shares(useful=seconds * share, stalls=seconds * (1 - share), **fields)  # type: ignore[arg-type]
    return MonthSeries(None, {"train": MeasuredShare(share, share, share)}, {"train": total}, 0.0, 0.0, {})


@pytest.mark.parametrize("months", [1, 2, 200])
def test_months_without_a_failure_are_no_proof_that_there_are_none(months: int) -> None:
    """Ten quiet days agree with a rate that two thousand quiet days do not."""
    site, share = site_with(spares=1), 7_200 / 7_260
    job = AssessedJob("train", share - 0.003, share - 0.004, share - 0.001, 20 * 86_400)
    (agreement,) = compare(site, [job], quiet(months, share))
    assert agreement.measured.low < agreement.measured.value <= agreement.measured.high
    assert agreement.agrees is (months < 200)
    assert agreement.agrees or agreement.reasons


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("interruptions", [0, 1, 30, 400])
def test_a_figure_that_differs_always_has_a_reason(share: float, interruptions: int) -> None:
    site = site_with(spares=1)
    series = quiet(2, share, interruptions=interruptions)
    for value in (0.01, 0.5, 0.99):
        job = AssessedJob("train", value, value, value, 5 * 86_400)
        (agreement,) = compare(site, [job], series)
        assert agreement.agrees or agreement.reasons
        assert 0.0 <= agreement.measured.low <= agreement.measured.high <= 1.0


def test_a_job_that_only_waited_is_explained_by_that() -> None:
    waited = MonthSeries(
        None, {"train": MeasuredShare(0.0, 0.0, 0.0)}, {"train": Shares(waiting=864_000.0)}, 0.0, 0.0, {}
    )
    (agreement,) = compare(site_with(spares=1), [ASSESSED], waited)
    assert agreement.explained == 0.0
    assert "waited for machines 100.0%" in agreement.reasons[0]


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # The 95 % limits of a Poisson mean, as tables of Garwood's interval print them.
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_a_count_has_garwoods_interval(count: int, low: float, high: float) -> None:
    assert _poisson_interval(count) == pytest.approx((low, high), abs=1e-3)

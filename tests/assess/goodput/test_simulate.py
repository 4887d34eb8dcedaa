"""The simulation agrees with the closed form where both assume exponentials, and says how far others move it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sovereign_ai.assess.goodput.exact import RATE, best_interval, mean_between
from sovereign_ai.assess.goodput.simulate import Case, simulate

MEAN = mean_between(RATE * 16_384) * 3600
BASE = Case(mean=MEAN, interval=best_interval(MEAN, 60), stall=60, down=600, steps=300)


@pytest.mark.parametrize(
    "case",
    [BASE, replace(BASE, mean=MEAN / 6), replace(BASE, interval=BASE.interval * 3), replace(BASE, stall=0, down=0)],
    ids=["best", "more-failures", "long-interval", "free-checkpoint"],
)
def test_exponential_failures_agree_with_the_closed_form_within_four_standard_errors(case: Case):
    found = simulate(case, runs=2_000, seed=7)
    assert abs(found.goodput - found.exact) < 4 * found.error
    assert found.error < 0.002


def test_the_general_path_agrees_with_the_closed_form_too_when_spares_never_run_out():
    found = simulate(replace(BASE, spares=10**6, repair=3600.0), runs=2_000, seed=7)
    assert abs(found.goodput - found.exact) < 4 * found.error
    assert found.waited == 0


def test_bunched_failures_do_less_harm_at_the_same_mean():
    found = [simulate(replace(BASE, shape=shape), runs=1_000, seed=3).goodput for shape in (1.0, 0.7, 0.5)]
    assert found[0] < found[1] < found[2]


def test_failures_of_whole_domains_do_more_harm_once_spares_run_out():
    few = replace(BASE, spares=10, repair=72 * 3600.0, domain_share=0.05, domain=32, domain_repair=4 * 3600.0)
    many = replace(few, spares=500)
    scarce, ample = simulate(few, runs=200, seed=5), simulate(many, runs=200, seed=5)
    assert scarce.goodput < ample.goodput
    assert scarce.waited > 0.05
    assert ample.waited == 0
    assert abs(ample.goodput - ample.exact) < 4 * ample.error


def test_one_seed_gives_one_result_and_another_gives_another():
    assert simulate(BASE, 50, 1) == simulate(BASE, 50, 1)
    assert simulate(BASE, 50, 1).goodput != simulate(BASE, 50, 2).goodput

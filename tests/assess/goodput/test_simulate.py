"""The simulation agrees with the closed form where both assume exponentials, and says how far others move
it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sovereign_ai.assess.goodput.exact import RATE, best_interval, mean_between
from sovereign_ai.assess.goodput.simulate import A_RUN, ONE, GoodputCase, simulate

MEAN = mean_between(RATE * 16_384) * 3600
BASE = GoodputCase(mean=MEAN, interval=best_interval(MEAN, 60), stall=60, down=600, steps=300)


@pytest.mark.parametrize(
    "case",
    [
        BASE,
        replace(BASE, mean=MEAN / 6),
        replace(BASE, interval=BASE.interval * 3),
        replace(BASE, stall=0, down=0),
    ],
    ids=["best", "more-failures", "long-interval", "free-checkpoint"],
)
def test_exponential_failures_agree_with_the_closed_form_within_four_standard_errors(case: GoodputCase):
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


GETS_NOWHERE = {
    "a-step-that-no-failure-leaves-whole": replace(BASE, mean=1.0),
    "a-shape-under-which-failures-never-wait-for-a-step": replace(
        BASE, mean=1000.0, interval=1900.0, shape=10.0
    ),
    "repairs-that-take-longer-than-machines-live": replace(
        BASE, mean=3600.0, interval=600.0, spares=0, repair=31_557_600.0
    ),
    "domains-beyond-counting": replace(
        BASE, mean=3600.0, spares=1000, domain_share=0.5, domain=10**30, domain_repair=31_557_600.0
    ),
}


@pytest.mark.parametrize("case", GETS_NOWHERE.values(), ids=GETS_NOWHERE)
def test_a_job_that_gets_nowhere_is_stopped_after_so_many_failures(case: GoodputCase):
    found = simulate(case, runs=20, seed=1)
    assert (found.runs, found.stopped) == (1, 20 * A_RUN)
    assert found.goodput < 0.001
    assert 0 <= found.waited <= 1
    assert simulate(case, runs=100_000, seed=1).stopped == ONE


def test_what_was_done_before_the_stop_agrees_with_the_closed_form_too():
    found = simulate(replace(BASE, mean=BASE.interval / 2), runs=200, seed=7)
    assert found.stopped
    assert 20 < found.runs < 200
    assert 0.05 < found.goodput < 0.2
    assert abs(found.goodput - found.exact) < 4 * found.error


def test_runs_that_come_to_their_end_are_not_called_stopped():
    assert (simulate(BASE, 50, 1).runs, simulate(BASE, 50, 1).stopped) == (50, 0)

"""A seeded discrete-event simulation of one job: a check of the closed form, and other failures.

Each run works off a number of steps. Failures are a renewal process: exponential, or Weibull with a falling
hazard, which bunches them. A share of failures can stop a whole domain at once. When more servers are down
than there are spares, the job waits for the next repair. All numbers come from `random.Random(seed)`: the
same seed gives the same result on every computer. A job without progress would never end: its runs stop after
a number of failures, and count as far as they came.

    >>> plain = simulate(GoodputCase(mean=600, interval=60, stall=5, down=30, steps=200), runs=200, seed=1)
    >>> abs(plain.goodput - plain.exact) < 5 * plain.error
    True
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import asdict
from random import Random
from typing import Any, NamedTuple

from sovereign_ai.assess.goodput.exact import goodput
from sovereign_ai.frozen_dataclass import frozen_dataclass

# Limits of the work: jobs that make progress have far fewer failures.
A_RUN, ONE, _ALL = 1_000, 200_000, 20_000_000
"""Failures after which the runs stop: on average of the requested runs, in one run, and in all runs."""


class _Run(NamedTuple):
    """One run: the steps it did, its time, the time spent waiting, and its failures."""

    steps: int
    time: float
    waited: float
    failures: int


@frozen_dataclass
class GoodputCase:
    """One job and its failures; all times in one unit.

    Attributes:
        mean: mean time between failures.
        interval: work between two checkpoints.
        stall: pause for a checkpoint.
        down: detection, restart and reload.
        steps: steps of a run; each is an interval with its stall.
        shape: shape of the Weibull distribution; 1 is exponential, below 1 failures bunch.
        domain_share: share of failures that stop a whole domain.
        domain: servers of a domain.
        spares: spare servers; None for as many as are ever needed.
        repair: time until a failed server is repaired.
        domain_repair: time until a failed domain is repaired.
    """

    mean: float
    interval: float
    stall: float
    down: float
    steps: int = 500
    shape: float = 1.0
    domain_share: float = 0.0
    domain: int = 1
    spares: int | None = None
    repair: float = 0.0
    domain_repair: float = 0.0


@frozen_dataclass
class SimulatedGoodput:
    """The result of some runs.

    Attributes:
        name: what was varied.
        runs: number of runs; fewer than requested if they were stopped.
        seed: the seed.
        goodput: work over time.
        error: standard error of `goodput`.
        exact: the closed form for exponential failures and enough spares.
        waited: share of time spent waiting for a repair.
        stopped: number of failures when the last run was stopped before its end; 0 if every run finished.
    """

    name: str
    runs: int
    seed: int
    goodput: float
    error: float
    exact: float
    waited: float
    stopped: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return plain data, numbers cut to nine significant digits."""
        data = asdict(self)
        for key, value in data.items():
            if isinstance(value, float):
                data[key] = float(f"{value:.9g}")
        return data


def simulate(case: GoodputCase, runs: int, seed: int, name: str = "exponential") -> SimulatedGoodput:
    """Simulate a case.

    Args:
        case: the job and its failures.
        runs: independent runs.
        seed: the seed.
        name: the name of the result.
    """
    rng = Random(seed)  # noqa: S311 - a simulation, no secret
    run = _quick if case.spares is None and case.domain_share == 0 else _with_spares
    results: list[_Run] = []
    left = min(A_RUN * runs, _ALL)
    # A run that did not finish is the last one: the others would run into the same limit.
    while len(results) < runs and (not results or results[-1].steps == case.steps):
        results.append(run(case, rng, min(left, ONE)))
        left -= results[-1].failures
    work = case.interval * sum(result.steps for result in results)
    # Exact sums, so that the figures do not depend on the order of addition.
    time = math.fsum(result.time for result in results)
    share = work / time
    squares = math.fsum((result.steps * case.interval - share * result.time) ** 2 for result in results)
    finished = results[-1].steps >= case.steps
    count = len(results)
    variance = squares * count / max(count - 1, 1)
    waited = math.fsum(result.waited for result in results)
    failures = sum(result.failures for result in results)
    return SimulatedGoodput(
        name=name,
        runs=count,
        seed=seed,
        goodput=share,
        error=math.sqrt(variance) / time,
        exact=goodput(case.interval, case.mean, case.stall, case.down),
        waited=waited / time,
        stopped=0 if finished else failures,
    )


def _quick(case: GoodputCase, rng: Random, most: int) -> _Run:
    """Run once when spares never run out: failure by failure, the steps between them counted at once."""
    step, down, left = case.interval + case.stall, case.down, case.steps
    # The mean of a Weibull distribution is scale x gamma(1 + 1 / shape).
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    # Local names: this loop runs millions of times.
    exponential, draw, log = case.shape == 1.0, rng.random, math.log
    now = before = 0.0
    for failures in range(most):
        # random() is below 1, so the logarithm is always of a number above 0.
        drawn = -log(1.0 - draw())
        until = scale * (drawn if exponential else drawn**power)
        room = until - before
        done = int(room // step) if room > 0 else 0
        if done >= left:
            return _Run(case.steps, now + before + left * step, 0.0, failures)
        left -= done
        now += until
        before = down
    return _Run(case.steps - left, now, 0.0, most)


def _with_spares(case: GoodputCase, rng: Random, most: int) -> _Run:
    """Run once with servers that fail, are repaired and run out."""
    step, left = case.interval + case.stall, case.steps
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    spares = 2**62 if case.spares is None else case.spares
    draw, log = rng.random, math.log
    # The times at which failed servers are repaired, sorted. The job needs no more than the last spares + 1
    # of them.
    back: list[float] = []
    now = ready = waited = 0.0
    for failures in range(most):
        failure = now + scale * (-log(1.0 - draw())) ** power
        if failure > ready:
            done = int((failure - ready) // step)
            if done >= left:
                return _Run(case.steps, ready + left * step, waited, failures)
            left -= done
        else:
            # The wait or restart that this failure cuts short is counted anew.
            waited -= max(ready - case.down - failure, 0.0)
        now = failure
        del back[: bisect_right(back, now)]
        # Without domains no number is drawn here: another draw would change every later one.
        if case.domain_share and draw() < case.domain_share:
            until, size = now + case.domain_repair, case.domain
        else:
            until, size = now + case.repair, 1
        place = bisect_right(back, until)
        back[place:place] = [until] * min(size, spares + 1)
        del back[: -spares - 1]
        available = now if len(back) <= spares else back[0]
        waited += available - now
        ready = available + case.down
    # The last wait is cut off where the run stops.
    return _Run(case.steps - left, now, waited - max(ready - case.down - now, 0.0), most)

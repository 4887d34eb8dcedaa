"""A seeded discrete-event simulation of one job, to test the closed form and to see what other failures change.

Each run works off a number of steps. Failures are a renewal process: exponential, or Weibull with a falling
hazard, which bunches them. A share of failures can take a whole domain at once; when more machines are down
than there are spares, the job waits for the next repair. All from `random.Random(seed)`: the same seed gives
the same numbers on every machine. A job that gets nowhere would never come to its end: its runs stop after so many failures,
and what was done until then counts.

    >>> plain = simulate(Case(mean=600, interval=60, stall=5, down=30, steps=200), runs=200, seed=1)
    >>> abs(plain.goodput - plain.exact) < 5 * plain.error
    True
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from sovereign_ai.assess.goodput.exact import goodput

A_RUN, ONE, _ALL = 1_000, 200_000, 20_000_000
"""Failures after which the runs stop: on average of those that are asked for, in one of them, and in all; jobs that get anywhere have
far fewer."""
_Run = tuple[int, float, float, int]
"""The steps that a run came to, its time, how much of that was waiting, and its failures."""


@dataclass(frozen=True, slots=True)
class Case:
    """One job and its failures; all times in one unit.

    Attributes:
        mean: mean time between failures.
        interval: work between two checkpoints.
        stall: standstill for a checkpoint.
        down: detection, restart and reload.
        steps: steps of a run; each is an interval with its stall.
        shape: shape of the Weibull distribution; 1 is exponential, below 1 failures bunch.
        domain_share: share of failures that take a whole domain.
        domain: machines of a domain.
        spares: machines that stand by; None for as many as ever needed.
        repair: time until a failed machine stands by again.
        domain_repair: time until a failed domain does.
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


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of the runs.

    Attributes:
        name: what was varied.
        runs: how many; fewer than were asked for if they were stopped.
        seed: the seed.
        goodput: work over time.
        error: standard error of `goodput`.
        exact: the closed form for exponential failures and enough spares.
        waited: share of time spent waiting for a repair.
        stopped: how many failures there were when the runs were stopped, the last before its end; 0 if all came to theirs.
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
        """Give plain data, numbers cut to nine significant digits."""
        return {key: float(f"{value:.9g}") if isinstance(value, float) else value for key, value in asdict(self).items()}


def simulate(case: Case, runs: int, seed: int, name: str = "exponential") -> Simulated:
    """Run a case.

    Args:
        case: the job and its failures.
        runs: independent runs.
        seed: the seed.
        name: what the result is called.
    """
    rng = Random(seed)  # noqa: S311 - a simulation, no secret
    run = _quick if case.spares is None and case.domain_share == 0 else _with_spares
    found: list[_Run] = []
    left = min(A_RUN * runs, _ALL)
    while len(found) < runs and (not found or found[-1][0] == case.steps):
        found.append(run(case, rng, min(left, ONE)))
        left -= found[-1][-1]
    work, time = case.interval * sum(one[0] for one in found), math.fsum(one[1] for one in found)
    share = work / time
    squares = math.fsum((one[0] * case.interval - share * one[1]) ** 2 for one in found)
    return Simulated(
        name=name,
        runs=len(found),
        seed=seed,
        goodput=share,
        error=math.sqrt(squares * len(found) / max(len(found) - 1, 1)) / time,
        exact=goodput(case.interval, case.mean, case.stall, case.down),
        waited=math.fsum(one[2] for one in found) / time,
        stopped=sum(one[-1] for one in found) if found[-1][0] < case.steps else 0,
    )


def _quick(case: Case, rng: Random, most: int) -> _Run:
    """Run once when spares never run out: failure by failure, the steps between them counted at once."""
    step, down, left = case.interval + case.stall, case.down, case.steps
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    exponential, draw, log = case.shape == 1.0, rng.random, math.log
    now = before = 0.0
    for failures in range(most):
        drawn = -log(1.0 - draw())
        until = scale * (drawn if exponential else drawn**power)
        room = until - before
        done = int(room // step) if room > 0 else 0
        if done >= left:
            return case.steps, now + before + left * step, 0.0, failures
        left -= done
        now += until
        before = down
    return case.steps - left, now, 0.0, most


def _with_spares(case: Case, rng: Random, most: int) -> _Run:
    """Run once with machines that fail, are repaired and run out."""
    step, left = case.interval + case.stall, case.steps
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    spares = 2**62 if case.spares is None else case.spares
    draw, log = rng.random, math.log
    back: list[float] = []  # when machines that are down stand by again, sorted; beyond the last so many nobody waits for one
    now = ready = waited = 0.0
    for failures in range(most):
        failure = now + scale * (-log(1.0 - draw())) ** power
        if failure > ready:
            done = int((failure - ready) // step)
            if done >= left:
                return case.steps, ready + left * step, waited, failures
            left -= done
        else:
            # the wait or restart that this failure cuts short is counted anew
            waited -= max(ready - case.down - failure, 0.0)
        now = failure
        del back[: bisect_right(back, now)]
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
    return case.steps - left, now, waited - max(ready - case.down - now, 0.0), most

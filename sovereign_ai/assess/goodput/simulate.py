"""A seeded discrete-event simulation of one job, to test the closed form and to see what other failures change.

Each run works off a number of steps. Failures are a renewal process: exponential, or Weibull with a falling
hazard, which bunches them. A share of failures can take a whole domain at once; when more machines are down
than there are spares, the job waits for the next repair. All from `random.Random(seed)`: the same seed gives
the same numbers on every machine.

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
        runs: how many.
        seed: the seed.
        goodput: work over mean time.
        error: standard error of `goodput`.
        exact: the closed form for exponential failures and enough spares.
        waited: share of time spent waiting for a repair.
    """

    name: str
    runs: int
    seed: int
    goodput: float
    error: float
    exact: float
    waited: float

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
    total = squares = waited = 0.0
    single = case.spares is None and case.domain_share == 0
    for _ in range(runs):
        time, wait = (_quick(case, rng), 0.0) if single else _with_spares(case, rng)
        total += time
        squares += time * time
        waited += wait
    mean = total / runs
    work = case.steps * case.interval
    variance = max(squares / runs - mean * mean, 0.0) / max(runs - 1, 1)
    return Simulated(
        name=name,
        runs=runs,
        seed=seed,
        goodput=work / mean,
        error=work / mean * math.sqrt(variance) / mean,
        exact=goodput(case.interval, case.mean, case.stall, case.down),
        waited=waited / total,
    )


def _quick(case: Case, rng: Random) -> float:
    """Give the time of one run when spares never run out: failure by failure, the steps between them counted at once."""
    step, down, left = case.interval + case.stall, case.down, case.steps
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    exponential, draw, log = case.shape == 1.0, rng.random, math.log
    now = before = 0.0
    while True:
        drawn = -log(1.0 - draw())
        until = scale * (drawn if exponential else drawn**power)
        room = until - before
        done = int(room // step) if room > 0 else 0
        if done >= left:
            return now + before + left * step
        left -= done
        now += until
        before = down


def _with_spares(case: Case, rng: Random) -> tuple[float, float]:
    """Give the time of one run and how much of it was waiting, with machines that fail, are repaired and run out."""
    step, left = case.interval + case.stall, case.steps
    scale, power = case.mean / math.gamma(1 + 1 / case.shape), 1 / case.shape
    spares = 2**62 if case.spares is None else case.spares
    draw, log = rng.random, math.log
    back: list[float] = []  # when each machine that is down stands by again, sorted
    now = ready = waited = 0.0
    while True:
        failure = now + scale * (-log(1.0 - draw())) ** power
        if failure > ready:
            done = int((failure - ready) // step)
            if done >= left:
                return ready + left * step, waited
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
        back[place:place] = [until] * size
        over = len(back) - spares
        available = now if over <= 0 else back[over - 1]
        waited += available - now
        ready = available + case.down

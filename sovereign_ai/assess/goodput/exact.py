"""Exact goodput under exponential failures, the best checkpoint interval, and how many spares are enough.

A job works for t, stands still for C to save, and works on. When a machine fails, which happens
after M on average, it loses what came after the last save and takes R to work again; a failure
while it restarts makes it restart anew. The expected time for a step of t is
M e^(R/M) (e^((t+C)/M) - 1) (Daly, Future Generation Computer Systems 22, 2006), so

    E(t) = t / (M e^(R/M) (e^((t+C)/M) - 1)).

The usual first-order form, 1 - C/t - t/(2M) - R/M, falls below zero on large systems and is not used.

    >>> hours = mean_between(RATE * 16_384)
    >>> round(hours * 60, 1), round(best_interval(hours * 3600, 10) / 60, 2)
    (185.6, 7.75)
    >>> round(goodput(best_interval(hours * 3600, 10), hours * 3600, stall=10, restart=120), 3)
    0.948
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

from sovereign_ai.assess.sources import figure

_COUNT, _DAYS, _GPUS = (int(figure("failures", f"llama3.{name}").value or 0) for name in ("interruptions", "days", "gpus"))
RATE = Fraction(_COUNT, _DAYS * _GPUS)
"""Unexpected interruptions a GPU-day: 419 in 54 days of 16,384 H100."""
_MANY = 10_000
"""With so many out of service the expansion of Cornish and Fisher gives what the sum gives, and at once."""
FLOOR = 0.5
"""Below half, a job is called infeasible; our judgement: it would repeat more than it does."""


def mean_between(interruptions_a_day: Fraction | float) -> float:
    """Give the mean time between interruptions in hours."""
    return float(24 / interruptions_a_day)


def goodput(interval: float, mean: float, stall: float, restart: float) -> float:
    """Give the exact goodput; it lies between 0 and 1 whatever the inputs.

    Args:
        interval: work between two checkpoints; 0 where they cost nothing and are made all the time, which gives e^(-R/M).
        mean: mean time between failures.
        stall: standstill for a checkpoint.
        restart: detection, restart and reload.
            All four in one unit of time, and `mean` above zero.
    """
    if not interval:
        return 0.0 if stall else math.exp(-restart / mean)
    exponent = (interval + stall) / mean
    if exponent + restart / mean > 700:
        return 0.0
    return interval / (mean * math.exp(restart / mean) * math.expm1(exponent))


def best_interval(mean: float, stall: float) -> float:
    """Give the interval with the highest goodput: the root of (1 - t/M) e^((t+C)/M) = 1. It does not hang on the restart.

    Args:
        mean: mean time between failures.
        stall: standstill for a checkpoint, in the same unit.
    """
    cost = stall / mean
    if cost <= 0:
        return 0.0
    # with t = M (1 - e^w) the logarithm of the equation is w + 1 - e^w + C/M = 0, which rises with w
    low, high = -cost - 1.0, 0.0
    for _ in range(64):
        middle = (low + high) / 2
        if middle - math.expm1(middle) + cost < 0:
            low = middle
        else:
            high = middle
    return -math.expm1((low + high) / 2) * mean


def young_interval(mean: float, stall: float) -> float:
    """Give Young's first-order interval sqrt(2 M C), for comparison (Communications of the ACM 17, 1974)."""
    return math.sqrt(2 * mean * stall)


def net_of_corruption(gross: float, mean: float, share: float, latency: float) -> float:
    """Take off what silent corruption undoes: a share of failures, each of which costs `latency` of work; never below zero."""
    return max(0.0, gross - share * latency / mean)


def spares_at(confidence: float, expected_down: float) -> int:
    """Give the smallest number that Poisson failures with that mean exceed at most 1 - confidence of the time.

    Args:
        confidence: such as 0.999; below 1.
        expected_down: machines out of service on average: rate x machines x time to repair.

    Raises:
        ValueError: no number of spares gives that confidence.
    """
    if not 0 <= confidence < 1:
        raise ValueError(f"no number of spares gives a confidence of {confidence}")
    if not expected_down or not confidence:
        return 0
    if expected_down > _MANY:
        normal, root = NormalDist().inv_cdf(confidence), math.sqrt(expected_down)
        return math.ceil(expected_down + normal * root + (normal**2 - 1) / 6 + (normal - normal**3) / (72 * root) - 0.5)
    count = 0
    term = -expected_down
    total = chance = math.exp(term)
    while total < confidence:
        count += 1
        term += math.log(expected_down) - math.log(count)
        chance = math.exp(term)
        if count > expected_down and total + chance == total:
            break  # a confidence so near to one that the sum, rounded, does not come to it
        total += chance
    return count

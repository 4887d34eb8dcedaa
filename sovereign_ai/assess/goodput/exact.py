"""Closed forms: goodput under exponential failures, the best checkpoint interval, and the number of spares.

A job works for t, pauses for C to save a checkpoint, and works on. When a server fails, which happens after M
on average, the job loses the work since the last checkpoint and needs R to recover; a failure during a
restart starts the restart anew. The expected time for a step of t is M e^(R/M) (e^((t+C)/M) - 1) (Daly,
Future Generation Computer Systems 22, 2006), so

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

_COUNT, _DAYS, _GPUS = (
    int(figure("failures", f"llama3.{name}").value or 0) for name in ("interruptions", "days", "gpus")
)
RATE = Fraction(_COUNT, _DAYS * _GPUS)
"""Unexpected interruptions a GPU-day: 419 in 54 days of 16,384 H100."""
_MANY = 10_000
"""Servers out of service from which the expansion of Cornish and Fisher replaces the sum."""
FLOOR = 0.5
"""Goodput below which a job is infeasible: it would repeat more work than it does.

A judgement of this project.
"""


def mean_between(interruptions_a_day: Fraction | float) -> float:
    """Return the mean time between interruptions in hours."""
    return float(24 / interruptions_a_day)


def goodput(interval: float, mean: float, stall: float, restart: float) -> float:
    """Return the exact goodput; it lies between 0 and 1 whatever the inputs.

    Args:
        interval: work between two checkpoints; 0 where they cost nothing and are made all the time, which
            gives e^(-R/M).
        mean: mean time between failures, above zero; all four are in one unit of time.
        stall: pause for a checkpoint.
        restart: detection, restart and reload.
    """
    if not interval:
        return 0.0 if stall else math.exp(-restart / mean)
    exponent = (interval + stall) / mean
    # e^710 overflows a float; a goodput of e^-700 is 0 for any purpose.
    if exponent + restart / mean > 700:
        return 0.0
    return interval / (mean * math.exp(restart / mean) * math.expm1(exponent))


def best_interval(mean: float, stall: float) -> float:
    """Return the interval with the highest goodput: the root of (1 - t/M) e^((t+C)/M) = 1.

    It does not depend on the restart.

    Args:
        mean: mean time between failures.
        stall: pause for a checkpoint, in the same unit.
    """
    cost = stall / mean
    if cost <= 0:
        return 0.0
    # With t = M (1 - e^w) the logarithm of the equation is w + 1 - e^w + C/M = 0, which rises with w.
    # 64 halvings use up the digits of a float.
    low, high = -cost - 1.0, 0.0
    for _ in range(64):
        middle = (low + high) / 2
        if middle - math.expm1(middle) + cost < 0:
            low = middle
        else:
            high = middle
    return -math.expm1((low + high) / 2) * mean


def young_interval(mean: float, stall: float) -> float:
    """Return Young's first-order interval sqrt(2 M C) (Communications of the ACM 17, 1974)."""
    return math.sqrt(2 * mean * stall)


def net_of_corruption(gross: float, mean: float, share: float, latency: float) -> float:
    """Return the goodput after silent corruption: a share of failures, each of which costs `latency` of work.

    It is never below zero.
    """
    return max(0.0, gross - share * latency / mean)


def spares_at(confidence: float, expected_down: float) -> int:
    """Return the fewest spares that are enough for Poisson failures with some confidence.

    Args:
        confidence: share of the time in which the spares must be enough, such as 0.999; below 1.
        expected_down: servers out of service on average: rate x servers x time to repair.

    Raises:
        ValueError: no number of spares gives that confidence.
    """
    if not 0 <= confidence < 1:
        raise ValueError(f"no number of spares gives a confidence of {confidence}")
    if not expected_down or not confidence:
        return 0
    if expected_down > _MANY:
        normal, root = NormalDist().inv_cdf(confidence), math.sqrt(expected_down)
        skew = (normal**2 - 1) / 6
        higher = (normal - normal**3) / (72 * root)
        return math.ceil(expected_down + normal * root + skew + higher - 0.5)
    count = 0
    # Each chance follows from the one before in logarithms: the first, e^-mean, may be too small for a
    # product.
    term = -expected_down
    total = chance = math.exp(term)
    while total < confidence:
        count += 1
        term += math.log(expected_down) - math.log(count)
        chance = math.exp(term)
        # A confidence so near to 1 that the rounded sum never reaches it.
        if count > expected_down and total + chance == total:
            break
        total += chance
    return count

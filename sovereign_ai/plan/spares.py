"""Spares: how many machines to keep ready, from how often they fail and what fails together.

The rate is counted, not quoted: 419 unexpected interruptions in 54 days of 16,384 H100 GPUs (the
Llama 3 405B training report, Meta, 2024, table 5; read 2026-11-24). That is 3.79 for 1,000
machine-days of eight GPUs. The number out of service at once is then Poisson with the mean
rate x machines x time to repair, and the spares are its 99.9th percentile. Poisson knows no failure
that takes several machines at once, so the machines of one NVLink domain, which fail together, are the least.
A rack or a leaf switch that takes more along is not counted here: how many machines stand on a leaf hangs on the
spares themselves, and what it costs a job is for `assess goodput` to say.

    >>> poisson_spares(machines=12_500, gpus=8, repair_hours=72)
    180
    >>> spares(machines=36, gpus=4, domain=18).machines
    18
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.units import Seconds

INTERRUPTIONS, DAYS, GPUS = 419, 54, 16_384
RATE = Fraction(INTERRUPTIONS, DAYS * GPUS)
"""Unexpected interruptions a GPU-day."""
REPAIR = Seconds(72 * 3600)
"""Time until a failed machine counts again, where nobody states another: three days, our assumption."""
CONFIDENCE = Decimal("0.999")
"""How often the spares must be enough."""


class Spares(NamedTuple):
    """A number of spares and its reason."""

    machines: int
    why: str


def poisson_spares(machines: int, gpus: int, repair_hours: int) -> int:
    """Give the smallest number that is enough with a probability of 99.9 %.

    Args:
        machines: machines counted on.
        gpus: GPUs in each; the rate holds for a GPU.
        repair_hours: hours until a failed machine counts again.
    """
    mean = RATE * machines * gpus * repair_hours / 24
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(mean.numerator) / Decimal(mean.denominator)
        chance = (-exact).exp()
        total, count = chance, 0
        while total < CONFIDENCE:
            count += 1
            chance *= exact / count
            total += chance
    return count


def spares(machines: int, gpus: int, domain: int, repair: Seconds = REPAIR) -> Spares:
    """Give the spares of a pool: the larger of the Poisson number and the machines of one NVLink domain.

    Args:
        machines: machines counted on.
        gpus: GPUs in each.
        domain: machines that fail together (an NVLink rack), or 0.
        repair: time until a failed machine counts again.
    """
    hours = repair.count // 3600
    poisson = poisson_spares(machines, gpus, hours)
    least = max(domain, 1)
    why = (
        f"max({poisson}, {least}): {poisson} is the 99.9th percentile of a Poisson distribution with "
        f"{INTERRUPTIONS} interruptions in {DAYS} days of {GPUS:,} GPUs, {machines:,} machines of {gpus} GPUs and {hours} h to repair; "
        f"{_least(domain)}; racks and leaf switches, which can take more along, are not counted"
    )
    return Spares(max(poisson, least), why)


def _least(domain: int) -> str:
    """Say what the least number of spares is."""
    return f"{domain} machines share one NVLink domain" if domain else "1 is the least, as each machine is an NVLink domain by itself"

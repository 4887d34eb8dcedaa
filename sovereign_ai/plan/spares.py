"""Spares: how many servers to keep ready, from how often they fail and what fails together.

The rate is counted, not quoted: 419 unexpected interruptions in 54 days of 16,384 H100 GPUs (the Llama 3 405B
training report, Meta, 2024, table 5; read 2026-11-24). That is 3.79 for 1,000 server-days of eight GPUs. The
number out of service at one time is then Poisson with the mean rate x servers x time to repair, and the
spares are its 99.9th percentile. Poisson does not model a failure of several servers at once, so the servers
of one NVLink domain, which fail together, are the minimum. A rack or a leaf switch that stops more servers is
not counted here: how many servers a leaf has depends on the spares themselves, and `assess goodput` reports
what that costs a job.

    >>> poisson_spares(machines=12_500, gpus=8, repair_hours=72)
    180
    >>> spares(machines=36, gpus=4, domain=18).machines
    18
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.text import counted
from sovereign_ai.units import Seconds

INTERRUPTIONS, DAYS, GPUS = 419, 54, 16_384
RATE = Fraction(INTERRUPTIONS, DAYS * GPUS)
"""Unexpected interruptions a GPU-day."""
REPAIR = Seconds(72 * 3600)
"""Time until a failed server counts again, where none is described: three days, our assumption."""
CONFIDENCE = Decimal("0.999")
"""How often the spares must be enough."""


class Spares(NamedTuple):
    """A number of spares and its reason."""

    machines: int
    why: str


def poisson_spares(machines: int, gpus: int, repair_hours: int) -> int:
    """Return the smallest number that is enough with a probability of 99.9 %.

    Args:
        machines: servers that count.
        gpus: GPUs in each; the rate applies to a GPU.
        repair_hours: hours until a failed server counts again.
    """
    mean = RATE * machines * gpus * repair_hours / 24
    # Decimals of a fixed precision: exp(-mean) underflows a float for large factories.
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
    """Return the spares of a pool: the larger of the Poisson number and the servers of one NVLink domain.

    Args:
        machines: servers that count.
        gpus: GPUs in each.
        domain: servers that fail together (an NVLink rack), or 0.
        repair: time until a failed server counts again.
    """
    hours = repair.count // 3600
    poisson = poisson_spares(machines, gpus, hours)
    least = max(domain, 1)
    rate = f"{INTERRUPTIONS} interruptions in {DAYS} days of {GPUS:,} GPUs"
    machines_text = counted(machines, "machine")
    gpus_text = counted(gpus, "GPU")
    fleet = f"{machines_text} of {gpus_text} and {hours} h to repair"
    why = (
        f"max({poisson}, {least}): {poisson} is the 99.9th percentile of a Poisson distribution "
        f"with {rate}, {fleet}; {_least(domain)}; "
        "racks and leaf switches, which can take more along, are not counted"
    )
    return Spares(max(poisson, least), why)


def _least(domain: int) -> str:
    """Return the reason of the minimum in words."""
    if domain:
        machines = counted(domain, "machine shares", "machines share")
        return f"{machines} one NVLink domain"
    return "1 is the least, as each machine is an NVLink domain by itself"

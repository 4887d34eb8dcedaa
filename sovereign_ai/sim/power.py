"""Power that follows allocation: machines, racks and the whole.

A machine draws what the catalogue says at full load, and an idle share of it without work; between
the two it follows the part of its GPUs that are held. No source gives the idle power of these
machines, so where the catalogue has none it is an estimate with a range, and says so.

    >>> IDLE_SHARE.low, IDLE_SHARE.middle, IDLE_SHARE.high
    (Fraction(3, 20), Fraction(1, 4), Fraction(7, 20))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.allocation import Holders
from sovereign_ai.sim.machine import Machine, machines


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that no source gives.

    Attributes:
        low: the lower end.
        middle: what is used.
        high: the upper end.
    """

    low: Fraction
    middle: Fraction
    high: Fraction


IDLE_SHARE = Estimate(Fraction(15, 100), Fraction(25, 100), Fraction(35, 100))
"""Estimate (our own judgement, 2026-11): a machine's idle power as a share of its full power."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a cluster's machines draw now, in watts.

    Attributes:
        nodes: by machine.
        racks: by rack; only its machines, not its switches.
        total: all machines together.
        estimated: machines whose idle power is an estimate.
    """

    nodes: Mapping[str, int]
    racks: Mapping[str, int]
    total: int
    estimated: int


def draw(plan: Plan, cluster: str, held: Holders) -> Draw:
    """Give what machines draw under an allocation.

    Args:
        plan: the plan.
        cluster: which of its clusters.
        held: who holds which device; a machine that is not in it is idle.

    Raises:
        KeyError: the plan has no such cluster.
    """
    here = machines(plan, cluster)
    nodes = {machine.node.name: _watts(machine, held.get(machine.node.name, ())) for machine in here}
    racks: dict[str, int] = {}
    for machine in here:
        racks[machine.node.rack] = racks.get(machine.node.rack, 0) + nodes[machine.node.name]
    estimated = sum(machine.system.idle_power is None for machine in here)
    return Draw(nodes, dict(sorted(racks.items())), sum(nodes.values()), estimated)


def _watts(machine: Machine, holders: tuple[str, ...]) -> int:
    """Give one machine's power, rounded to a watt."""
    full, known = machine.system.max_power.count, machine.system.idle_power
    idle = Fraction(known.count) if known is not None else full * IDLE_SHARE.middle
    share = Fraction(sum(bool(holder) for holder in holders), max(len(holders), 1))
    return round(idle + (full - idle) * share)

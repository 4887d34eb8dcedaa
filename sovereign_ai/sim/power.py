"""Power draw that follows allocation: of machines, racks and all together.

A machine draws the catalogue's maximum at full load, and an idle share of it without work. Between the two it
follows the share of its GPUs that are held. No source gives the idle power of these machines, so where the
catalogue has none it is an estimate with a range, and is counted as one.

    >>> IDLE_SHARE.low, IDLE_SHARE.middle, IDLE_SHARE.high
    (Fraction(3, 20), Fraction(1, 4), Fraction(7, 20))
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sovereign_ai.catalog import Grade
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.sim.allocation import Holders
from sovereign_ai.sim.machine import Machine, machines


@frozen_dataclass
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
"""Estimate (the project's own judgement, 2026-11): a machine's idle power as a share of its full power."""


@frozen_dataclass
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


def power_draw(plan: Plan, cluster: str, held: Holders) -> Draw:
    """Return what machines draw under an allocation.

    Args:
        plan: the plan.
        cluster: which of its clusters.
        held: machine to the holder of each of its devices; a machine that is not in it is idle.

    Raises:
        KeyError: the plan has no such cluster.
    """
    nodes: dict[str, int] = {}
    racks: dict[str, int] = {}
    estimated = 0
    for machine in machines(plan, cluster):
        node = machine.node
        watts = _watts(machine, held.get(node.name, ()))
        nodes[node.name] = watts
        racks[node.rack] = racks.get(node.rack, 0) + watts
        idle = machine.system.source_of("idle_power")
        estimated += idle is None or idle.grade is Grade.ESTIMATE
    # The sum is of rounded powers, so that machines, racks and the total agree.
    return Draw(nodes, dict(sorted(racks.items())), sum(nodes.values()), estimated)


def full_power(plan: Plan, cluster: str) -> int:
    """Return the watts of a cluster's machines at full load.

    Raises:
        KeyError: the plan has no such cluster.
    """
    return sum(machine.system.max_power.count for machine in machines(plan, cluster))


def _watts(machine: Machine, holders: tuple[str, ...]) -> int:
    """Return one machine's power, rounded to a watt."""
    full, known = machine.system.max_power.count, machine.system.idle_power
    idle = Fraction(known.count) if known is not None else full * IDLE_SHARE.middle
    busy = len(holders) - holders.count("")
    # A machine without devices, or of which nothing is known, is idle.
    share = Fraction(busy, max(len(holders), 1))
    return round(idle + (full - idle) * share)

"""Phases of construction: what stands when, so that nothing that stands is cabled again."""

from __future__ import annotations

from sovereign_ai.spec.base import Count, Model, Name, Text


class PhasePool(Model):
    """The servers of one pool that stand at the end of a phase."""

    pool: Name
    """The pool."""
    nodes: Count
    """Its servers that count; never fewer than in the phase before."""


class Phase(Model):
    """What stands at the end of one phase. The plan is laid out for the last, in which everything stands."""

    name: Name
    """Unique in the factory."""
    ends: Text | None = None
    """When it ends, as the contract says it: `2027-03`, `Q2 2027`."""
    pools: tuple[PhasePool, ...] = ()
    """Pools of which a part stands; what it leaves out stands whole."""

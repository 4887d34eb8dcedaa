"""Phases of construction: what stands when, so that nothing that stands is cabled again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sovereign_ai.spec.base import Model, Name, Text

StandingCount = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


class PhasePool(Model):
    """The servers of one pool that stand at the end of a phase."""

    pool: Name
    """The pool."""
    nodes: StandingCount
    """Its servers that count, 0 where it comes later; never fewer than in the phase before."""


class Phase(Model):
    """What stands at the end of one phase. The plan is laid out for the last, in which everything stands."""

    name: Name
    """Unique in the factory."""
    ends: Text | None = None
    """When it ends, as the contract says it: `2027-03`, `Q2 2027`."""
    pools: tuple[PhasePool, ...] = ()
    """Pools of which a part stands; what it leaves out stands whole."""

"""Phases: each adds to the one before, and the last is everything that the description has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.phase import Phase


def check_phases(factory: AIFactory) -> Iterator[Problem]:
    """Refuse phases that take away what stands, that exceed their pools, or that do not end with all."""
    whole = {pool.name: pool.nodes for pool in factory.pools}
    before = dict.fromkeys(whole, 0)
    earlier = ""
    for index, phase in enumerate(factory.phases):
        standing = dict(whole)
        listed: set[str] = set()
        for field, name, nodes in _entries(phase, index):
            # An unknown pool is reported with the other names.
            if name not in whole:
                continue
            if name in listed:
                message = f"pool {name!r} is in this phase twice"
                yield Problem("duplicate-entry", message, Where(field=field), "keep one of the two")
            listed.add(name)
            yield from _check_count(name, nodes, Where(field=f"{field}.nodes"), whole, before, earlier)
            standing[name] = min(nodes, whole[name])
        if not any(standing.values()):
            message = f"no machine stands in phase {phase.name!r}"
            hint = "write 1 or more for one of the pools, or leave the phase out"
            yield Problem("phase-empty", message, Where(field=f"phases[{index}].pools"), hint)
        before, earlier = standing, phase.name
    if factory.phases:
        yield from _check_last(factory.phases[-1], len(factory.phases) - 1, whole)


def _entries(phase: Phase, index: int) -> Iterator[tuple[str, str, int]]:
    """Yield field, pool and servers of each entry of a phase."""
    for number, entry in enumerate(phase.pools):
        yield f"phases[{index}].pools[{number}]", entry.pool, entry.nodes


def _check_count(
    name: str, nodes: int, where: Where, whole: Mapping[str, int], before: Mapping[str, int], earlier: str
) -> Iterator[Problem]:
    """Compare the servers of a pool with its own number, and with those of the phase before."""
    if nodes > whole[name]:
        message = f"{counted(nodes, 'machine')}, and pool {name!r} has {whole[name]:,} in the end"
        yield Problem("phase-exceeds", message, where, f"write at most {whole[name]:,}, or enlarge the pool")
    if nodes < before[name]:
        machines_text = counted(nodes, "machine")
        message = f"{machines_text} of pool {name!r}, and {before[name]:,} stand after {earlier!r}"
        hint = f"write at least {before[name]:,}: what stands is not taken away"
        yield Problem("phase-shrinks", message, where, hint)


def _check_last(phase: Phase, index: int, whole: Mapping[str, int]) -> Iterator[Problem]:
    """Require that everything stands in the last phase, for which the plan is laid out."""
    for field, name, nodes in _entries(phase, index):
        if nodes < whole.get(name, 0):
            machines_text = counted(nodes, "machine")
            message = f"the last phase ends with {machines_text} of pool {name!r}, which has {whole[name]:,}"
            hint = f"write {whole[name]:,} or leave the pool out, or add a phase that has all"
            yield Problem("phase-incomplete", message, Where(field=f"{field}.nodes"), hint)

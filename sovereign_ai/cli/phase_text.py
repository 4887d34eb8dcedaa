"""What `plan --phase` shows: one phase of construction, what it adds, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sovereign_ai.assess.cost import assess_cost
from sovereign_ai.cli.output import table
from sovereign_ai.cli.plan_text import power_text
from sovereign_ai.errors import Problem, SpecError, UsageError, nearest
from sovereign_ai.plan import PhasePlan, Plan, plan
from sovereign_ai.spec import AIFactory

_COST = "capex.total.known"
_ROWS = {
    "nodes": "nodes",
    "spares": "spares",
    "GPUs": "gpus",
    "racks": "racks",
    "switches": "switches",
    "cables": "cables",
    "storage servers": "storage_servers",
}


def phase_data(factory: AIFactory, planned: Plan, name: str) -> dict[str, Any]:
    """Return one phase in numbers as plain data, with the known part of what it costs to build.

    Args:
        factory: the description.
        planned: its plan.
        name: the phase.

    Raises:
        UsageError: no phase has that name.
    """
    names = [phase.name for phase in planned.phases]
    if name not in names:
        message = f"no phase is called {name!r}" if names else "the description has no phases"
        raise UsageError(Problem("unknown-name", message, hint=nearest(name, names)))
    index = names.index(name)
    phase = planned.phases[index]
    before = planned.phases[index - 1] if index else None
    data = asdict(phase)
    data["cables_added"] = _added(phase.cables, before.cables if before else {})
    cost, needs = _cost(factory, name)
    earlier, _ = _cost(factory, before.name) if before else (0.0, ())
    data["build_eur"] = cost
    data["build_eur_added"] = None if cost is None or earlier is None else cost - earlier
    data["needs"] = list(needs)
    return data


def _added(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each count grows."""
    return {name: count - before.get(name, 0) for name, count in now.items()}


def _cost(factory: AIFactory, phase: str) -> tuple[float | None, tuple[str, ...]]:
    """Return the known part of what all up to a phase costs, and what keeps that phase from being planned."""
    described = factory.in_phase(phase)
    try:
        planned = plan(described)
    except SpecError as error:
        # Quotas of now may exceed an earlier phase. They change with the phase, and its counts stand.
        return None, tuple(problem.message for problem in error.problems)
    return assess_cost(described, planned).measure(_COST).value, ()


def phase_lines(data: Mapping[str, Any], phases: tuple[PhasePlan, ...]) -> Iterator[str]:
    """Yield the lines of `phase_data` for a terminal of 80 columns."""
    names = [phase.name for phase in phases]
    ends = f", ends {data['ends']}" if data["ends"] else ""
    standing = "stands" if data["stands"] else "does not stand yet"
    yield f"phase {data['name']}, {names.index(data['name']) + 1} of {len(names)}{ends}: {standing}"
    yield ""
    rows = []
    for words, field in _ROWS.items():
        rows.append((words, f"{data['totals'][field]:,}", f"{data['added'][field]:,}"))
    watts = "it_load_watts"
    rows.append(("IT load", power_text(data["totals"][watts]), power_text(data["added"][watts])))
    if data["build_eur"] is not None:
        added = "" if data["build_eur_added"] is None else _millions(data["build_eur_added"])
        rows.append(("to build, known part", _millions(data["build_eur"]), added))
    yield from table(["", "at its end", "added"], rows)
    yield ""
    fabrics = []
    for plane, count in data["cables"].items():
        fabrics.append((plane, data["switches"][plane], f"{count:,}", f"{data['cables_added'][plane]:,}"))
    if fabrics:
        yield from table(["fabric", "switches", "cables", "cables added"], fabrics)
    for need in data["needs"]:
        yield f"note: before this phase is the one of now: {need}"


def _millions(euro: float) -> str:
    """Return an amount in millions of euro."""
    return f"{euro / 1e6:,.2f} MEUR"

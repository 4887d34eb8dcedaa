"""Spares of a pool: the larger of what Poisson failures need and of what fails together.

Poisson knows single failures alone. A rack-scale NVLink domain, a rack on its PDUs or a leaf switch takes
several machines at once, so the largest of them is the least that must stand by if a job is to outlast it. The
plan's `spares: auto` counts single failures and NVLink domains alone, and says so.
"""

from __future__ import annotations

from sovereign_ai.assess.goodput.exact import spares_at
from sovereign_ai.assess.goodput.jobs import add_rate
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.plan.fabric import fullest_leaf
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.shapes import Shape

CONFIDENCE = 0.999
"""How often the spares must be enough, as in the plan."""


def domains(shape: Shape, plan: Plan) -> dict[str, int]:
    """Give what fails together, and how many of the pool's machines it takes; a leaf's machines lose one rail."""
    found = {"rack": min(shape.per_rack, shape.nodes)}
    if shape.system.nvlink_domain_nodes:
        found["nvlink"] = shape.system.nvlink_domain_nodes
    mine = frozenset(node.name for node in plan.nodes if node.pool == shape.pool.name)
    leaves = [fullest_leaf(plane, mine) for plane in plan.fabrics if plane.site == shape.site.name and plane.role == "compute"]
    if any(leaves):
        found["leaf"] = min(max(leaves), shape.nodes)
    return found


def add_spares(sheet: Sheet, shape: Shape, plan: Plan) -> None:
    """Add a pool's spares under `pool.<name>.spares`: by Poisson, by the largest domain, needed, and planned."""
    name = f"pool.{shape.pool.name}.spares"
    rate = add_rate(sheet, accelerator(shape.system.accelerator))
    sheet.plan(f"{name}.gpus", shape.nodes * shape.system.gpus, "GPUs", "machines counted on")
    repair = sheet.figure("repair", figure("failures", "repair"))
    confidence = sheet.plan("confidence", CONFIDENCE, "1", "as in the plan")
    sheet.derive(
        f"{name}.poisson",
        "machines",
        "smallest k with P(Poisson(rate x GPUs x repair) <= k) >= confidence",
        lambda each, gpus, seconds, sure: float(spares_at(sure, each * gpus * seconds / 86_400)),
        rate,
        f"{name}.gpus",
        repair,
        confidence,
    )
    found = domains(shape, plan)
    parts = [sheet.plan(f"{name}.domain.{kind}", size, "machines", _WHY[kind]) for kind, size in sorted(found.items())]
    sheet.derive(f"{name}.domain", "machines", "largest of NVLink domain, rack and leaf", _largest, *parts)
    sheet.derive(f"{name}.needed", "machines", "max(Poisson, domain)", _largest, f"{name}.poisson", f"{name}.domain")
    sheet.plan(f"{name}.planned", shape.spares.machines, "machines", shape.spares.why)


_WHY = {
    "rack": "machines of a rack, which its PDUs and its coolant feed",
    "nvlink": "machines of one NVLink domain",
    "leaf": "the most machines of the pool on one leaf switch of the compute fabric, at most those counted on: without it they lose one rail, and a job across all rails goes without them",
}


def _largest(*sizes: float) -> float:
    """Give the largest."""
    return max(sizes)

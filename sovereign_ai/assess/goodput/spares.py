"""Spare servers of a pool: enough for Poisson failures, and for the largest group that fails together.

The Poisson distribution covers single failures only. A rack-scale NVLink domain, a rack on its PDUs or a leaf
switch stops several servers at once, so a job that is to survive that needs spares for the largest of them.
The plan's `spares: auto` counts single failures and NVLink domains alone, and states so.
"""

from __future__ import annotations

from sovereign_ai.assess.goodput.exact import spares_at
from sovereign_ai.assess.goodput.training_jobs import add_rate
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.plan import Plan, Shape
from sovereign_ai.plan.fabric import fullest_leaf

CONFIDENCE = 0.999
"""Share of the time in which the spares must be enough, as in the plan."""


def domains(shape: Shape, plan: Plan) -> dict[str, int]:
    """Return the number of the pool's servers that fail together, by kind: `rack`, `nvlink` and `leaf`.

    The servers of a failed leaf keep running, but lose one rail.
    """
    sizes = {"rack": min(shape.per_rack, shape.nodes)}
    if shape.system.nvlink_domain_nodes:
        sizes["nvlink"] = shape.system.nvlink_domain_nodes
    nodes = frozenset(node.name for node in plan.nodes if node.pool == shape.pool.name)
    # A plane is lost leaf by leaf, so the fullest leaf of any plane is the largest loss.
    leaf = 0
    for plane in plan.fabrics:
        if plane.site == shape.site.name and plane.role == "compute":
            leaf = max(leaf, fullest_leaf(plane, nodes))
    if leaf:
        sizes["leaf"] = min(leaf, shape.nodes)
    return sizes


def add_spares(sheet: Sheet, shape: Shape, plan: Plan) -> None:
    """Add `pool.<name>.spares`: spares by Poisson, by the largest domain, needed, and planned."""
    name = f"pool.{shape.pool.name}.spares"
    poisson, domain = f"{name}.poisson", f"{name}.domain"
    rate = add_rate(sheet, needed_accelerator(shape.system))
    gpus = sheet.plan(f"{name}.gpus", shape.nodes * shape.system.gpus, "GPUs", "machines counted on")
    repair = sheet.figure("repair", figure("failures", "repair"))
    confidence = sheet.plan("confidence", CONFIDENCE, "1", "as in the plan")
    sheet.derive(
        poisson,
        "machines",
        "smallest k with P(Poisson(rate x GPUs x repair) <= k) >= confidence",
        # The rate is a day's, the repair takes seconds.
        lambda each, count, seconds, sure: float(spares_at(sure, each * count * seconds / 86_400)),
        rate,
        gpus,
        repair,
        confidence,
    )
    sizes = sorted(domains(shape, plan).items())
    parts = [sheet.plan(f"{domain}.{kind}", size, "machines", _WHY[kind]) for kind, size in sizes]
    sheet.derive(domain, "machines", "largest of NVLink domain, rack and leaf", _largest, *parts)
    sheet.derive(f"{name}.needed", "machines", "max(Poisson, domain)", _largest, poisson, domain)
    sheet.plan(f"{name}.planned", shape.spares.machines, "machines", shape.spares.why)


_WHY = {
    "rack": "machines of a rack, which its PDUs and its coolant feed",
    "nvlink": "machines of one NVLink domain",
    "leaf": (
        "the most machines of the pool on one leaf switch of the compute fabric, at most those counted on: "
        "without it they lose one rail, and a job across all rails goes without them"
    ),
}


def _largest(*sizes: float) -> float:
    """Return the largest size."""
    return max(sizes)

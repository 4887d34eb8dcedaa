"""What a fabric of several planes loses with one of them: what the others still carry, and whom it touches.

A machine has a port in each plane, so it keeps the other planes' share of its rate; nothing moves over by itself, for each port has an
address of its own, and the library that sends (NCCL, for one) takes the ports that are up.

    >>> PlaneLoss("p0", "compute", "fra1", 2, 4, 4, 32, 0, 0, 100, 200).share
    Fraction(1, 2)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sovereign_ai.assess.fabric import FabricReport, Surviving
from sovereign_ai.plan.factory import Plan


@dataclass(frozen=True, slots=True)
class PlaneLoss(Surviving):
    """What is lost with one plane of a fabric at a site.

    Attributes:
        plane: the plane.
        fabric: its fabric.
        site: where it is.
        planes: planes of the fabric there, with this one.
        endpoints: host ports that lose every path.
        nodes: hosts with such a port.
        gpus: GPUs of those hosts: their rate is less.
        dark: hosts that have no port of the fabric left.
        dark_gpus: GPUs of those.
        left: bisection of the fabric's other planes, in bits a second.
        whole: bisection of all its planes, in bits a second.
    """

    plane: str
    fabric: str
    site: str
    planes: int
    endpoints: int
    nodes: int
    gpus: int
    dark: int
    dark_gpus: int
    left: int
    whole: int


def plane_losses(plan: Plan, reports: Sequence[FabricReport]) -> Iterator[PlaneLoss]:
    """Give what each plane's fabric loses with it.

    Args:
        plan: the plan.
        reports: what `sovereign_ai.assess.fabric.check` says of it.
    """
    gpus = {node.name: node.gpus for node in plan.nodes}
    bisection = {one.plane: one.bisection for one in reports}
    for plane in plan.fabrics:
        fabric = [one for one in plan.fabrics if (one.fabric, one.site) == (plane.fabric, plane.site)]
        elsewhere = {row[0] for one in fabric if one is not plane for row in one.cables[: one.node_leaf]}
        touched = {row[0] for row in plane.cables[: plane.node_leaf]}
        dark = touched - elsewhere
        whole = sum(bisection[one.name] for one in fabric)
        yield PlaneLoss(
            plane=plane.name,
            fabric=plane.fabric,
            site=plane.site,
            planes=len(fabric),
            endpoints=plane.node_leaf,
            nodes=len(touched),
            gpus=sum(gpus.get(host, 0) for host in touched),
            dark=len(dark),
            dark_gpus=sum(gpus.get(host, 0) for host in dark),
            left=whole - bisection[plane.name],
            whole=whole,
        )

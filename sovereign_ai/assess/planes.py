"""The loss of one whole plane of a multi-plane fabric: the bisection that is left, and the servers affected.

A server has a port in each plane, so it keeps the other planes' share of its rate. Nothing fails over by
itself, since each port has an address of its own: the library that sends (NCCL, for one) uses the ports that
are up.

    >>> PlaneLoss("p0", "compute", "fra1", 2, 4, 4, 32, 0, 0, 100, 200).share
    Fraction(1, 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sovereign_ai.assess.fabric import FabricReport, Surviving
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan


@frozen_dataclass
class PlaneLoss(Surviving):
    """The loss of one plane of a fabric at a site.

    Attributes:
        plane: the plane.
        fabric: its fabric.
        site: where it is.
        planes: number of planes of the fabric at the site, this one included.
        endpoints: host ports that lose every path.
        nodes: hosts with such a port.
        gpus: GPUs of those hosts; their rate is reduced.
        dark: hosts without any port of the fabric left.
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
    """Yield the loss of each plane.

    Args:
        plan: the plan.
        reports: its planes as `assess_fabrics` returns them.
    """
    gpus = {}
    for node in plan.nodes:
        gpus[node.name] = node.gpus
    bisection = {}
    for report in reports:
        bisection[report.plane] = report.bisection
    for plane in plan.fabrics:
        # A fabric of several sites has planes of its own at each: only those beside this one can take its
        # traffic.
        fabric_and_site = plane.fabric, plane.site
        siblings = []
        for other in plan.fabrics:
            if (other.fabric, other.site) == fabric_and_site:
                siblings.append(other)
        elsewhere: set[str] = set()
        for sibling in siblings:
            if sibling is not plane:
                elsewhere |= _hosts(sibling)
        hosts = _hosts(plane)
        dark = hosts - elsewhere
        whole = sum(bisection[sibling.name] for sibling in siblings)
        yield PlaneLoss(
            plane=plane.name,
            fabric=plane.fabric,
            site=plane.site,
            planes=len(siblings),
            endpoints=plane.node_leaf,
            nodes=len(hosts),
            gpus=_count_gpus(hosts, gpus),
            dark=len(dark),
            dark_gpus=_count_gpus(dark, gpus),
            left=whole - bisection[plane.name],
            whole=whole,
        )


def _count_gpus(hosts: Iterable[str], gpus: Mapping[str, int]) -> int:
    """Return the GPUs of some hosts; storage servers and managers have none."""
    return sum(gpus.get(host, 0) for host in hosts)


def _hosts(plane: FabricPlan) -> set[str]:
    """Return the hosts with a port in a plane."""
    return set(plane.host_links.lowers())

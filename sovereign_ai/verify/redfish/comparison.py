"""Compare racked servers with the plan: pure, in a stable order.

Of a server these are compared: its model, its GPUs (number, model, health), its ports by rate, its power
state, its rack where the chassis reports it, and its firmware: with the versions that the user gave, or else
with what most servers of its system have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.errors import nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan
from sovereign_ai.verify.findings import ClusterFinding, Difference, changed, foreign, missing
from sovereign_ai.verify.redfish.endpoints import Endpoints
from sovereign_ai.verify.redfish.names import gpu_of, same_model
from sovereign_ai.verify.redfish.reported_server import ReportedServer, Unreachable

ROLES = ("compute", "storage")
"""Fabrics whose ports are counted; not every controller reports which ports are management ports."""
_FEW = 3
"""The number of servers of a system from which on what most of them have is a firmware baseline."""


@frozen_dataclass
class RedfishInventory:
    """The servers in the racks, compared with the plan.

    Attributes:
        planned: the number of servers in the plan.
        seen: the number of servers that a controller reported.
        findings: what is missing, changed or foreign.
        unreachable: controllers that gave no complete answer.
    """

    planned: int
    seen: int
    findings: tuple[ClusterFinding, ...]
    unreachable: tuple[Unreachable, ...]

    @property
    def ok(self) -> bool:
        """Whether every planned server was seen and is as planned."""
        return not self.findings and not self.unreachable and self.seen > 0

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "planned": self.planned,
            "seen": self.seen,
            "findings": [finding.to_data() for finding in self.findings],
            "unreachable": [controller.to_data() for controller in self.unreachable],
        }


def compare(
    plan: Plan, racked: Sequence[ReportedServer], unreachable: Sequence[Unreachable], given: Endpoints
) -> RedfishInventory:
    """Compare racked servers with the plan.

    Args:
        plan: what was planned.
        racked: what the controllers reported.
        unreachable: controllers that did not answer; their servers are not known to be missing.
        given: further names of models, and versions of firmware.
    """
    nodes = {node.name: node for node in plan.nodes}
    baseline = _firmware_baseline(nodes, racked, given)
    ports = _planned_ports(plan)
    findings: list[ClusterFinding] = []
    seen: set[str] = set()
    for server in racked:
        node = nodes.get(server.name)
        if node is None:
            findings.append(_unplanned(server, list(nodes)))
        elif server.name in seen:
            findings.append(_duplicate(server))
        else:
            seen.add(server.name)
            planned_ports = ports.get(node.name, Counter())
            differences = list(_differences(node, server, given, planned_ports, baseline))
            if differences:
                hint = f"look at it: {server.endpoint}, serial {server.serial or 'not reported'}"
                findings.append(changed(f"Machine/{server.name}", differences, hint))
    findings += _missing(nodes, seen, unreachable)
    findings.sort(key=lambda finding: finding.order)
    return RedfishInventory(len(nodes), len(racked), tuple(findings), tuple(unreachable))


def _missing(
    nodes: Mapping[str, Node], seen: set[str], unreachable: Sequence[Unreachable]
) -> Iterator[ClusterFinding]:
    """Yield the planned servers that no controller reported."""
    silent = {controller.machine for controller in unreachable}
    # A controller without a name speaks for several servers, and nothing states which: any may be among them.
    if "" in silent:
        return
    hint = "rack it, connect its controller, or name it in the endpoints file"
    for name in nodes:
        if name not in seen and name not in silent:
            yield missing(f"Machine/{name}", hint)


def _duplicate(server: ReportedServer) -> ClusterFinding:
    """Return the finding that two controllers report one name."""
    why = f"{server.endpoint} reports the name {server.name}, and so does another controller"
    return foreign(f"Machine/{server.name}", why, "give one of them its own name")


def _unplanned(server: ReportedServer, known: list[str]) -> ClusterFinding:
    """Return the finding that a server is not in the plan."""
    why = f"{server.model or 'a machine'} at {server.endpoint} is in no plan"
    return foreign(f"Machine/{server.name}", why, nearest(server.name, known))


def _planned_ports(plan: Plan) -> dict[str, Counter[int]]:
    """Return each server's cabled ports, counted by their rate in bit/s."""
    ports: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for plane in plan.fabrics:
        if plane.role in ROLES:
            for host in plane.host_links.lowers():
                ports[host][plane.host_rate(host)] += 1
    return ports


def _firmware_baseline(
    nodes: Mapping[str, Node], racked: Sequence[ReportedServer], given: Endpoints
) -> dict[str, dict[str, str]]:
    """Return the firmware that the servers of each system must have.

    It is the version that the user gave, or else the one that more than half of enough servers have.
    """
    counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for server in racked:
        if server.name in nodes:
            of_system = counts[nodes[server.name].system]
            for name, version in server.firmware.items():
                of_system[name][version] += 1
    baseline: dict[str, dict[str, str]] = {}
    for kind, versions_by_name in counts.items():
        baseline[kind] = {}
        for name, versions in versions_by_name.items():
            version, count = versions.most_common(1)[0]
            # Of two servers that differ, neither is known to be the wrong one.
            if versions.total() >= _FEW and 2 * count > versions.total():
                baseline[kind][name] = version
    for kind, versions_given in given.firmware.items():
        baseline.setdefault(kind, {}).update(versions_given)
    return baseline


def _differences(
    node: Node,
    server: ReportedServer,
    given: Endpoints,
    ports: Counter[int],
    baseline: Mapping[str, Mapping[str, str]],
) -> Iterator[Difference]:
    """Yield what is not as planned of one server."""
    if not same_model(node.system, server.model, given.models.get(node.system, ())):
        yield Difference("model", node.system, server.model or None)
    yield from _gpu_differences(node, server)
    yield from _port_differences(ports, server)
    if server.power != "On":
        yield Difference("power", "On", server.power or None)
    # Not every chassis reports its rack: an empty one is no difference.
    if server.rack and server.rack != node.rack:
        yield Difference("rack", node.rack, server.rack)
    for name, version in sorted(baseline.get(node.system, {}).items()):
        if server.firmware.get(name) != version:
            yield Difference(f"firmware.{name}", version, server.firmware.get(name))


def _port_differences(ports: Counter[int], server: ReportedServer) -> Iterator[Difference]:
    """Yield for each planned rate whether the server has too few ports of that rate or more."""
    for rate in sorted(ports, reverse=True):
        wanted = sum(count for each, count in ports.items() if each >= rate)
        present = 0
        for port in server.ports:
            # A port whose rate is not reported (0) may be of any.
            if port.rate >= rate or not port.rate:
                present += 1
        if present < wanted:
            yield Difference(f"ports of {rate // 10**9} Gbps or more", wanted, present)


def _gpu_differences(node: Node, server: ReportedServer) -> Iterator[Difference]:
    """Yield what is not as planned of a server's GPUs."""
    if len(server.gpus) != node.gpus:
        yield Difference("gpus", node.gpus, len(server.gpus))
    wanted = system(node.system).accelerator
    for gpu in server.gpus:
        if gpu_of(gpu.model) != wanted:
            yield Difference(f"gpus.{gpu.name}.model", wanted, gpu.model or None)
        if gpu.health not in ("", "OK"):
            yield Difference(f"gpus.{gpu.name}.health", "OK", gpu.health)

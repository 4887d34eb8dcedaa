"""Racked against planned: pure, in a stable order.

Of a machine: its model, its GPUs (number, model, health), its ports by rate, its power, its rack where the chassis tells it,
and its firmware: against the versions that the user gave, or else against what most machines of its system have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.catalog.systems import system
from sovereign_ai.errors import nearest
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.verify.findings import Difference, Finding, changed, foreign, missing
from sovereign_ai.verify.redfish.endpoints import Endpoints
from sovereign_ai.verify.redfish.names import gpu_of, same_model
from sovereign_ai.verify.redfish.racked import Racked, Unreachable

ROLES = ("compute", "storage")
"""Fabrics whose ports are counted; management ports are not told apart from them by every controller."""
_FEW = 3
"""From so many machines of a system on, what most of them have is a firmware baseline."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is racked, against what was planned.

    Attributes:
        planned: machines of the plan.
        seen: machines that a controller told of.
        findings: what is missing, changed or foreign.
        unreachable: controllers that gave no whole answer.
    """

    planned: int
    seen: int
    findings: tuple[Finding, ...]
    unreachable: tuple[Unreachable, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything planned was seen and is as planned."""
        return not self.findings and not self.unreachable and self.seen > 0

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "planned": self.planned,
            "seen": self.seen,
            "findings": [one.to_data() for one in self.findings],
            "unreachable": [one.to_data() for one in self.unreachable],
        }


def compare(plan: Plan, racked: Sequence[Racked], unreachable: Sequence[Unreachable], given: Endpoints) -> Inventory:
    """Hold what is racked against the plan.

    Args:
        plan: what was planned.
        racked: what the controllers told.
        unreachable: controllers that did not answer: their machines are not known to be missing.
        given: further names of models, and versions of firmware.
    """
    nodes = {node.name: node for node in plan.nodes}
    silent = {one.machine for one in unreachable}
    whole = any(not one.machine for one in unreachable)
    baseline = _baseline(nodes, racked, given)
    ports = _ports(plan)
    found: list[Finding] = []
    seen: set[str] = set()
    for one in racked:
        node = nodes.get(one.name)
        if node is None or one.name in seen:
            found.append(_extra(one, list(nodes), twice=node is not None))
            continue
        seen.add(one.name)
        differences = list(_differences(node, one, given, ports.get(node.name, Counter()), baseline))
        if differences:
            found.append(changed(f"Machine/{one.name}", differences, f"look at it: {one.endpoint}, serial {one.serial or 'not told'}"))
    if not whole:
        hint = "rack it, connect its controller, or name it in the endpoints file"
        found += [missing(f"Machine/{name}", hint) for name in nodes if name not in seen and name not in silent]
    return Inventory(len(nodes), len(racked), tuple(sorted(found, key=lambda one: one.order)), tuple(unreachable))


def _extra(one: Racked, known: list[str], *, twice: bool) -> Finding:
    """Say that a machine is nobody's."""
    if twice:
        return foreign(f"Machine/{one.name}", f"{one.endpoint} says it is {one.name}, and so does another", "give one of them its own name")
    return foreign(f"Machine/{one.name}", f"{one.model or 'a machine'} at {one.endpoint} is in no plan", nearest(one.name, known))


def _ports(plan: Plan) -> dict[str, Counter[int]]:
    """Give machine to the ports that the plan cables, counted by rate."""
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for plane in plan.fabrics:
        if plane.role in ROLES:
            for host, _, _, _ in plane.cables[: plane.node_leaf]:
                found[host][plane.link] += 1
    return found


def _baseline(nodes: Mapping[str, Node], racked: Sequence[Racked], given: Endpoints) -> dict[str, dict[str, str]]:
    """Give for each system the firmware it must have: as given, else what more than half of enough machines have."""
    counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in racked:
        if one.name in nodes:
            for name, version in one.firmware.items():
                counts[nodes[one.name].system][name][version] += 1
    found: dict[str, dict[str, str]] = {}
    for kind, names in counts.items():
        common = {name: versions.most_common(1)[0] for name, versions in names.items() if versions.total() >= _FEW}
        most = {name: version for name, (version, count) in common.items() if 2 * count > names[name].total()}
        found[kind] = most | dict(given.firmware.get(kind, {}))
    return found | {kind: dict(wanted) for kind, wanted in given.firmware.items() if kind not in found}


def _differences(
    node: Node, one: Racked, given: Endpoints, ports: Counter[int], baseline: Mapping[str, Mapping[str, str]]
) -> Iterator[Difference]:
    """Give what is not as planned of one machine."""
    if not same_model(node.system, one.model, given.models.get(node.system, ())):
        yield Difference("model", node.system, one.model or None)
    yield from _gpus(node, one)
    for rate in sorted(ports, reverse=True):
        wanted = sum(count for each, count in ports.items() if each >= rate)
        there = sum(port.rate >= rate or not port.rate for port in one.ports)
        if there < wanted:
            yield Difference(f"ports of {rate // 10**9} Gbps or more", wanted, there)
    if one.power != "On":
        yield Difference("power", "On", one.power or None)
    if one.rack and one.rack != node.rack:
        yield Difference("rack", node.rack, one.rack)
    for name, version in sorted(baseline.get(node.system, {}).items()):
        if one.firmware.get(name) != version:
            yield Difference(f"firmware.{name}", version, one.firmware.get(name))


def _gpus(node: Node, one: Racked) -> Iterator[Difference]:
    """Give what is not as planned of a machine's GPUs."""
    if len(one.gpus) != node.gpus:
        yield Difference("gpus", node.gpus, len(one.gpus))
    wanted = system(node.system).accelerator
    for gpu in one.gpus:
        if gpu_of(gpu.model) != wanted:
            yield Difference(f"gpus.{gpu.name}.model", wanted, gpu.model or None)
        if gpu.health not in ("", "OK"):
            yield Difference(f"gpus.{gpu.name}.health", "OK", gpu.health)

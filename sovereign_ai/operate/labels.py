"""The labeller: topology labels of a real cluster's nodes, by what their ports hear and not by their names.

Each node reports by LLDP which port of which switch each of its own ports meets; the plan states for which
machine that port is planned. Where all ports agree, the node is in that machine's place, whatever its name,
and gets the labels of the place, the same as simulated nodes. Where they disagree, or where no switch of the
plan is heard, it gets none and loses those that this labeller gave it: a topology-aware scheduler places
nothing on a node without them. Labels of other managers are never taken over; a conflict is reported.

    >>> neighbours(b'{"lldp": [{"interface": []}]}', "train-001.json")
    {}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.errors import Problem, SovereignError, UsageError
from sovereign_ai.files import NEIGHBOURS, Json, hidden, parse_json, refuse_secrets
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.interop import place_labels, switch_tiers
from sovereign_ai.render.switches import host_interface, interface
from sovereign_ai.text import counted

MANAGER = "sovereign-ai-labeller"
_LONGEST = 512
_MOST_INTERFACES = 1_024
Port = tuple[str, str]
"""Device and interface."""


@frozen_dataclass
class NodeCabling:
    """The machine that each switch port is planned for.

    Attributes:
        ports: switch port to the machine's port that it is planned for.
        switches: names of the plan's switches.
        counts: machine to its planned ports that speak LLDP.
        interfaces: names of the machines' ports.
        machines: name to machine.
        tiers: machine to the switches above it on its compute fabric, the leaf first.
    """

    ports: Mapping[Port, Port]
    switches: frozenset[str]
    counts: Mapping[str, int]
    interfaces: frozenset[str]
    machines: Mapping[str, Node]
    tiers: Mapping[str, tuple[str, ...]]


@frozen_dataclass
class LabelledNode:
    """One node and its place.

    Attributes:
        node: its name.
        place: the planned machine in whose place it is; empty where that is not sure.
        labels: its labels.
        findings: what is not as planned, in words.
    """

    node: str
    place: str
    labels: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "node": self.node,
            "place": self.place,
            "labels": dict(self.labels),
            "findings": list(self.findings),
        }


def cabling(plan: Plan) -> NodeCabling:
    """Return the machine that each port of an Ethernet switch is planned for."""
    machines = {node.name: node for node in plan.nodes}
    ports: dict[Port, Port] = {}
    switches: set[str] = set()
    counts: Counter[str] = Counter()
    interfaces: set[str] = set()
    for plane in plan.fabrics:
        # InfiniBand has no LLDP.
        if plane.kind == "infiniband":
            continue
        switches.update(switch.name for switch in plane.switches)
        for link in plane.host_links:
            # Storage servers and fabric managers are hosts too, but no nodes.
            if link.lower not in machines:
                continue
            name = host_interface(link.lower_port)
            ports[link.upper, interface(link.upper_port)] = (link.lower, name)
            counts[link.lower] += 1
            interfaces.add(name)
    return NodeCabling(
        ports, frozenset(switches), counts, frozenset(interfaces), machines, switch_tiers(plan)
    )


def neighbours(raw: bytes, file: str) -> dict[str, Port]:
    """Return the neighbours that `lldpctl -f json0 show neighbors` printed: interface to switch and port.

    An interface that hears two devices with names is left out: nothing shows which one its cable leads to.

    Args:
        raw: what it printed.
        file: the file's name, for messages.

    Raises:
        UsageError: it is something else.
    """
    seen_peers: dict[str, set[Port]] = {}
    for name, device, ports, _ in lldpctl_rows(raw, file):
        seen_peers.setdefault(name, set()).add((device, ports[0] if ports else ""))
    seen: dict[str, Port] = {}
    for name, peers in seen_peers.items():
        # An adapter's firmware speaks beside its host, and has no name.
        named = {peer for peer in peers if peer[0]} or peers
        if len(named) == 1:
            seen[name] = named.pop()
    return seen


def lldpctl_rows(raw: bytes, file: str) -> list[tuple[str, str, tuple[str, ...], str]]:
    """Return every neighbour: interface, device, names of its port, the likeliest first, its description.

    Args:
        raw: what `lldpctl -f json0 show neighbors` printed.
        file: the file's name, for messages.

    Raises:
        UsageError: it is something else.
    """
    parsed = parse_json(raw, file, NEIGHBOURS)
    refuse_secrets(parsed.text, file, NEIGHBOURS)
    rows = []
    for path, row in _interfaces(parsed):
        name = _text(parsed, row, f"{path}.name", "name")
        port, chassis = _first(parsed, row, path, "port"), _first(parsed, row, path, "chassis")
        port_path, chassis_path = f"{path}.port[0]", f"{path}.chassis[0]"
        identifier = _first(parsed, port, port_path, "id")
        value = _text(parsed, identifier, f"{port_path}.id[0].value", "value")
        description = _first(parsed, port, port_path, "descr", {"value": ""})
        described = _text(parsed, description, f"{port_path}.descr[0].value", "value")
        # A port may be identified by its MAC address; lldpd then has the interface's name as its description.
        names = (value, described) if identifier.get("type") == "ifname" else (described, value)
        switch = _first(parsed, chassis, chassis_path, "name", {"value": ""})
        device = _text(parsed, switch, f"{chassis_path}.name[0].value", "value")
        rows.append((name, device, tuple(port for port in names if port), _description(chassis)))
    return rows


def _description(chassis: Mapping[str, Any]) -> str:
    """Return what a device tells of its system; of several lines, and empty where it tells nothing."""
    rows = chassis.get("descr")
    value = rows[0].get("value") if isinstance(rows, list) and rows and isinstance(rows[0], dict) else ""
    return value[:_LONGEST] if isinstance(value, str) else ""


def _interfaces(parsed: Json) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each interface with its path."""
    parts = parsed.data.get("lldp") if isinstance(parsed.data, dict) else None
    if not isinstance(parts, list):
        raise _mismatch(parsed, "lldp", "a list")
    count = 0
    for at, part in enumerate(parts):
        rows = part.get("interface", []) if isinstance(part, dict) else None
        if not isinstance(rows, list):
            raise _mismatch(parsed, f"lldp[{at}].interface", "a list")
        for number, row in enumerate(rows):
            path = f"lldp[{at}].interface[{number}]"
            count += 1
            if not isinstance(row, dict) or count > _MOST_INTERFACES:
                raise _mismatch(parsed, path, f"an object, and at most {_MOST_INTERFACES:,} of them")
            yield path, row


def _first(
    parsed: Json, holder: Mapping[str, Any], path: str, name: str, default: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the first object of a list in an object.

    Raises:
        UsageError: there is none, and no default.
    """
    if name not in holder and default is not None:
        return default
    rows = holder.get(name)
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        raise _mismatch(parsed, f"{path}.{name}", "a list with an object in it, as `json0` has it")
    first: Mapping[str, Any] = rows[0]
    return first


def _text(parsed: Json, holder: Mapping[str, Any], path: str, name: str) -> str:
    """Return a text of an object.

    Raises:
        UsageError: it is no text, too long, or holds letters that cannot be seen.
    """
    value = holder.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise _mismatch(parsed, path, f"a text of at most {_LONGEST} characters")
    if (letter := hidden(value, "")) is not None:
        raise _mismatch(parsed, path, f"visible letters, and it holds {letter.say}")
    return value


def _mismatch(parsed: Json, path: str, expected: str) -> UsageError:
    """Return the error of a value that is not as expected."""
    message = f"it is not {NEIGHBOURS.noun}: expected {expected}"
    return UsageError(Problem("not-lldp", message, parsed.where(path), NEIGHBOURS.hint))


def locate_node(cables: NodeCabling, node: str, seen_peers: Mapping[str, Port]) -> LabelledNode:
    """Return a node with its place and labels.

    Args:
        cables: the machine that each port is planned for.
        node: the node's name.
        seen_peers: interface to the switch and port that it meets.
    """
    met: dict[str, Port] = {}
    planned_for: dict[str, Port] = {}
    odd = []
    for name, (switch, port) in seen_peers.items():
        peer = (_switch(switch, cables.switches), port)
        met[name] = peer
        if peer in cables.ports:
            planned_for[name] = cables.ports[peer]
        elif peer[0] in cables.switches:
            odd.append(f"{name} meets {' '.join(peer)}, which no machine is planned for")
    hosts = Counter(host for host, _ in planned_for.values())
    if not hosts:
        return LabelledNode(node, "", findings=("no port meets a switch port of the plan", *odd))
    host, _ = hosts.most_common(1)[0]
    if len(hosts) > 1:
        summary = f"ports of {counted(len(hosts), 'machine')}: mostly of {host}"
        wrong = _ports_of_others(host, planned_for, met)
        return LabelledNode(node, "", findings=(summary, *wrong, *odd))
    findings = []
    if host != node:
        findings.append(f"is cabled where {host} is planned")
    findings += _swapped_ports(cables, planned_for, met)
    silent = cables.counts[host] - hosts[host]
    if silent:
        findings.append(f"{silent} of {counted(cables.counts[host], 'planned port')} hear no switch")
    labels = place_labels(cables.machines[host], cables.tiers.get(host, ()))
    return LabelledNode(node, host, labels, (*findings, *odd))


def _ports_of_others(host: str, planned_for: Mapping[str, Port], met: Mapping[str, Port]) -> Iterator[str]:
    """Yield the findings of interfaces whose switch ports are planned for other machines."""
    for name, (other, port) in planned_for.items():
        if other != host:
            yield _miscabled(name, met[name], f"{other} {port}")


def _swapped_ports(
    cables: NodeCabling, planned_for: Mapping[str, Port], met: Mapping[str, Port]
) -> Iterator[str]:
    """Yield the findings of interfaces whose switch ports are planned for other ports of the same machine."""
    for name, (_, port) in planned_for.items():
        # An interface that the plan does not know has another name than the plan's, and no planned port.
        if name != port and name in cables.interfaces:
            yield _miscabled(name, met[name], port)


def _miscabled(name: str, peer: Port, planned: str) -> str:
    """Return the finding of an interface whose switch port is planned for another port."""
    return f"{name} meets {' '.join(peer)}, which is planned for {planned}"


def _switch(name: str, known: frozenset[str]) -> str:
    """Return a switch's name without its domain, where that is one of the plan's."""
    short, _, _ = name.partition(".")
    return short if name not in known and short in known else name


def locate_nodes(plan: Plan, texts: Mapping[str, bytes | SovereignError]) -> list[LabelledNode]:
    """Return every node with its place and labels; none of two nodes in one place has labels.

    Args:
        plan: the plan.
        texts: node to the output of its `lldpctl`, or to why that could not be read.
    """
    cables = cabling(plan)
    nodes = [_placed(cables, node, text) for node, text in sorted(texts.items())]
    counts = Counter(entry.place for entry in nodes if entry.place)
    placed = []
    for entry in nodes:
        count = counts[entry.place]
        # At least one of them is wrong, and nothing shows which.
        if count > 1:
            finding = f"{counted(count, 'node is', 'nodes are')} cabled where {entry.place} is planned"
            entry = LabelledNode(entry.node, "", findings=(*entry.findings, finding))  # noqa: PLW2901
        placed.append(entry)
    return placed


def _placed(cables: NodeCabling, node: str, text: bytes | SovereignError) -> LabelledNode:
    """Return a node with its place; one whose output could not be read has the reasons as its findings."""
    try:
        if isinstance(text, SovereignError):
            raise text
        return locate_node(cables, node, neighbours(text, f"{node}.json"))
    except SovereignError as error:
        findings = [f"{problem.where}: {problem.message}" for problem in error.problems]
        return LabelledNode(node, "", findings=tuple(findings))


def write_labels(
    api: Api, placed: Iterable[LabelledNode], *, dry_run: bool = False, progress: Callable[[str], None]
) -> list[LabelledNode]:
    """Write the labels of nodes to a cluster.

    Each node is one server-side apply, which also removes the labels that this labeller no longer gives it.

    Args:
        api: the cluster.
        placed: the nodes.
        dry_run: let the server validate and store nothing.
        progress: called with a line at the end.

    Returns:
        The nodes, with those that could not be labelled reported in their findings.

    Raises:
        UnreachableError: there was no answer.
    """
    uids = {obj["metadata"]["name"]: obj["metadata"].get("uid") for obj in api.list("v1", "Node")}
    calls = [partial(_write, api, entry, uids, dry_run=dry_run) for entry in placed]
    done = api.many(calls)
    labelled = sum(bool(entry.labels) for entry in done)
    progress(f"{counted(labelled, 'node')} labelled")
    return done


def _write(api: Api, placed: LabelledNode, uids: Mapping[str, str | None], *, dry_run: bool) -> LabelledNode:
    """Write one node's labels, and report a node that does not exist or whose labels another manager owns."""
    if placed.node not in uids:
        # An apply would create it.
        return _failed(placed, "the cluster has no such node")
    metadata: dict[str, Any] = {"name": placed.node, "labels": dict(placed.labels)}
    # With it, the server refuses to create one that was removed in the meantime.
    if uid := uids[placed.node]:
        metadata["uid"] = uid
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
    try:
        api.apply(node, field_manager=MANAGER, dry_run=dry_run)
    except ApiError as error:
        return _failed(placed, f"the server refused: {error.problems[0].message}")
    return placed


def _failed(placed: LabelledNode, finding: str) -> LabelledNode:
    """Return a node that was not labelled, with the reason."""
    return LabelledNode(placed.node, placed.place, {}, (*placed.findings, finding))

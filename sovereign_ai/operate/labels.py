"""The labeller: topology labels of a real cluster's nodes, by what their ports hear and not by what they are called.

Each machine tells by LLDP which port of which switch each of its own ports meets; the plan tells whose port that is. Where
all ports agree the machine stands in that place, whatever its name, and gets the labels of the place, the same that the simulator
gives. Where they disagree, or where no switch of the plan is heard, it gets none and loses those it had from here: a topology-aware
scheduler places nothing on a node without them. Other managers' labels are never taken over; a conflict is told.

    >>> neighbours('{"lldp": [{"interface": []}]}')
    {}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from sovereign_ai.cluster.access import Api
from sovereign_ai.cluster.api_errors import ApiError
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.interop.labels import place_labels
from sovereign_ai.render.switches.ports import host_interface, interface

MANAGER = "sovereign-ai-labeller"
Port = tuple[str, str]
"""Device and interface."""


class NotLldpError(ValueError):
    """The text is not what `lldpctl -f json0 show neighbors` prints."""


@dataclass(frozen=True, slots=True)
class Cabling:
    """Whose each switch port is, by the plan.

    Attributes:
        ports: switch port to the machine's port that it is planned for.
        switches: names of the plan's switches.
        counts: machine to its planned ports that speak LLDP.
    """

    ports: Mapping[Port, Port]
    switches: frozenset[str]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """One node.

    Attributes:
        node: its name.
        place: the planned machine in whose place it stands; empty where that is not sure.
        labels: what it gets.
        findings: what is not as planned, in words.
    """

    node: str
    place: str
    labels: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {"node": self.node, "place": self.place, "labels": dict(self.labels), "findings": list(self.findings)}


def cabling(plan: Plan) -> Cabling:
    """Give whose each port of an Ethernet switch is."""
    machines = {node.name for node in plan.nodes}
    planes = [plane for plane in plan.fabrics if plane.kind != "infiniband"]
    ports = {
        (leaf, interface(leaf_port)): (host, host_interface(port))
        for plane in planes
        for host, port, leaf, leaf_port in plane.cables[: plane.node_leaf]
        if host in machines
    }
    names = frozenset(one.name for plane in planes for one in plane.switches)
    return Cabling(ports, names, Counter(host for host, _ in ports.values()))


def neighbours(text: str) -> dict[str, Port]:
    """Read `lldpctl -f json0 show neighbors`: interface to the switch and port that it meets.

    A port is named by its identifier where that is an interface's name, and else by its description, as lldpd has it.

    Raises:
        NotLldpError: the text is something else.
    """
    try:
        rows = [row for part in orjson.loads(text)["lldp"] for row in part.get("interface", [])]
        found = {}
        for row in rows:
            port = row["port"][0]
            named = port["id"][0]["type"] == "ifname"
            name = port["id"][0]["value"] if named else port.get("descr", [{"value": ""}])[0]["value"]
            found[str(row["name"])] = (str(row["chassis"][0].get("name", [{"value": ""}])[0]["value"]), str(name))
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise NotLldpError(f"is not what `lldpctl -f json0 show neighbors` prints: {_amiss(error, text)}") from None
    return found


def _amiss(error: Exception, text: str) -> str:
    """Say in words what was found where neighbours were expected."""
    if not text.strip():
        return "it is empty"
    if isinstance(error, orjson.JSONDecodeError):
        return f"{'it breaks off' if error.pos >= len(text.rstrip()) else 'it is no JSON'} at line {error.lineno}, column {error.colno}"
    return f"it lacks {error.args[0]!r}" if isinstance(error, KeyError) else "its parts are laid out otherwise, as by `-f json`"


def place(plan: Plan, cables: Cabling, node: str, heard: Mapping[str, Port]) -> Placed:
    """Tell where a node stands.

    Args:
        plan: the plan.
        cables: whose each port is.
        node: the node's name.
        heard: interface to the switch and port that it meets.
    """
    met = {name: (_switch(switch, cables.switches), port) for name, (switch, port) in heard.items()}
    mine = {name: cables.ports[port] for name, port in met.items() if port in cables.ports}
    hosts = Counter(host for host, _ in mine.values())
    odd = [
        f"{name} meets {' '.join(port)}, which no machine is planned for"
        for name, port in met.items()
        if port[0] in cables.switches and name not in mine
    ]
    if not hosts:
        return Placed(node, "", findings=("no port meets a switch port of the plan", *odd))
    if len(hosts) > 1:
        most = hosts.most_common(1)[0][0]
        wrong = [
            f"{name} meets {' '.join(met[name])}, which is planned for {host} {port}" for name, (host, port) in mine.items() if host != most
        ]
        return Placed(node, "", findings=(f"ports of {len(hosts)} machines: mostly of {most}", *wrong, *odd))
    host = next(iter(hosts))
    planned = {one.name: one for one in plan.nodes}[host]
    findings = [f"stands where {host} is planned"] if host != node else []
    findings += [
        f"{name} meets {' '.join(met[name])}, which is planned for {port}"
        for name, (_, port) in mine.items()
        if name != port and name in {other for _, other in cables.ports.values()}
    ]
    silent = cables.counts[host] - hosts[host]
    findings += [f"{silent} of {cables.counts[host]} planned ports hear no switch"] if silent else []
    return Placed(node, host, place_labels(planned), (*findings, *odd))


def _switch(name: str, known: frozenset[str]) -> str:
    """Give a switch's name without its domain, where that is one of the plan's."""
    short = name.partition(".")[0]
    return short if name not in known and short in known else name


def place_all(plan: Plan, texts: Mapping[str, str]) -> list[Placed]:
    """Tell where every node stands, and which two stand in one place.

    Args:
        plan: the plan.
        texts: node to what its `lldpctl` printed.
    """
    cables = cabling(plan)
    found = []
    for node, text in sorted(texts.items()):
        try:
            found.append(place(plan, cables, node, neighbours(text)))
        except NotLldpError as error:
            found.append(Placed(node, "", findings=(f"{node}.json {error}",)))
    twice = Counter(one.place for one in found if one.place)
    return [
        Placed(one.node, "", findings=(*one.findings, f"{twice[one.place]} nodes say they stand where {one.place} is planned"))
        if twice[one.place] > 1
        else one
        for one in found
    ]


def write(api: Api, placed: Iterable[Placed], *, dry_run: bool = False, progress: Callable[[str], None]) -> list[Placed]:
    """Put the labels on the nodes of a cluster, each node by one server-side apply that also removes what it no longer has.

    Args:
        api: the cluster.
        placed: the nodes.
        dry_run: let the server judge and store nothing.
        progress: takes a line now and then.

    Raises:
        UnreachableError: there was no answer.
    """
    there = {obj["metadata"]["name"] for obj in api.list("v1", "Node")}
    done = api.many([lambda one=one: _write(api, one, there, dry_run=dry_run) for one in placed])  # type: ignore[misc]
    progress(f"{sum(bool(one.labels) for one in done):,} nodes labelled")
    return done


def _write(api: Api, one: Placed, there: set[str], *, dry_run: bool) -> Placed:
    """Put one node's labels on it; a node that is not there or that another manager holds is told."""
    if one.node not in there:
        return Placed(one.node, one.place, {}, (*one.findings, "the cluster has no such node"))
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": one.node, "labels": dict(one.labels)}}
    try:
        api.apply(node, field_manager=MANAGER, dry_run=dry_run)
    except ApiError as error:
        return Placed(one.node, one.place, {}, (*one.findings, f"the server refused: {error.problems[0].message}"))
    return one

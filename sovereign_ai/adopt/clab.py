"""A topology of containerlab: nodes with their kinds and groups, and links between interfaces.

The form is that of containerlab's schema at version 0.79 (read 2026-11-27). A node is a switch by its
group, or by a kind that is a network operating system; a container of kind `linux` without such a group is a
machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sovereign_ai.adopt.standing import MACHINE, SWITCH, End, SiteDraft, SourceText
from sovereign_ai.adopt.yaml_fields import Document, document
from sovereign_ai.files import below
from sovereign_ai.names import KEYS

_TIERS = ("border", "leaf", "spine", "core")
"""What roles say; a border leaf is called so, and no leaf for machines."""
_BRIDGES = ("bridge", "ovs-bridge", "host")
_OUTSIDE = ("host", "mgmt-net", "macvlan", "vxlan", "vxlan-stitch", "dummy")
"""Ends of links and types of links that lead out of the topology."""


def read_containerlab(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read topologies of containerlab, one for each plane, into a draft.

    Raises:
        SpecError: a file cannot be read, or has too many problems to go on.
    """
    for source in sources:
        doc = document(source, draft)
        whole = doc.mapping(doc.data, "")
        topology = doc.mapping(whole.get("topology"), "topology")
        if "nodes" not in topology:
            message = "expected topology: with nodes:"
            draft.refuse("not-containerlab", message, doc.where(""), "name a file NAME.clab.yml")
            continue
        outside = _read_nodes(doc, topology, draft)
        _read_links(doc, topology, outside, draft)


def _read_nodes(doc: Document, topology: Mapping[str, Any], draft: SiteDraft) -> set[str]:
    """Read the nodes, and return those that lead out of the topology."""
    outside: set[str] = set()
    for name, entry in doc.mapping(topology["nodes"], "topology.nodes").items():
        path = below("topology.nodes", name)
        node = doc.mapping(entry, path)
        kind = _kind_of(doc, node, path, topology)
        if kind in _BRIDGES:
            outside.add(name)
            draft.left_out[f"node of kind {kind}"] += 1
        else:
            _read_node(doc, name, node, kind, draft)
    return outside


def _kind_of(doc: Document, node: Mapping[str, Any], path: str, topology: Mapping[str, Any]) -> str:
    """Return a node's kind: its own, that of its group, or the topology's default."""
    own = doc.word(node.get("kind"), below(path, "kind"))
    if own:
        return own
    groups = doc.mapping(topology.get("groups"), "topology.groups")
    name = doc.word(node.get("group"), below(path, "group"))
    group = doc.mapping(groups.get(name), below("topology.groups", name or "…"))
    defaults = doc.mapping(topology.get("defaults"), "topology.defaults")
    return doc.word(group.get("kind") or defaults.get("kind"), "topology.defaults.kind")


def _read_node(doc: Document, name: str, node: Mapping[str, Any], kind: str, draft: SiteDraft) -> None:
    """Read one node."""
    path = below("topology.nodes", name)
    group = doc.word(node.get("group"), below(path, "group"))
    role = ""
    for tier in _TIERS:
        if tier in group.lower():
            role = tier
            break
    labels = doc.mapping(node.get("labels"), below(path, "labels"))
    rack = doc.word(labels.get(KEYS.rack), below(path, "labels"))
    is_switch = bool(role) or kind != "linux"
    before = draft.devices.get(name)
    # A switch is a host in the topology of the network that manages it.
    if before is not None and is_switch:
        draft.devices[name] = replace(before, kind=SWITCH)
    is_switch = is_switch or (before is not None and before.kind == SWITCH)
    draft.add(name, doc.where(path), kind=SWITCH if is_switch else MACHINE, role=role, rack=rack)


def _read_links(doc: Document, topology: Mapping[str, Any], outside: set[str], draft: SiteDraft) -> None:
    """Read the links."""
    known = doc.mapping(topology["nodes"], "topology.nodes")
    used: set[End] = set()
    for path, entry in doc.entries(topology.get("links"), "topology.links"):
        link = doc.mapping(entry, path)
        kind = doc.word(link.get("type"), below(path, "type"))
        if kind in _OUTSIDE:
            draft.left_out[f"link of type {kind}"] += 1
            continue
        place = below(path, "endpoints")
        ends: list[End] = []
        is_inside = True
        for at, value in doc.entries(link.get("endpoints"), place):
            end = _end_of(doc, value, at)
            if end[0] in outside or end[0] in _OUTSIDE:
                is_inside = False
            elif end[0] and end[0] not in known:
                draft.unknown("node", end[0], doc.where(at), known)
                is_inside = False
            elif end in used:
                message = f"{':'.join(end)[:80]} has a link already"
                draft.refuse("port-twice", message, doc.where(at), "an interface has one link")
                is_inside = False
            used.add(end)
            ends.append(end)
        if len(ends) != 2 or not all(map(all, ends)):
            message = "expected two ends, each NODE:INTERFACE"
            draft.refuse("bad-link", message, doc.where(path), 'endpoints: ["leaf-1:eth1", "host-1:eth1"]')
        elif is_inside:
            draft.connect(ends[0], ends[1])
        else:
            draft.left_out["link out of the topology"] += 1


def _end_of(doc: Document, value: Any, path: str) -> End:
    """Return an end of a link, `NODE:INTERFACE` or fields `node` and `interface`."""
    if isinstance(value, dict):
        node = doc.word(value.get("node"), below(path, "node"))
        return node, doc.word(value.get("interface"), below(path, "interface"))
    node, _, interface = doc.word(value, path).partition(":")
    return node, interface

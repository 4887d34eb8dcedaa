r"""Reader of `ibnetdiscover`: every node of an InfiniBand subnet and every link, from both its ends.

>>> text = 'Switch\t2 "S-1"\t# "leaf-1" base port 0 lid 2 lmc 0\n'
>>> text += '[1]\t"H-1"[1](2c9)\t# "dgx-001 mlx5_0" lid 1 4xNDR\n'
>>> text += '\nCa\t1 "H-1"\t# "dgx-001 mlx5_0"\n'
>>> text += '[1](2c9)\t"S-1"[1]\t# lid 1 lmc 0 "leaf-1" lid 2 4xNDR\n'
>>> subnet = ibnetdiscover(text, "net.txt")
>>> subnet.links[("leaf-1", 1)], subnet.nodes["dgx-001 mlx5_0"].lid
(('dgx-001 mlx5_0', 1), 1)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import SUBNET
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_NODE = re.compile(r'(Switch|Ca|Rt)\s+(\d{1,3})\s+"([^"]{1,80})"\s*(?:#\s*"([^"]*)"(.*))?')
_PORT = re.compile(
    # The own port, the node at the other end and its port, and a comment.
    r"\[(\d{1,3})\](?:\[ext \d+\])?(?:\(([0-9a-f]+)\))?\s+"
    r'"([^"]{1,80})"\[(\d{1,3})\](?:\([0-9a-f]+\))?\s*(?:#\s*(.*))?'
)
_LID = re.compile(r"\blid (\d{1,5})\b")
_RATE = re.compile(r"\b(\d{1,2})x(SDR|DDR|QDR|FDR10|FDR|EDR|HDR|NDR|XDR)\b")
_AGGREGATION = "Aggregation Node"
"""The end of the description of a switch's own node for in-network reductions, which all switches share."""

End = tuple[str, int]
"""A node's description and the number of one of its ports."""


@frozen_dataclass
class SubnetNode:
    """One switch or adapter.

    Attributes:
        description: its node description, by which operators know it.
        kind: `Switch`, `Ca` (host adapter) or `Rt`; empty where the text does not tell it.
        ports: number of its ports.
        lid: its local identifier; 0 where the text has none.
    """

    description: str
    kind: str
    ports: int
    lid: int


@frozen_dataclass
class Subnet:
    """One subnet.

    Attributes:
        nodes: node by description.
        links: the other end of each end, both ways.
        one_sided: ends that only one side reports.
        rates: the width and speed of each end's link, such as `4x` and `NDR`, where it is reported.
    """

    nodes: Mapping[str, SubnetNode]
    links: Mapping[End, End]
    one_sided: frozenset[End]
    rates: Mapping[End, tuple[int, str]] = field(default_factory=dict)


def ibnetdiscover(text: str, file: str, *, shared: bool = False) -> Subnet:
    """Read the output of `ibnetdiscover`.

    Args:
        text: the output.
        file: the file's name, for messages.
        shared: whether nodes may share a description; they are then named as in the text, by their GUID.

    Raises:
        UsageError: it is another text, or two nodes share a description, so that a port has no unique name.
    """
    nodes: dict[str, SubnetNode] = {}
    seen: list[tuple[str, int, str, int]] = []
    rate_of: dict[tuple[str, int], tuple[int, str]] = {}
    current = ""
    for line in text.splitlines():
        node = _NODE.match(line)
        port = _PORT.match(line)
        if node:
            current = node[3]
            nodes[current] = _node_of(node)
        elif port and current:
            seen.append((current, int(port[1]), port[3], int(port[4])))
            if rate := _RATE.search(port[5] or ""):
                rate_of[current, int(port[1])] = (int(rate[1]), rate[2])
            # An adapter's own LID is in the comment on its port, not on its node.
            lid = _LID.search(port[5] or "")
            known = nodes[current]
            if lid and known.kind == "Ca" and not known.lid:
                nodes[current] = replace(known, lid=int(lid[1]))
    if shared:
        nodes = _with_own_names(nodes)
    _refuse(nodes, file)
    by_description = {}
    for member in nodes.values():
        by_description[member.description] = member
    rates: dict[End, tuple[int, str]] = {}
    for (guid, number), rate_seen in rate_of.items():
        rates[nodes[guid].description, number] = rate_seen
    links = _links(seen, nodes)
    return Subnet(by_description, links, one_sided(links), rates)


def _links(seen: Sequence[tuple[str, int, str, int]], nodes: Mapping[str, SubnetNode]) -> dict[End, End]:
    """Return the other end of each end, by descriptions."""
    links: dict[End, End] = {}
    for near_guid, near_port, far_guid, far_port in seen:
        far = nodes[far_guid].description if far_guid in nodes else far_guid
        links[nodes[near_guid].description, near_port] = (far, far_port)
    return links


def one_sided(links: Mapping[End, End]) -> frozenset[End]:
    """Return the ends that only one side reports."""
    found = set()
    for near, reported_far in links.items():
        if links.get(reported_far) != near:
            found.add(near)
    return frozenset(found)


def _node_of(match: re.Match[str]) -> SubnetNode:
    """Return the node of a line."""
    lid = _LID.search(match[5] or "")
    description = match[4] or match[3]
    if description.endswith(_AGGREGATION):
        description = f"{_AGGREGATION} {match[3]}"
    return SubnetNode(description, match[1], int(match[2]), int(lid[1]) if lid else 0)


def _with_own_names(nodes: Mapping[str, SubnetNode]) -> dict[str, SubnetNode]:
    """Return nodes that have a name of their own each: those that share a description, their GUID."""
    counts = Counter(node.description for node in nodes.values())
    named: dict[str, SubnetNode] = {}
    for guid, node in nodes.items():
        named[guid] = replace(node, description=guid) if counts[node.description] > 1 else node
    return named


def _refuse(nodes: Mapping[str, SubnetNode], file: str) -> None:
    """Refuse a text without nodes, and nodes that share a description."""
    if not nodes:
        message = f"it is not {SUBNET.noun}: it names no switch and no adapter"
        raise UsageError(Problem("not-a-subnet", message, Where(file), SUBNET.hint))
    counts = Counter(node.description for node in nodes.values())
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        descriptions_text = counted(len(twice), "description is", "descriptions are")
        message = f"{descriptions_text} shared by several nodes, such as {twice[0][:60]!r}"
        hint = "give every adapter its own node description (rdma-ndd), or name switches by --node-name-map"
        raise UsageError(Problem("same-description", message, Where(file), hint))

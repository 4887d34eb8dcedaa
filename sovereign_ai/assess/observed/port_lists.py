r"""Reader of lists of a subnet's ports: `ibnetdiscover -p`, and `iblinkinfo` with and without `-l`.

>>> text = "SW     2  1 0x0000000000200000 4x NDR - CA     1  1 0x0000000000100001 ( 'leaf-1' - 'dgx-001' )\n"
>>> is_port_list(text), subnet_ports(text, "ports.txt").links[("leaf-1", 1)]
(True, ('dgx-001', 1))
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sovereign_ai.assess.observed.subnet_discovery import End, Subnet, SubnetNode, one_sided
from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import SUBNET
from sovereign_ai.frozen_dataclass import frozen_dataclass

_KINDS = {"CA": "Ca", "SW": "Switch", "Switch": "Switch", "RT": "Rt"}
_LISTED = re.compile(
    # Kind, LID, port and GUID of this end; kind, LID, port and GUID of the other, and both descriptions.
    r"(CA|SW|RT)\s+(\d{1,5})\s+(\d{1,3})\s+(0x[0-9a-f]{1,16})\s+\S+\s+\S+\s+"
    r"(?:- (?:CA|SW|RT)\s+\d{1,5}\s+(\d{1,3})\s+0x[0-9a-f]{1,16} "
    r"\( '(.{0,80}?)' - '(.{0,80}?)' \)|'(.{0,80})')\s*"
)
_HEAD = re.compile(r"(Switch|CA|RT): (?:(0x[0-9a-f]{1,16}) )?(.{1,80}):\s*")
_LINK = re.compile(
    # GUID and, with -l, description; LID and port; the state; GUID, LID, port and description of the far end.
    r'\s*(?:(0x[0-9a-f]{1,16})\s+)?(?:"\s*([^"]{1,80})"\s+)?'
    r"(\d{1,5})\s+(\d{1,3})\[[^\]]{0,8}\] ==\([^)]*\)==>\s+"
    r'(?:0x[0-9a-f]{1,16}\s+)?(?:\d{1,5}\s+(\d{1,3}))?\[[^\]]{0,8}\] "([^"]{0,80})"'
)
_MOST_LINES = 200
"""Lines in which a list of ports is recognised; comments may stand above it."""


@frozen_dataclass
class _Row:
    """One port of a list.

    Attributes:
        kind: the node's kind.
        lid: its local identifier.
        guid: the node's or the port's GUID; empty where none is printed.
        end: the port.
        far: the other end; None for a port without a link.
    """

    kind: str
    lid: int
    guid: str
    end: End
    far: End | None


def is_port_list(text: str) -> bool:
    """Return whether a text is a list of a subnet's ports."""
    return any(_LISTED.fullmatch(line) or _LINK.match(line) for line in text.splitlines()[:_MOST_LINES])


def subnet_ports(text: str, file: str) -> Subnet:
    """Read a list of ports.

    Args:
        text: what was printed.
        file: the file's name, for messages.

    Raises:
        UsageError: two nodes share a description, so that a port has no unique name.
    """
    nodes: dict[str, SubnetNode] = {}
    links: dict[End, End] = {}
    guids: dict[End, str] = {}
    for row in _rows(text):
        name, number = row.end
        # A switch has one GUID, each port of an adapter its own.
        own = (name, 0) if row.kind == "Switch" else row.end
        if guids.setdefault(own, row.guid) != row.guid:
            message = f"several nodes are called {name[:60]!r}"
            hint = (
                "give every adapter its own node description (rdma-ndd), or name switches by --node-name-map"
            )
            raise UsageError(Problem("same-description", message, Where(file), hint))
        ports = max(number, nodes[name].ports) if name in nodes else number
        nodes[name] = SubnetNode(name, row.kind, ports, row.lid)
        if row.far is not None:
            links[row.end] = row.far
    if not nodes:
        message = f"it is not {SUBNET.noun}: it names no switch and no adapter"
        raise UsageError(Problem("not-a-subnet", message, Where(file), SUBNET.hint))
    return Subnet(nodes, links, one_sided(links))


def _rows(text: str) -> Iterator[_Row]:
    """Yield the ports of a list; `iblinkinfo` prints a node's description once, above its ports."""
    kind, guid, name = "", "", ""
    for line in text.splitlines():
        if listed := _LISTED.fullmatch(line):
            own = listed[6] if listed[5] else listed[8]
            far = (listed[7], int(listed[5])) if listed[5] else None
            yield _Row(_KINDS[listed[1]], int(listed[2]), listed[4], (own, int(listed[3])), far)
        elif head := _HEAD.fullmatch(line):
            kind, guid, name = _KINDS[head[1]], head[2] or "", head[3]
        elif link := _LINK.match(line):
            own = link[2] or name
            far = (link[6], int(link[5])) if link[5] else None
            if own:
                yield _Row(kind, int(link[3]), link[1] or guid, (own, int(link[4])), far)

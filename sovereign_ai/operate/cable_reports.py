"""Readers of devices' reports on their neighbours: LLDP, InfiniBand subnets, address tables, port states.

>>> port_states([{"ifname": "swp1", "operstate": "DOWN"}, {"ifname": "swp2", "operstate": "UP"}], "leaf")
{('leaf', 'swp1'): False, ('leaf', 'swp2'): True}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.assess.observed import End, ibnetdiscover, is_port_list, subnet_ports
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.files import NEIGHBOURS, Json, parse_json
from sovereign_ai.operate.cable_ends import Expected
from sovereign_ai.operate.neighbour_forms import LldpNeighbour
from sovereign_ai.operate.port_names import linux_names, system_of_ports
from sovereign_ai.operate.table_forms import table_of

_MOST_ROWS = 100_000
# A tuple, for a state of a file may be anything, also what no set can be asked for.
_STATES = ("NOARP", "FAILED", "INCOMPLETE")
"""States of a neighbour entry that are no evidence of a cable."""
_ADDRESS = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")
"""A MAC address as Linux and as NX-OS and EOS write it."""


@dataclass(slots=True)
class Reports:
    """The reports of all files together.

    Attributes:
        seen: each end that reported a neighbour to that neighbour.
        reporting: devices that reported.
        down: ports that are reported to be down.
        conflicts: ends whose reports name two neighbours, each with both.
        blind: ends whose device heard the planned neighbour, but not by which port.
    """

    seen: dict[End, End] = field(default_factory=dict)
    reporting: set[str] = field(default_factory=set)
    down: set[End] = field(default_factory=set)
    conflicts: dict[End, tuple[End, End]] = field(default_factory=dict)
    blind: set[End] = field(default_factory=set)

    def add(self, near: End, far: End) -> None:
        """Note the neighbour that one end reports; a second report for the same end must agree."""
        before = self.seen.setdefault(near, far)
        if before != far:
            self.conflicts.setdefault(near, (before, far))


def add_neighbours(
    reports: Reports,
    expected: Expected,
    device: str,
    neighbours: Iterable[LldpNeighbour],
    owners: Mapping[str, End] | None = None,
) -> None:
    """Note what a device hears; of several names of a port the one counts that the plan has.

    Args:
        reports: where it is noted.
        expected: the plan's cables.
        device: who hears.
        neighbours: what it hears.
        owners: MAC address to the port that has it, for neighbours that name their port by its address.
    """
    reports.reporting.add(device)
    at_ports: dict[End, list[LldpNeighbour]] = {}
    for row in neighbours:
        at_ports.setdefault(_planned(expected, device, row.ports), []).append(row)
    for near, rows in at_ports.items():
        # An adapter's firmware speaks beside its host, and has no name.
        named = [row for row in rows if row.device] or rows
        ends = [_far_end(expected, row, owners or {}) for row in named]
        wanted = expected.planned.get(near)
        if near in expected.blind and wanted in ends:
            # Many devices are heard on a management port where a switch without LLDP passes their words on.
            ends = [wanted]
        for far in ends:
            _add_far(reports, near, far, wanted)


def _far_end(expected: Expected, row: LldpNeighbour, owners: Mapping[str, End]) -> End:
    """Return the neighbour's end; its port is empty where only its address is told, and nobody's."""
    for port in row.peer_ports:
        if owner := owners.get(_address(port)):
            return owner
    names = [port for port in row.peer_ports if not _address(port)]
    return _planned(expected, row.device, names)


def _add_far(reports: Reports, near: End, far: End, wanted: End | None) -> None:
    """Note a neighbour; the planned one without its port says nothing of the cable, for it has several."""
    if wanted and far == (wanted[0], ""):
        reports.blind.add(near)
    else:
        reports.add(near, far)


def _address(port: str) -> str:
    """Return a MAC address as `aa:bb:cc:dd:ee:ff`, however it is written; empty for another name."""
    if not _ADDRESS.fullmatch(port):
        return ""
    digits = re.sub(r"[^0-9a-f]", "", port.lower())
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _planned(expected: Expected, device: str, names: Sequence[str]) -> End:
    """Return the end that the plan has under one of its names, or that leads outside; else the first."""
    ends = [expected.end(device, name) for name in names] or [expected.end(device, "")]
    known = (end for end in ends if end in expected.planned or end in expected.outside)
    return next(known, ends[0])


def add_subnet(reports: Reports, expected: Expected, text: str, file: str) -> None:
    """Note the links of an InfiniBand subnet, in which every end reports.

    Raises:
        UsageError: the text is no output of `ibnetdiscover` or `iblinkinfo`.
    """
    subnet = (subnet_ports if is_port_list(text) else ibnetdiscover)(text, file)
    for (name, port), (far, far_port) in subnet.links.items():
        near_end = expected.end(name, str(port))
        reports.add(near_end, expected.end(far, str(far_port)))
    for name, node in subnet.nodes.items():
        reports.reporting.add(name)
        # The ports of an adapter are ports of a host, which has reported by them.
        for number in range(1, node.ports + 1):
            device, _ = expected.end(name, str(number))
            reports.reporting.add(device)


def add_addresses(
    reports: Reports,
    expected: Expected,
    device: str,
    rows: Sequence[Mapping[str, Any]],
    owners: Mapping[str, End],
) -> None:
    """Note the neighbours of a MAC or neighbour table: those whose address has a known owner.

    A switch port behind which several owners are seen is no cable to any of them, and is left out.
    """
    reports.reporting.add(device)
    behind: dict[End, set[End]] = {}
    system = _system_of(rows)
    for row in rows:
        # `ip neigh` prints `lladdr`, `dev` and states; `bridge fdb` prints `mac` and `ifname`.
        address = _address(str(row.get("lladdr") or row.get("mac") or ""))
        port = str(row.get("dev") or row.get("ifname") or "")
        states = row.get("state") or ()
        owner = owners.get(address)
        if not owner or not port or any(state in _STATES for state in states):
            continue
        behind.setdefault(_planned(expected, device, linux_names(port, system)), set()).add(owner)
    for near, peers in behind.items():
        # What a port has heard itself counts more than a table, so a table never contradicts it.
        if len(peers) == 1 and near not in reports.seen:
            reports.add(near, next(iter(peers)))


def add_states(reports: Reports, expected: Expected, device: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note the state of a device's ports; a planned port that is down has no cable that carries anything."""
    reports.reporting.add(device)
    system = _system_of(rows)
    for (name, port), is_up in port_states(rows, device).items():
        if not is_up:
            reports.down.add(_planned(expected, name, linux_names(port, system)))


def _system_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the system whose port names a table has: the one that its form tells, or its names."""
    for row in rows:
        if sender := row.get("system"):
            return str(sender)
    return system_of_ports(str(row.get("dev") or row.get("ifname") or "") for row in rows)


def port_states(rows: Sequence[Mapping[str, Any]], device: str) -> dict[End, bool]:
    """Return each port of `ip -j link show` to whether it is up."""
    states: dict[End, bool] = {}
    for row in rows:
        name = row.get("ifname")
        if isinstance(name, str):
            states[device, name] = row.get("operstate") == "UP"
    return states


def rows_of(raw: bytes, file: str) -> list[dict[str, Any]]:
    """Return the rows of a table in JSON: a list of objects as iproute2 prints it, or a form of a switch.

    Raises:
        UsageError: it is something else.
    """
    parsed = parse_json(raw, file, NEIGHBOURS)
    table = table_of(parsed.data)
    return table[1] if table else list(_objects(parsed))


def _objects(parsed: Json) -> Iterator[dict[str, Any]]:
    """Yield the objects of the list."""
    rows = parsed.data
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        message = f"expected a list of at most {_MOST_ROWS:,} rows, as `ip -j` prints it"
        hint = "ip -j neigh show > NAME.neigh.json"
        raise UsageError(Problem("not-a-table", message, parsed.where(""), hint))
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            location = parsed.where(f"[{number}]")
            raise UsageError(Problem("not-a-table", "expected an object", location, NEIGHBOURS.hint))
        yield row

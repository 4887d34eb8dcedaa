"""Cables judged by devices' reports in a folder of files; no network is used.

    observe(factory, plan, Path("seen"))      # -> every planned port with what was seen of it

`sovereign_ai.operate.cable_ends` lists the files and their contents.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sovereign_ai.assess.observed import End, ObservedPort, PortState, count, judge, unplanned
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where, nearest
from sovereign_ai.files import NEIGHBOURS, SUBNET, decode, files_in, parse_json, read, refuse_secrets
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.operate.cable_ends import Expected, expected
from sovereign_ai.operate.cable_reports import (
    Reports,
    add_addresses,
    add_neighbours,
    add_states,
    add_subnet,
    rows_of,
)
from sovereign_ai.operate.neighbour_forms import LldpNeighbour, is_table, read_neighbours, read_table
from sovereign_ai.operate.neighbour_markup import is_markup, read_markup
from sovereign_ai.operate.neighbour_records import are_neighbour_records, read_neighbour_records
from sovereign_ai.operate.printed_tables import (
    are_printed_addresses,
    are_printed_states,
    printed_addresses,
    printed_states,
)
from sovereign_ai.operate.table_forms import table_of
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory

_MOST_FILES = 50_000
_TABLES = (".neigh", ".fdb", ".ports")
_MAY_BE_TABLE = re.compile(
    rb'"(?:TABLE_mac_address|TABLE_interface|unicastTable|interfaceStatuses|link|operationalStatus|vrfName)"'
)
"""Names of which a table in JSON has one; data without them is not read twice."""


@frozen_dataclass
class Observation:
    """The observations of a plan's cables.

    Attributes:
        ports: every planned port, by rack and device.
        extra: links at ports that the plan leaves free.
        conflicts: ends whose reports name two neighbours.
        unread: files that could not be read, and why.
        racks: device to its rack.
        files: how many files were read.
        outside: links from ports to the outside to what is no device of the plan: as they should be.
    """

    ports: tuple[ObservedPort, ...]
    extra: tuple[tuple[End, End], ...]
    conflicts: Mapping[End, tuple[End, End]]
    unread: tuple[Problem, ...]
    racks: Mapping[str, str]
    files: int
    outside: tuple[tuple[End, End], ...] = ()

    @property
    def wrong(self) -> tuple[ObservedPort, ...]:
        """The ports that are not seen to be right."""
        return tuple(port for port in self.ports if port.state is not PortState.RIGHT)

    @property
    def ok(self) -> bool:
        """Whether every planned port was seen and is right, and nothing else was seen."""
        return not (self.wrong or self.extra or self.conflicts or self.unread)

    def to_data(self, *, every: bool) -> dict[str, Any]:
        """Return plain data.

        Args:
            every: list every port; else only those that are not right.
        """
        ports = []
        for port in self._listed(every=every):
            rack = self.racks.get(port.device, "")
            ports.append(merged(port.to_data(), {"rack": rack}))
        extra = [_link_data(near, far) for near, far in self.extra]
        conflicts = []
        for near, (first, second) in sorted(self.conflicts.items()):
            both = [_end_data(first), _end_data(second)]
            conflicts.append(_end_data(near) | {"met": both})
        data = {
            "files": self.files,
            "states": count(self.ports),
            "ports": ports,
            "extra": extra,
            "conflicts": conflicts,
            "unread": [problem.to_data() for problem in self.unread],
        }
        if self.outside:
            data["outside"] = [_link_data(near, far) for near, far in self.outside]
        return data

    def lines(self, *, every: bool) -> Iterator[str]:
        """Yield a list for the person at the racks: by rack and device, each port and its planned peer.

        Args:
            every: list every port; else only those that are not right.
        """
        for port in self._listed(every=every):
            yield f"{self._rack(port.device)}: {port}"
        for near, far in self.extra:
            yield f"{self._rack(near[0])}: {' '.join(near)}: not planned, meets {' '.join(far)}"
        for near, far in self.outside if every else ():
            yield f"{self._rack(near[0])}: {' '.join(near)}: outside, meets {' '.join(far)}"
        for near, (first, second) in sorted(self.conflicts.items()):
            yield f"{' '.join(near)}: two neighbours, {' '.join(first)} and {' '.join(second)}"
        for problem in self.unread:
            yield f"{problem.where}: {problem.message}"
        counts = [f"{number:,} {state}" for state, number in count(self.ports).items()]
        yield ", ".join(counts)

    def _listed(self, *, every: bool) -> tuple[ObservedPort, ...]:
        """Return the ports to list."""
        return self.ports if every else self.wrong

    def _rack(self, device: str) -> str:
        """Return a device's rack, in words."""
        return self.racks.get(device) or "no rack"


def _end_data(end: End) -> dict[str, Any]:
    """Return plain data of an end."""
    device, port = end
    return {"device": device, "port": port}


def _link_data(near: End, far: End) -> dict[str, Any]:
    """Return plain data of a port and what it meets."""
    return _end_data(near) | {"met": _end_data(far)}


def observe(
    factory: AIFactory,
    plan: Plan,
    folder: Path,
    plane: str | None = None,
    macs: Mapping[str, str] | None = None,
) -> Observation:
    """Judge every planned port by the reports of a folder.

    Args:
        factory: the description.
        plan: what follows from it.
        folder: the files.
        plane: judge this plane's ports alone.
        macs: machine to the MAC address of its in-band port, for MAC and neighbour tables.

    Raises:
        UsageError: there is no such plane, or the folder holds no report.
    """
    wanted = expected(factory, plan)
    names = [entry.name for entry in plan.fabrics]
    if plane is not None and plane not in names:
        message = f"no plane is called {plane!r}"
        raise UsageError(Problem("unknown-plane", message, hint=nearest(plane, names)))
    reports, unread, files = _read(folder, wanted, _owners(wanted, macs or {}))
    planned = {near: far for near, far in wanted.planned.items() if plane in (None, wanted.planes[near])}
    ports = judge(planned, reports.seen, reports.reporting, wanted.blind | reports.blind)
    judged = [_without_light(port, reports.down) for port in ports]

    def place(port: ObservedPort) -> tuple[str, str, tuple[str, int]]:
        return wanted.racks.get(port.device, ""), port.device, _natural(port.port)

    judged.sort(key=place)
    # With one plane alone, links of the other planes would count as unplanned.
    extra, outside = [], []
    for near, far in unplanned(wanted.planned, reports.seen, wanted.devices) if plane is None else ():
        if wanted.is_outside(near, far):
            outside.append((near, far))
        elif not wanted.is_free_management(near):
            extra.append((near, far))
    return Observation(
        ports=tuple(judged),
        extra=tuple(extra),
        conflicts=reports.conflicts,
        unread=tuple(unread),
        racks=wanted.racks,
        files=files,
        outside=tuple(outside),
    )


def _without_light(port: ObservedPort, down: Collection[End]) -> ObservedPort:
    """Return a port that is down as missing."""
    is_down = (port.device, port.port) in down or port.planned in down
    # A daemon keeps what it heard for two minutes: a neighbour of a port that is down is older than its loss
    # of light.
    if is_down and port.state is PortState.RIGHT:
        return replace(port, state=PortState.MISSING)
    return port


def _natural(name: str) -> tuple[str, int]:
    """Return a key that orders port names by their numbers."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return name.rstrip("0123456789"), int(digits or 0)


def _owners(wanted: Expected, macs: Mapping[str, str]) -> dict[str, End]:
    """Return MAC address to the in-band port that has it."""
    ports: dict[str, End] = {}
    for device, port in wanted.planned:
        if port == "in-band0":
            ports[device] = (device, port)
    owners: dict[str, End] = {}
    for machine, mac in macs.items():
        if machine in ports:
            owners[mac] = ports[machine]
    return owners


def _read(folder: Path, wanted: Expected, owners: Mapping[str, End]) -> tuple[Reports, list[Problem], int]:
    """Read every file of a folder.

    Returns:
        The reports, a problem for each file that cannot be read, and the number of files that were read.

    Raises:
        UsageError: the folder holds no report.
    """
    reports = Reports()
    unread: list[Problem] = []
    kinds: Counter[str] = Counter()
    for file in files_in(folder, NEIGHBOURS, _MOST_FILES):
        try:
            kinds[_take(file, reports, wanted, owners)] += 1
        except SovereignError as error:
            unread += error.problems
    # The empty kind counts files of other names, which are ignored.
    files = kinds.total() - kinds[""]
    if not files and not unread:
        message = "the folder holds no NAME.json, NAME.txt or NAME.xml"
        hint = "lldpctl -f json0 show neighbors > NAME.json on each device, or ibnetdiscover > SUBNET.txt"
        raise UsageError(Problem("no-reports", message, Where(str(folder)), hint))
    return reports, unread, files


def _reader_of(text: str) -> Callable[[str, str], list[LldpNeighbour]] | None:
    """Return the reader of a text of LLDP neighbours; None for another text."""
    if is_markup(text):
        return read_markup
    # NX-OS prints the head of its table above paragraphs too.
    if are_neighbour_records(text):
        return read_neighbour_records
    return read_table if is_table(text) else None


def _take_text(text: str, file: Path, reports: Reports, wanted: Expected, owners: Mapping[str, End]) -> str:
    """Read a text, whatever is in it, and return its kind."""
    name = str(file)
    # `leaf.fdb.txt` may stand beside `leaf.txt`.
    stem = Path(file.stem).stem if Path(file.stem).suffix in _TABLES else file.stem
    device, _ = wanted.end(stem, "")
    if (read_text := _reader_of(text)) is not None:
        add_neighbours(reports, wanted, device, read_text(text, name), owners)
        return "lldp"
    if are_printed_states(text):
        add_states(reports, wanted, device, printed_states(text, name))
        return ".ports"
    if are_printed_addresses(text):
        add_addresses(reports, wanted, device, printed_addresses(text), owners)
        return ".fdb"
    add_subnet(reports, wanted, text, name)
    return "subnet"


def _take(file: Path, reports: Reports, wanted: Expected, owners: Mapping[str, End]) -> str:
    """Read one file and return its kind; empty for one that is ignored."""
    name = str(file)
    if file.suffix in (".txt", ".xml"):
        text = decode(read(file, SUBNET), name)
        refuse_secrets(text, name, SUBNET)
        return _take_text(text, file, reports, wanted, owners)
    if file.suffix != ".json":
        return ""
    raw = read(file, NEIGHBOURS)
    # `train-001.neigh.json` has the stem `train-001.neigh`, whose own suffix names the table.
    stem = Path(file.stem)
    kind = stem.suffix
    if kind in _TABLES:
        rows = rows_of(raw, name)
    else:
        table = table_of(parse_json(raw, name, NEIGHBOURS).data) if _MAY_BE_TABLE.search(raw) else None
        if table is None:
            device, _ = wanted.end(file.stem, "")
            add_neighbours(reports, wanted, device, read_neighbours(raw, name), owners)
            return "lldp"
        refuse_secrets(decode(raw, name), name, NEIGHBOURS)
        kind, rows = table
        stem = Path(file.stem + kind)
    device, _ = wanted.end(stem.stem, "")
    if kind == ".ports":
        add_states(reports, wanted, device, rows)
    else:
        add_addresses(reports, wanted, device, rows, owners)
    return kind

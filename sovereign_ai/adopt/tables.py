"""NetBox's tables: devices, interfaces, cables and racks.

Heads are those of its bulk imports, or of its own exports of a list, where a cable's ends are `Device A` and
`Termination A` (NetBox 4.7, `dcim/tables`, read 2026-11-27).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from sovereign_ai.adopt.standing import Device, End, SiteDraft, SourceText, StandingSite
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.files import NETBOX, decode, files_in, read, rows
from sovereign_ai.render.interop import OUTSIDE_PORT
from sovereign_ai.text import counted

MOST_FILES = 1_000
# The most rows of one table: the cables of 30,000 servers of ten ports.
_MOST_ROWS = 300_000
# Columns that each table must have. Further columns are read where they are known, and ignored elsewhere.
_NEEDED = {
    "devices": ("name", "device_type", "site"),
    "interfaces": ("device", "name", "type"),
    "cables": ("side_a_device", "side_a_name", "side_b_device", "side_b_name"),
}
_RACK_COLUMNS = ("name", "site")
_OUTSIDE = "outside-ports"
"""This project's table of ports to the outside, which NetBox lists among its interfaces."""
ENDINGS = ("devices.csv", "interfaces.csv", "cables.csv", "racks.csv", f"{_OUTSIDE}.csv")
"""Ends of the names of the tables; those of racks and of ports to the outside may be missing."""
_READ = frozenset(chain(*_NEEDED.values(), ("rack", "role", "description")))
# Column heads of NetBox's own exports that differ from its imports', by table.
_OTHER = {
    "devices": {"type": "device_type", "rack_group": "group"},
    "cables": {
        "device_a": "side_a_device",
        "termination_a": "side_a_name",
        "device_b": "side_b_device",
        "termination_b": "side_b_name",
    },
}


def read_tables(folder: Path) -> StandingSite:
    """Read the tables of a folder: files whose names end in `devices.csv`, `interfaces.csv` and `cables.csv`.

    Raises:
        SpecError: every problem of the files, with file and line.
    """
    if not folder.is_dir():
        names = ", ".join(f"{name}.csv" for name in _NEEDED)
        hint = f"name the folder of the tables: {names}"
        raise SpecError(Problem("no-folder", "this is no folder", Where(file=str(folder)), hint))
    draft = SiteDraft()
    sources: list[SourceText] = []
    for file in files_in(folder, NETBOX, MOST_FILES):
        if file.name.endswith(ENDINGS):
            try:
                sources.append(SourceText(str(file), decode(read(file, NETBOX), str(file), NETBOX)))
            except SpecError as error:
                draft.problems += error.problems
    read_netbox(sources, draft)
    return draft.finish()


def read_netbox(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read NetBox's tables, one of each kind, into a draft.

    Raises:
        SpecError: the tables have too many problems to go on.
    """
    racks = _read_racks(sources, draft)
    _read_devices(sources, racks, draft)
    _read_interfaces(sources, draft)
    _read_cables(sources, draft)


def _read_interfaces(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read the table of interfaces."""
    for where, row in _read_rows(sources, "interfaces", draft):
        _note_interface(row, where, draft)
        if row.get("description") == OUTSIDE_PORT:
            draft.outside.add((row["device"], row["name"]))
    if any(source.file.endswith(f"{_OUTSIDE}.csv") for source in sources):
        for where, row in _read_rows(sources, _OUTSIDE, draft, _NEEDED["interfaces"]):
            _note_interface(row, where, draft)
            draft.outside.add((row["device"], row["name"]))


def _note_interface(row: Mapping[str, str], where: Where, draft: SiteDraft) -> None:
    """Note an interface, whose device must be known."""
    draft.interfaces[row["device"], row["name"]] = row["type"]
    if row["device"] not in draft.devices:
        draft.unknown("device", row["device"], where, draft.devices)


def _read_cables(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read the table of cables."""
    used: set[End] = set()
    for where, row in _read_rows(sources, "cables", draft):
        first = (row["side_a_device"], row["side_a_name"])
        second = (row["side_b_device"], row["side_b_name"])
        if _leads_outside(first, second, draft):
            draft.outside.add(first if first[0] else second)
            continue
        for end in (first, second):
            if end in used:
                message = f"{' '.join(end)[:120]} has a cable already"
                draft.refuse("bad-cable", message, where, "a port takes one cable")
            if end not in draft.interfaces:
                message = f"no interface {end[1][:60]!r} of {end[0][:60]!r}"
                draft.refuse("unknown-interface", message, where, "export interfaces and cables together")
        used.update((first, second))
        draft.outside -= {first, second}
        draft.connect(first, second)


def _leads_outside(first: End, second: End, draft: SiteDraft) -> bool:
    """Return whether a cable joins an interface to what is in no device, such as a circuit's termination."""
    if bool(first[0]) == bool(second[0]):
        return False
    return (first if first[0] else second) in draft.interfaces


def _read_devices(sources: Sequence[SourceText], racks: Collection[str], draft: SiteDraft) -> None:
    """Read the table of devices; their racks must be some of those that are known, where any are."""
    used: set[str] = set()
    for where, row in _read_rows(sources, "devices", draft):
        name = row["name"]
        if not name or name in draft.devices:
            message = f"{name[:60]!r} is listed twice" if name else "a device without a name"
            draft.refuse("bad-device", message, where, "give each device a name of its own")
        draft.devices[name] = Device(
            name, row["device_type"], row["site"], row.get("rack", ""), row.get("role", "")
        )
        rack = row.get("rack", "")
        used.add(rack)
        if racks and rack and rack not in racks:
            draft.unknown("rack", rack, where, racks)
    empty = len(set(racks) - used)
    if empty:
        draft.left_out["rack without a device"] += empty


def _read_racks(sources: Sequence[SourceText], draft: SiteDraft) -> set[str]:
    """Return the racks of the table of racks; none where there is no such table."""
    racks: set[str] = set()
    if any(source.file.endswith("racks.csv") for source in sources):
        for _, row in _read_rows(sources, "racks", draft, _RACK_COLUMNS):
            racks.add(row["name"])
    return racks


def _read_rows(
    sources: Sequence[SourceText], name: str, draft: SiteDraft, needed: Sequence[str] = ()
) -> Iterator[tuple[Where, dict[str, str]]]:
    """Yield a table's rows with their places; a table that is missing or lacks a column is a problem."""
    needed = needed or _NEEDED[name]
    tables = [source for source in sources if source.file.endswith(f"{name}.csv")]
    if len(tables) != 1:
        message = f"{counted(len(tables), 'file ends', 'files end')} in {name}.csv"
        place = Where(str(Path(sources[0].file).parent)) if sources else Where()
        draft.refuse("no-table", message, place, "keep one table of each kind in a folder")
        return
    (source,) = tables
    lines = rows(source.text, source.file, NETBOX, draft.problems)
    _, heads = next(lines, (1, []))
    head = [_column_name(name, cell) for cell in heads]
    problem = _head_problem(Path(source.file), needed, head)
    if problem is not None:
        draft.problems.append(problem)
        return
    for number, (line, cells) in enumerate(lines):
        where = Where(source.file, line)
        if number >= _MOST_ROWS:
            message = f"more than {_MOST_ROWS:,} rows, the most for {NETBOX.noun}"
            draft.refuse("too-many-rows", message, where, "export one site")
            return
        if len(cells) == len(head):
            yield where, _row(head, cells)
        else:
            cells_text = counted(len(cells), "cell")
            heads_text = counted(len(head), "head")
            message = f"{cells_text} under {heads_text}"
            draft.refuse("bad-row", message, where, "export the table again")


def _head_problem(file: Path, needed: Sequence[str], head: list[str]) -> Problem | None:
    """Return the problem of a table's heads: a column that is missing, or that is there twice."""
    missing: list[str] = []
    twice: list[str] = []
    for column in needed:
        count = head.count(column)
        if count == 0:
            missing.append(column)
        elif count > 1:
            twice.append(column)
    if missing:
        message = f"{file.name} lacks {', '.join(missing)}"
    elif twice:
        message = f"{file.name} has {', '.join(sorted(twice))} twice"
    else:
        return None
    return Problem("no-column", message, Where(str(file), 1), f"columns: {', '.join(needed)}")


def _row(head: list[str], cells: list[str]) -> dict[str, str]:
    """Return the cells of a row that are read, by column."""
    row: dict[str, str] = {}
    for column, cell in zip(head, cells, strict=True):
        if column in _READ:
            # The names of devices and ports are repeated in hundreds of thousands of rows: one copy of each
            # is enough.
            row[column] = sys.intern(cell.strip())
    return row


def _column_name(table: str, head: str) -> str:
    """Return a column's name as in NetBox's imports."""
    name = head.strip().lower().replace(" ", "_")
    other: Mapping[str, str] = _OTHER.get(table, {})
    return other.get(name, name)

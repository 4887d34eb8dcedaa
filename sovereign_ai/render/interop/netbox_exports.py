"""What a NetBox holds already, read from its own exports, so that a further import updates and adds.

NetBox's import forms create an object a row, and refuse a whole file of which one object exists. A row with
NetBox's number in the column `id` updates that object instead, and a value that is the same changes nothing.
The numbers are in the exports of NetBox's lists ("Export", "All data"), here with their English heads as
NetBox 4.7.3 writes them.

    >>> _kind("netbox_IP addresses.csv"), _kind("10-prefixes.csv")
    ('ip-addresses', 'prefixes')
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import NETBOX, decode, files_in, read, rows
from sovereign_ai.render.interop.table import csv_table
from sovereign_ai.text import counted

_MOST_FILES = 1_000
_SHARED = frozenset({"manufacturers", "device-roles", "device-types"})
"""What all factories of a NetBox share: it is never changed, and only what is missing is added."""
_INTERFACES, _OUTSIDE = "interfaces", "outside-ports"
"""NetBox lists ports to the outside among its interfaces. Only what is missing is added of them: whoever
takes one into use changes it there."""
_KEYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "manufacturers": (("slug", "Slug"),),
    "device-roles": (("slug", "Slug"),),
    "device-types": (("manufacturer", "Manufacturer"), ("model", "Device Type")),
    "sites": (("name", "Name"),),
    "racks": (("site", "Site"), ("name", "Name")),
    "devices": (("site", "Site"), ("name", "Name")),
    "interfaces": (("device", "Device"), ("name", "Name")),
    "cables": (
        ("side_a_device", "Device A"),
        ("side_a_name", "Termination A"),
        ("side_b_device", "Device B"),
        ("side_b_name", "Termination B"),
    ),
    "vrfs": (("name", "Name"),),
    "prefixes": (("vrf", "VRF"), ("prefix", "Prefix")),
    "ip-addresses": (("vrf", "VRF"), ("address", "IP Address")),
}
"""Kind of object to what tells one from another: our column, and the head of NetBox's export."""

_AND = " and "
"""What joins the numbers of objects that are alike."""
Key = tuple[str, ...]


def read_netbox_exports(folder: Path) -> dict[str, dict[Key, str]]:
    """Read a folder of exports into the number of each object, by kind of object and its key.

    Kinds of which the folder holds no export are left out.

    Raises:
        UsageError: every problem of the files, with file and line, or that the folder holds no export.
    """
    problems: list[Problem] = []
    known: dict[str, dict[Key, str]] = {}
    for file in files_in(folder, NETBOX, _MOST_FILES):
        kind = _kind(file.name)
        if kind not in _KEYS:
            continue
        if kind in known:
            message = f"a second export of {kind}"
            where = Where(str(file))
            problem = Problem("two-tables", message, where, "keep the newest")
            problems.append(problem)
            continue
        known[kind] = _read_numbers(file, kind, problems)
    if not known:
        hint = "export NetBox's lists as CSV (all data) into it, such as netbox_devices.csv"
        where = Where(str(folder))
        problem = Problem("no-table", "the folder holds no export", where, hint)
        problems.append(problem)
    if problems:
        raise UsageError(problems)
    return known


def without_known(name: str, text: str, known: Mapping[str, Mapping[Key, str]]) -> str:
    """Return an import file for a NetBox that holds objects already; empty where it has nothing to say.

    Args:
        name: the file's name, such as `6-devices.csv`.
        text: its rows, as for an empty NetBox.
        known: numbers of what NetBox holds, by `read_netbox_exports`.

    Raises:
        UsageError: NetBox holds an object of the file twice.
    """
    written = _kind(name)
    kind = _INTERFACES if written == _OUTSIDE else written
    only_adds = kind in _SHARED or written == _OUTSIDE
    numbers = known.get(kind)
    if not numbers:
        # A plan without networks has no interface, and NetBox's forms take no file without rows.
        return text if len(text.splitlines()) > 1 else ""
    head, *body = csv.reader(text.splitlines())
    places = [head.index(column) for column, _ in _KEYS[kind]]
    kept: list[Sequence[str]] = []
    problems: list[Problem] = []
    for row in body:
        key = tuple(row[place] for place in places)
        number = numbers.get(key, "")
        if only_adds:
            if not number:
                kept.append(row)
            continue
        if _AND in number:
            message = f"NetBox holds {' '.join(key)} twice, as {number}"
            hint = "remove one of them in NetBox, and export again"
            where = Where(f"netbox/{name}")
            problem = Problem("named-twice", message, where, hint)
            problems.append(problem)
        kept.append([number, *row])
    if problems:
        raise UsageError(problems)
    if not kept:
        return ""
    columns = head if only_adds else ["id", *head]
    return csv_table(columns, kept)


def _kind(name: str) -> str:
    """Return the kind of object that a file is about, by its name."""
    plain = re.sub(r"[ _]", "-", name.lower()).removesuffix(".csv")
    return re.sub(r"^(?:netbox|[0-9]+)-", "", plain)


def _read_numbers(file: Path, kind: str, problems: list[Problem]) -> dict[Key, str]:
    """Read one export."""
    numbers: dict[Key, str] = {}
    for where, number, key in _read_keys(file, kind, problems):
        if not number.isdecimal():
            message = f"{number[:60]!r} is no number of an object"
            problem = Problem("bad-number", message, where, NETBOX.hint)
            problems.append(problem)
        elif key in numbers:
            # What others keep there may be alike, such as devices without names; it matters where it is ours.
            numbers[key] += f"{_AND}{number}"
        else:
            numbers[key] = number
    return numbers


def _read_keys(file: Path, kind: str, problems: list[Problem]) -> Iterator[tuple[Where, str, Key]]:
    """Yield the number and key of each row."""
    text = decode(read(file, NETBOX), str(file), NETBOX)
    table = rows(text, str(file), NETBOX, problems)
    _, head = next(table, (1, []))
    # The list of device types has no export of all data as CSV, and its current view no number.
    wanted = [] if kind in _SHARED else ["ID"]
    for _, title in _KEYS[kind]:
        wanted.append(title)
    missing = [title for title in wanted if title not in head]
    if missing:
        message = f"the head lacks {', '.join(missing)}"
        hint = "export all data, from NetBox in English"
        where = Where(str(file), 1)
        problem = Problem("no-column", message, where, hint)
        problems.append(problem)
        return
    places = [head.index(title) for title in wanted]
    for line, cells in table:
        where = Where(str(file), line)
        if len(cells) != len(head):
            message = f"the row has {counted(len(cells), 'cell')}, the head {len(head)}"
            problem = Problem("bad-row", message, where, NETBOX.hint)
            problems.append(problem)
            continue
        values = [cells[place].strip() for place in places]
        if kind in _SHARED:
            yield where, "0", tuple(values)
        else:
            yield where, values[0], tuple(values[1:])

"""Read tables of what only delivered servers know: MAC addresses and InfiniBand port GUIDs.

`--macs` names a CSV with the head `machine,mac`, `--guids` one with the head `machine,port,guid`; a port is
named as in the plan's cable lists (`compute0`). Every row is checked against the plan, and every problem is
reported at once. A table with one wrong row changes nothing, since a port with another port's GUID would be
in another zone.

    >>> mac("B8-3F-D2-00-00-01"), guid("b83f:d203:0000:0001")
    ('b8:3f:d2:00:00:01', '0xb83fd20300000001')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.files import DELIVERED, decode, read, rows
from sovereign_ai.plan import Plan
from sovereign_ai.text import counted

_MOST_PROBLEMS = 100
"""Problems after which a table is not read further."""
_MAC = re.compile(r"[0-9a-f]{12}")
_GUID = re.compile(r"(?:0x)?([0-9a-f]{16})")

Key = tuple[str, ...]
"""What a row is about: (node,) or (node, port)."""
_EXAMPLES = {"mac": "b8:3f:d2:00:00:01", "guid": "0xb83fd20300000001"}


def read_macs(path: Path, plan: Plan) -> dict[str, str]:
    """Read node to the MAC address that it boots from, `b8:3f:d2:00:00:01`.

    Raises:
        UsageError: the file cannot be read, or everything that is wrong with it.
    """
    known: set[Key] = set()
    for node in plan.nodes:
        known.add((node.name,))
    values = _read(path, ("machine", "mac"), known, mac)
    return {name: value for (name,), value in values.items()}


def read_guids(path: Path, plan: Plan) -> dict[tuple[str, str], str]:
    """Read (node, port) to the GUID of its InfiniBand port, `0x` and 16 digits.

    Raises:
        UsageError: the file cannot be read, or everything that is wrong with it.
    """
    known: set[Key] = set()
    for plane in plan.fabrics:
        if plane.kind == "infiniband":
            for link in plane.host_links:
                known.add((link.lower, link.lower_port))
    values = _read(path, ("machine", "port", "guid"), known, guid)
    return {(host, port): value for (host, port), value in values.items()}


def mac(text: str) -> str | None:
    """Return a MAC address in lower case with colons; None for what is none, or names no single adapter."""
    digits = re.sub(r"[:.-]", "", text.lower())
    if not _MAC.fullmatch(digits):
        return None
    # The lowest bit of the first byte marks a group of adapters (IEEE 802), and all zeros no adapter at all.
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        return None
    return ":".join(digits[start : start + 2] for start in range(0, 12, 2))


def guid(text: str) -> str | None:
    """Return a GUID as `0x` and 16 digits; None for what is none."""
    match = _GUID.fullmatch(text.lower().replace(":", ""))
    if match is None or not int(match[1], 16):
        return None
    return f"0x{match[1]}"


def _read(
    path: Path, head: Sequence[str], known: Collection[Key], form: Callable[[str], str | None]
) -> dict[Key, str]:
    """Read a table whose last column is the value and whose other columns name a planned node or port.

    Args:
        path: the file.
        head: the columns.
        known: the nodes or ports of the plan.
        form: returns a value in its normal form; None for what is no such value.

    Raises:
        UsageError: the file cannot be read, or everything that is wrong with it.
    """
    problems: list[Problem] = []
    text = decode(read(path, DELIVERED), str(path))
    values: dict[Key, str] = {}
    owners: dict[str, Key] = {}
    for where, cells in _cells(text, str(path), head, problems):
        key = tuple(cells[:-1])
        value = form(cells[-1])
        if key not in known:
            problems.append(_unknown(key, known, where, head))
        elif key in values:
            message = f"{' '.join(key)} has a row already"
            problems.append(Problem("named-twice", message, where, "keep one of them"))
        elif value is None:
            message = f"{cells[-1][:60]!r} is no {head[-1]} of a port"
            hint = f"such as {_EXAMPLES[head[-1]]}"
            problems.append(Problem(f"bad-{head[-1]}", message, where, hint))
        elif value in owners:
            message = f"{value} is the {head[-1]} of {' '.join(owners[value])} already"
            hint = "no two ports share one; read it from the adapter once more"
            problems.append(Problem("same-address", message, where, hint))
        else:
            values[key] = value
            owners[value] = key
        if len(problems) >= _MOST_PROBLEMS:
            break
    if not values and not problems:
        message = "the table has no rows below its head"
        problems.append(Problem("empty-table", message, Where(str(path)), DELIVERED.hint))
    if problems:
        raise UsageError(problems)
    return values


def _cells(
    text: str, file: str, head: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[Where, list[str]]]:
    """Yield each row's cells in the order of the head, whatever the order of the file's columns."""
    order: list[int] | None = None
    width = 0
    for line, cells in rows(text, file, DELIVERED, problems):
        where = Where(file, line)
        if order is None:
            names = []
            for cell in cells:
                name = cell.strip().lower()
                names.append(name)
            missing = [name for name in head if name not in names]
            if missing:
                message = f"the head lacks {', '.join(missing)}"
                problems.append(Problem("no-column", message, where, f"begin with the line {','.join(head)}"))
                return
            order = [names.index(name) for name in head]
            width = len(names)
        elif len(cells) != width:
            message = f"the row has {counted(len(cells), 'cell')}, the head {width}"
            problems.append(Problem("bad-row", message, where, DELIVERED.hint))
        else:
            yield where, [cells[at].strip() for at in order]
    if order is None and not problems:
        problems.append(Problem("empty-table", "the table is empty", Where(file), DELIVERED.hint))


def _unknown(key: Key, known: Collection[Key], where: Where, head: Sequence[str]) -> Problem:
    """Return the problem that the plan has no such node, or the node no such port."""
    node = key[0]
    ports = _ports_by_node(known)
    if node not in ports:
        kind = "machine" if head[-1] == "mac" else "machine with InfiniBand ports"
        message = f"the plan has no {kind} {node[:60]!r}"
        return Problem("unknown-machine", message, where, nearest(node, ports))
    message = f"{node} has no InfiniBand port {key[1][:60]!r}"
    return Problem("unknown-port", message, where, nearest(key[1], ports[node]))


def _ports_by_node(known: Collection[Key]) -> Mapping[str, list[str]]:
    """Return node to its ports; for a table of nodes alone, to its own name."""
    ports: dict[str, list[str]] = {}
    for key in sorted(known):
        ports.setdefault(key[0], []).append(key[-1])
    return ports

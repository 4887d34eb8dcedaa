"""MAC tables and port states as switches print them in JSON.

| system | command | recognised by |
|---|---|---|
| NX-OS | `show mac address-table`, `show interface status` | `TABLE_mac_address`, `TABLE_interface` |
| EOS | `show mac address-table`, `show interfaces status` | `unicastTable`, `interfaceStatuses` |
| NVUE | `nv show interface` | `link` below each interface |
| FRR | `show interface json`, `show interface brief json` | `operationalStatus`, `status` and `vrfName` |

Rows are returned as iproute2's JSON has them, so that one reader judges all, with the `system` whose port
names they have where the form tells it.

    >>> table_of({"interfaceStatuses": {"Ethernet1": {"linkStatus": "connected"}}})
    ('.ports', [{'ifname': 'Ethernet1', 'operstate': 'UP', 'system': 'eos'}])
    >>> table_of([]) is None
    True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Row = dict[str, Any]
_MOST_ROWS = 100_000
_UP = ("connected", "up")


def table_of(data: object) -> tuple[str, list[Row]] | None:
    """Return the kind of a table, `.fdb` or `.ports`, and its rows; None for other data.

    What is no row of the form is left out: nothing is concluded from it.
    """
    if not isinstance(data, dict):
        return None
    for key, (kind, read) in _FORMS.items():
        if key in data:
            return kind, _limited(read(data[key]))
    if data and all(_is_interface(entry) for entry in data.values()):
        return ".ports", _limited(_interfaces(data))
    return None


def _limited(rows: Iterator[Row]) -> list[Row]:
    """Return rows up to the most that a table may have."""
    found: list[Row] = []
    for row in rows:
        if len(found) == _MOST_ROWS:
            break
        found.append(row)
    return found


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, or the one object where a switch prints no list for one."""
    for row in value if isinstance(value, list) else [value]:
        if isinstance(row, dict):
            yield row


def _text(row: Mapping[str, Any], *names: str) -> str:
    """Return the first text under one of some names; empty where there is none."""
    return next((row[name] for name in names if isinstance(row.get(name), str)), "")


def _rows(table: object, member: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a table of NX-OS."""
    for holder in _objects(table):
        yield from _objects(holder.get(member))


def _nxos_addresses(table: object) -> Iterator[Row]:
    for row in _rows(table, "ROW_mac_address"):
        yield {"mac": _text(row, "disp_mac_addr"), "ifname": _text(row, "disp_port")}


def _nxos_states(table: object) -> Iterator[Row]:
    for row in _rows(table, "ROW_interface"):
        yield _state(_text(row, "interface"), _text(row, "state"))


def _eos_addresses(table: object) -> Iterator[Row]:
    for row in _rows(table, "tableEntries"):
        yield {"mac": _text(row, "macAddress"), "ifname": _text(row, "interface"), "system": "eos"}


def _eos_states(table: object) -> Iterator[Row]:
    for holder in _objects(table):
        for name, row in holder.items():
            yield _state(name, _text(row, "linkStatus") if isinstance(row, dict) else "", system="eos")


def _is_interface(entry: object) -> bool:
    """Return whether an object is an interface of NVUE or FRR."""
    if not isinstance(entry, dict):
        return False
    is_brief = "status" in entry and "vrfName" in entry
    return isinstance(entry.get("link"), dict) or "operationalStatus" in entry or is_brief


def _interfaces(data: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the states of interfaces; NVUE's older state is an object with the state as its name."""
    for name, entry in data.items():
        link = entry.get("link")
        state = _text(entry, "operationalStatus", "status")
        if isinstance(link, dict):
            older = link.get("state")
            state = _text(link, "oper-status", "state") or "".join(older if isinstance(older, dict) else ())
        yield _state(name, state)


def _state(name: str, state: str, **known: str) -> Row:
    """Return a port's row; a port without a state is not said to be down."""
    if not state:
        return {}
    return {"ifname": name, "operstate": "UP" if state.lower() in _UP else "DOWN"} | known


_FORMS: Mapping[str, tuple[str, Callable[[object], Iterator[Row]]]] = {
    "TABLE_mac_address": (".fdb", _nxos_addresses),
    "TABLE_interface": (".ports", _nxos_states),
    "unicastTable": (".fdb", _eos_addresses),
    "interfaceStatuses": (".ports", _eos_states),
}
"""The member by which a form is recognised, to the kind of table and its reader."""

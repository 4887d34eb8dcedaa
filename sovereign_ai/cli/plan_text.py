"""A plan's summary as text for a terminal of 80 columns: a table a subject, and the reasons on request."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.cli.output import table
from sovereign_ai.units import Bytes, BytesPerSecond, Watts

Row = Mapping[str, Any]
_COLUMNS = 80


def lines(summary: Row, *, why: bool) -> Iterator[str]:
    """Give the lines; with `why`, each table is followed by the formula and inputs of its numbers."""
    totals = summary["totals"]
    yield (
        f"{summary['factory']}: {totals['nodes']:,} nodes and {totals['spares']:,} spares, {totals['gpus']:,} GPUs, "
        f"{totals['racks']:,} racks, {_kilowatts(totals['it_load_watts'])}"
    )
    for heading, columns, rows in _tables(summary):
        if rows:
            yield ""
            yield from table([heading, *columns], rows)
            if why:
                yield from _reasons(summary[_SUBJECTS[heading]])
    yield ""
    yield from wrapped(summary["warnings"])
    yield f"plan {summary['digest']}"
    yield f"from {summary['spec_digest']}"


def wrapped(notes: Sequence[str]) -> Iterator[str]:
    """Give notes in lines, each marked as one."""
    for note in notes:
        yield from textwrap.wrap(f"note: {note}", _COLUMNS, subsequent_indent="  ")


_SUBJECTS = {"pool": "pools", "hall": "racks", "site": "power", "fabric": "fabrics", "storage": "storage", "cluster": "clusters"}


def _tables(summary: Row) -> Iterator[tuple[str, Sequence[str], list[tuple[Any, ...]]]]:
    """Give each table's heading, further columns and rows."""
    pools = [(row["pool"], row["system"], row["nodes"], row["spares"], row["gpus"], row["racks"], row["zone"]) for row in summary["pools"]]
    yield "pool", ("system", "nodes", "spares", "GPUs", "racks", "zone"), pools
    halls = [(row["hall"], row["kind"], row["racks"], row["pdus"], _most(row)) for row in summary["racks"]]
    yield "hall", ("racks of", "number", "PDUs", "at most"), halls
    yield "site", ("IT load", "budget", "each feed", "survives the loss of"), [_site(row) for row in summary["power"]]
    yield "fabric", ("rails", "leaf", "spine", "core", "cables", "down:up", "Tb/s"), [_fabric(row) for row in summary["fabrics"]]
    yield "storage", ("site", "servers", "drives", "usable", "read", "write"), [_storage(row) for row in summary["storage"]]
    clusters = [(row["cluster"], row["jurisdiction"], row["nodes"], row["gpus"], len(row["namespaces"])) for row in summary["clusters"]]
    yield "cluster", ("law", "nodes", "GPUs", "namespaces"), clusters


def _most(row: Row) -> str:
    """Give the power of the rack that draws most, and say where no source gives all of it."""
    if not row["unknown_power"]:
        return _kilowatts(row["most_watts"])
    return f"{_kilowatts(row['most_watts'])}, not all known" if row["most_watts"] else "not known"


def _site(row: Row) -> tuple[str, ...]:
    loads: dict[str, list[str]] = {}
    for feed, watts in row["feeds_watts"].items():
        loads.setdefault(_kilowatts(watts), []).append(feed)
    feeds = "; ".join(f"{','.join(names)} {load}" for load, names in loads.items())
    survived = ",".join(feed for feed, survives in row["survives"].items() if survives) or "none"
    return (
        row["site"],
        _kilowatts(row["it_load_watts"]),
        str(Watts(row["it_budget_watts"])),
        feeds,
        survived if row["survives"] else "not known",
    )


def _fabric(row: Row) -> tuple[Any, ...]:
    terabits = f"{row['bisection'] / 10**12:g}"
    return row["name"], row["rails"], row["leaf"], row["spine"], row["core"], row["cables"], row["oversubscription"], terabits


def _storage(row: Row) -> tuple[Any, ...]:
    rates = (str(BytesPerSecond(row["read"])), str(BytesPerSecond(row["write"])))
    return row["tier"], row["site"], row["servers"], row["drives"], str(Bytes(row["capacity"])), *rates


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Give a paragraph a number: whose it is, and how it came about."""
    for row in rows:
        name = next(iter(row.values()))
        for field, text in row.get("why", {}).items():
            if text:
                yield from textwrap.wrap(f"{name}.{field}: {text}", _COLUMNS, initial_indent="  ", subsequent_indent="    ")


def _kilowatts(watts: int) -> str:
    return f"{watts / 1000:,.1f} kW" if watts < 10**6 else f"{watts / 10**6:,.2f} MW"

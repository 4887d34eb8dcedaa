"""The text of a plan's summary for a terminal of 80 columns: one table per subject."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.cli.output import table
from sovereign_ai.plan.power import load_text
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes, BytesPerSecond, Metres, Watts

Row = Mapping[str, Any]
_COLUMNS = 80
_AT_SITE = re.compile(r"(fabric \S+ at )(\S+)(: .+)")
_NAMED_SITES = 3
"""Sites that a joined note names; of the others it says the number."""
_MEGAWATT = 10**6
"""Watts."""


def summary_lines(summary: Row, *, why: bool, notes: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a plan's summary.

    Args:
        summary: as `plan.plan_summary.summary` returns it.
        why: whether each table is followed by the formulas and inputs of its numbers.
        notes: further notes, which follow the summary's warnings.
    """
    totals = summary["totals"]
    nodes_text = counted(totals["nodes"], "node")
    spares_text = counted(totals["spares"], "spare")
    nodes = f"{nodes_text} and {spares_text}"
    power = power_text(totals["it_load_watts"])
    gpus = counted(totals["gpus"], "GPU")
    racks = counted(totals["racks"], "rack")
    yield f"{summary['factory']}: {nodes}, {gpus}, {racks}, {power}"
    for heading, columns, rows in _tables(summary):
        if rows:
            yield ""
            yield from table([heading, *columns], rows)
            if why:
                yield from _reasons(summary[_SUBJECTS[heading]])
    yield ""
    yield from wrapped([*summary["warnings"], *notes])
    yield f"plan {summary['digest']}"
    yield f"from {summary['spec_digest']}"


def wrapped(notes: Sequence[str]) -> Iterator[str]:
    """Yield notes in lines of 80 columns, each with a mark; a fabric's note of several sites is one."""
    for note in _joined_sites(notes):
        yield from textwrap.wrap(f"note: {note}", _COLUMNS, subsequent_indent="  ")


def _joined_sites(notes: Sequence[str]) -> list[str]:
    """Return notes in their order, those that differ in the site of a fabric joined at the first of them."""
    sites: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        found = _AT_SITE.fullmatch(note)
        if found:
            head, site, rest = found.groups()
            sites.setdefault((head, rest), []).append(site)
        else:
            sites[note, ""] = []
    joined = []
    for (head, rest), names in sites.items():
        more = f" and {len(names) - _NAMED_SITES} more" if len(names) > _NAMED_SITES else ""
        joined.append(f"{head}{', '.join(names[:_NAMED_SITES])}{more}{rest}")
    return joined


_SUBJECTS = {
    "pool": "pools",
    "hall": "racks",
    "site": "power",
    "power chain": "chain",
    "capped pool": "caps",
    "fabric": "fabrics",
    "between buildings": "campus",
    "storage": "storage",
    "cluster": "clusters",
    "controller": "platform",
    "phase": "phases",
}
"""The heading of each table, and the member of the summary that it shows."""


def _tables(summary: Row) -> Iterator[tuple[str, Sequence[str], list[tuple[Any, ...]]]]:
    """Yield each table's heading, its further columns and its rows."""
    columns: tuple[str, ...] = ("system", "nodes", "spares", "GPUs", "racks", "zone")
    yield "pool", columns, [_pool(row) for row in summary["pools"]]
    columns = ("racks of", "number", "PDUs", "at most")
    yield "hall", columns, [_racks(row) for row in summary["racks"]]
    columns = ("IT load", "budget", "each feed", "survives the loss of")
    yield "site", columns, [_site(row) for row in summary["power"]]
    columns = ("rating", "needed", "each", "one lost", "left")
    yield "power chain", columns, [_element(row) for row in summary.get("chain", ())]
    columns = ("machines", "each at most", "rated", "set by")
    yield "capped pool", columns, [_capped(row) for row in summary.get("caps", ())]
    columns = ("rails", "leaf", "spine", "core", "cables", "down:up", "Tb/s")
    yield "fabric", columns, [_fabric(row) for row in summary["fabrics"]]
    columns = ("route", "length", "links", "optic", "fibres", "us", "over", "lost")
    yield "between buildings", columns, [_building_link(row) for row in summary.get("campus", ())]
    columns = ("site", "servers", "drives", "usable", "read", "write")
    yield "storage", columns, [_storage(row) for row in summary["storage"]]
    columns = ("jurisdiction", "nodes", "GPUs", "namespaces")
    yield "cluster", columns, [_cluster(row) for row in summary["clusters"]]
    columns = ("version", "licence", "jurisdiction", "namespace", "images", "contacts", "objects")
    yield "controller", columns, [_controller(row) for row in summary.get("platform", ())]
    columns = ("ends", "nodes", "GPUs", "racks", "switches", "cables", "IT load")
    yield "phase", columns, [_phase(row) for row in summary.get("phases", ())]


def _pool(row: Row) -> tuple[Any, ...]:
    fields = ("pool", "system", "nodes", "spares", "gpus", "racks", "zone")
    return tuple(row[field] for field in fields)


def _racks(row: Row) -> tuple[Any, ...]:
    return row["hall"], row["kind"], row["racks"], row["pdus"], power_text(row["most_watts"])


def _cluster(row: Row) -> tuple[Any, ...]:
    namespaces = len(row["namespaces"])
    return row["cluster"], row["jurisdiction"], row["nodes"], row["gpus"], namespaces


def _controller(row: Row) -> tuple[Any, ...]:
    fields = (
        "controller",
        "version",
        "licence",
        "jurisdiction",
        "namespace",
        "images",
        "contacts",
        "objects",
    )
    return tuple(row[field] or "-" for field in fields)


def _site(row: Row) -> tuple[str, ...]:
    feeds_by_load: dict[str, list[str]] = {}
    for feed, watts in row["feeds_watts"].items():
        feeds_by_load.setdefault(power_text(watts), []).append(feed)
    loads = []
    for load, feeds in feeds_by_load.items():
        loads.append(f"{','.join(feeds)} {load}")
    survived = [feed for feed, survives in row["survives"].items() if survives]
    survives = "not known"
    if row["survives"]:
        survives = ",".join(survived) or "none"
    budget = str(Watts(row["it_budget_watts"]))
    return row["site"], power_text(row["it_load_watts"]), budget, "; ".join(loads), survives


def _element(row: Row) -> tuple[Any, ...]:
    amounts: list[str] = []
    for name in ("rating", "each", "after_loss", "left"):
        amounts.append(load_text(row[name], row["unit"]))
    rating, each, after, left = amounts
    count = f"{row['needed']:,} of {row['installed']:,}"
    return row["element"], rating, count, each, after, left


def _capped(row: Row) -> tuple[Any, ...]:
    share = row["limit_watts"] / row["rated_watts"]
    limit = f"{power_text(row['limit_watts'])} ({share:.0%})"
    return row["pool"], row["machines"], limit, power_text(row["rated_watts"]), row["cap"]


def _fabric(row: Row) -> tuple[Any, ...]:
    fields = ("name", "rails", "leaf", "spine", "core", "cables", "oversubscription")
    cells = [row[field] for field in fields]
    if row.get("border"):
        cells[2] = f"{row['leaf']} + {row['border']} border"
    terabits = f"{row['bisection'] / 10**12:g}"
    return (*cells, terabits)


def _building_link(row: Row) -> tuple[Any, ...]:
    length, latency = str(Metres(row["length_cm"])), f"{row['latency_ns'] / 1000:.1f}"
    ratios = row["oversubscription"], row["after_loss"]
    return row["link"], row["route"], length, row["links"], row["optic"], row["fibres"], latency, *ratios


def _storage(row: Row) -> tuple[Any, ...]:
    capacity = str(Bytes(row["capacity"]))
    read = str(BytesPerSecond(row["read"]))
    write = str(BytesPerSecond(row["write"]))
    return row["tier"], row["site"], row["servers"], row["drives"], capacity, read, write


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a paragraph for each number of a table: its name, its formula and its inputs."""
    for row in rows:
        # The first member of every row is its name.
        name = next(iter(row.values()))
        for field, text in row.get("why", {}).items():
            if text:
                reason = f"{name}.{field}: {text}"
                yield from textwrap.wrap(reason, _COLUMNS, initial_indent="  ", subsequent_indent="    ")


def _phase(row: Row) -> tuple[Any, ...]:
    totals = row["totals"]
    name = f"{row['name']} (now)" if row["now"] else row["name"]
    counts = [f"{totals[field]:,}" for field in ("nodes", "gpus", "racks", "switches", "cables")]
    return (name, row["ends"], *counts, power_text(totals["it_load_watts"]))


def power_text(watts: int) -> str:
    """Return a power in kilowatts, from a megawatt on in megawatts."""
    if watts < _MEGAWATT:
        return f"{watts / 1000:,.1f} kW"
    return f"{watts / _MEGAWATT:,.2f} MW"

"""Hold a `config_db.json` to the demands of SONiC's YANG models, which `sonic_yang.json` has as data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]


@cache
def rules() -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads((Path(__file__).parent / "sonic_yang.json").read_bytes())["tables"]
    return data


def faults(tables: Tables) -> Iterator[str]:
    """Yield every demand that a file does not meet."""
    for table, rows in tables.items():
        rule = rules().get(table)
        if rule is None:
            yield f"{table}: no model has this table"
            continue
        if len(rows) > rule.get("most", len(rows)):
            yield f"{table}: {len(rows)} rows"
        for key, row in rows.items():
            yield from (f"{table}|{key}: {fault}" for fault in _row(rule, key, row, tables))
    yield from _subinterfaces(tables)
    yield from _vlans(tables)
    yield from _others(tables)


def _row(rule: Mapping[str, Any], key: str, row: Mapping[str, Any], tables: Tables) -> Iterator[str]:
    """Yield the faults of one row by itself."""
    parts = key.split("|")
    demands = rule["keys"].get(str(len(parts)))
    if demands is None:
        yield f"a key of {len(parts)} parts"
        return
    for part, demand in zip(parts, demands, strict=True):
        yield from _value(demand, part, tables)
    if "map" in rule:
        for inner, value in row.items():
            yield from _value(rule["map"][0], inner, tables)
            yield from _value(rule["map"][1], value, tables)
        return
    yield from (f"{name} is mandatory" for name in rule.get("mandatory", ()) if name not in row)
    for name, value in row.items():
        if name not in rule["fields"] or (
            len(parts) > 1 and not rule.get("mandatory") and "1" in rule["keys"]
        ):
            yield f"no such field: {name}"
        else:
            yield from (f"{name}: {fault}" for fault in _value(rule["fields"][name], value, tables))


def _value(demand: Mapping[str, Any], value: Any, tables: Tables) -> Iterator[str]:
    """Yield the faults of one value."""
    if "list" in demand:
        if not isinstance(value, list) or not value:
            yield f"{value!r} is no list with elements"
            return
        for element in value:
            yield from _value(demand["list"], element, tables)
        return
    if not isinstance(value, str):
        yield f"{value!r} is not text, as every value of the database is"
        return
    if "pattern" in demand and not re.fullmatch(demand["pattern"], value):
        yield f"{value!r} does not match {demand['pattern']}"
    if "length" in demand and not demand["length"][0] <= len(value) <= demand["length"][1]:
        yield f"{value!r} is not {demand['length'][0]} to {demand['length'][1]} characters long"
    if "range" in demand and not (
        value.isdecimal() and demand["range"][0] <= int(value) <= demand["range"][1]
    ):
        yield f"{value!r} is no number from {demand['range'][0]} to {demand['range'][1]}"
    if (
        "refs" in demand
        and value != demand.get("or")
        and not any(value in tables.get(table, ()) for table in demand["refs"])
    ):
        yield f"{value!r} is in none of {', '.join(demand['refs'])}"


def _subinterfaces(tables: Tables) -> Iterator[str]:
    """Yield subinterfaces without a port; the short form `Eth8.100` needs its VLAN beside it."""
    for name, row in tables.get("VLAN_SUB_INTERFACE", {}).items():
        parent = name.partition("|")[0].partition(".")[0]
        short = not parent.startswith("Ethernet")
        whole = parent.replace("Eth", "Ethernet", 1) if short else parent
        if whole not in tables.get("PORT", {}):
            yield f"VLAN_SUB_INTERFACE|{name}: no port {whole}"
        if short and "vlan" not in row:
            yield f"VLAN_SUB_INTERFACE|{name}: the short form needs a vlan"


def _vlans(tables: Tables) -> Iterator[str]:
    """Yield VLANs whose number is not that of their name, members that are routed ports, and ports untagged
    in two VLANs.
    """
    for name, row in tables.get("VLAN", {}).items():
        if row.get("vlanid", name[4:]) != name[4:]:
            yield f"VLAN|{name}: vlanid {row['vlanid']}"
    untagged: Counter[str] = Counter()
    for key, row in tables.get("VLAN_MEMBER", {}).items():
        port = key.partition("|")[2]
        untagged[port] += row.get("tagging_mode") == "untagged"
        if port in tables.get("INTERFACE", {}):
            yield f"VLAN_MEMBER|{key}: a routed port"
    yield from (
        f"VLAN_MEMBER: {port} is untagged in {count} VLANs" for port, count in untagged.items() if count > 1
    )


def _others(tables: Tables) -> Iterator[str]:
    """Yield relays that select a link without a source, and watchdogs and thresholds out of order."""
    for name, row in tables.get("DHCPV4_RELAY", {}).items():
        if row.get("link_selection") == "enable" and not row.get("source_interface"):
            yield f"DHCPV4_RELAY|{name}: link_selection needs a source_interface"
    watchdogs = tables.get("PFC_WD", {})
    poll = int(watchdogs.get("GLOBAL", {}).get("POLL_INTERVAL", 0))
    for name, row in watchdogs.items():
        times = [int(row[field]) for field in ("detection_time", "restoration_time") if field in row]
        if min(times, default=poll) < poll:
            yield f"PFC_WD|{name}: a time below the poll interval"
    for name, row in tables.get("WRED_PROFILE", {}).items():
        if int(row["green_max_threshold"]) < int(row["green_min_threshold"]):
            yield f"WRED_PROFILE|{name}: thresholds out of order"

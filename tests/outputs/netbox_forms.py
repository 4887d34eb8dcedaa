"""NetBox's tables by the columns of its import forms and the limits of its models, written down as data."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import orjson

Rows = list[dict[str, str]]
_OUTSIDE, _INTERFACES = "12-outside-ports.csv", "7-interfaces.csv"
"""Files that the form of interfaces reads."""
_FORMS = Path(__file__).parents[1] / "render" / "interop" / "netbox-4.7.3.json"


@cache
def forms() -> dict[str, Any]:
    """Return the import forms: file to its columns."""
    data: dict[str, Any] = orjson.loads(_FORMS.read_bytes())["files"]
    return {**data, _OUTSIDE: data[_INTERFACES]}


@cache
def models() -> dict[str, Any]:
    """Return what the models ask of columns."""
    data: dict[str, Any] = orjson.loads(Path(__file__).with_name("netbox-models.json").read_bytes())
    for rules in (data["columns"], data["single"]):
        rules[_OUTSIDE] = rules[_INTERFACES]
    return data


def faults(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield what NetBox would refuse of a set of tables, which are imported in the order of their numbers."""
    tables: dict[str, Rows] = {}
    for file in sorted(texts, key=lambda name: int(name.partition("-")[0])):
        if file not in forms():
            yield f"{file}: NetBox has no form for it"
            continue
        rows = list(csv.DictReader(io.StringIO(texts[file])))
        tables[file] = rows
        for number, row in enumerate(rows, 2):
            for fault in _row_faults(file, row):
                yield f"{file}:{number}: {fault}"
        yield from _references(file, rows, tables)
        yield from _repeated(file, rows)
        if not rows:
            yield f"{file}: a form takes no file without rows"
    yield from _repeated(_INTERFACES, tables.get(_INTERFACES, []) + tables.get(_OUTSIDE, []))
    yield from _units(tables)
    yield from _ends(tables)
    yield from _inside(tables)


def _row_faults(file: str, row: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with one row by itself."""
    form = forms()[file]
    for column in row.keys() - set(form["columns"]):
        yield f"no column {column}"
    for column in form["required"]:
        if not row.get(column):
            yield f"{column} is required"
    for column, words in form.get("choices", {}).items():
        if row.get(column) and row[column] not in words:
            yield f"{column}: {row[column]!r} is no choice"
    for column, rule in models()["columns"][file].items():
        value = row.get(column) or ""
        if value:
            yield from (f"{column}: {fault}" for fault in _value_faults(rule, value))


def _value_faults(rule: Mapping[str, Any], value: str) -> Iterator[str]:
    """Yield how a value misses the limits of its field."""
    if len(value) > rule.get("characters", len(value)):
        yield f"{value!r} has {len(value)} characters, at most {rule['characters']}"
    if rule.get("slug") and not re.fullmatch(models()["slug"], value):
        yield f"{value!r} is no slug"
    if "pattern" in rule and not re.fullmatch(rule["pattern"], value):
        yield f"{value!r} does not match {rule['pattern']}"
    if "least" not in rule:
        return
    if not re.fullmatch(r"\d+(\.\d+)?", value):
        yield f"{value!r} is no number"
        return
    number = Decimal(value)
    if not rule["least"] <= number <= Decimal(str(rule["most"])):
        yield f"{value} is not from {rule['least']} to {rule['most']}"
    if "steps" in rule and number % Decimal(str(rule["steps"])):
        yield f"{value} is no multiple of {rule['steps']}"
    if len(value.partition(".")[2]) > rule.get("decimals", 1):
        yield f"{value} has too many decimals"


def _references(file: str, rows: Rows, tables: Mapping[str, Rows]) -> Iterator[str]:
    """Yield references to objects that are in no file before."""
    for column, (other, key) in forms()[file].get("refers", {}).items():
        known = {row[key] for row in tables.get(other, ())}
        for number, row in enumerate(rows, 2):
            if row.get(column) and row[column] not in known:
                yield f"{file}:{number}: {column} {row[column]!r} is not in {other}"


def _repeated(file: str, rows: Rows) -> Iterator[str]:
    """Yield what NetBox takes once and is there twice."""
    for columns in models()["single"][file]:
        seen: set[tuple[str, ...]] = set()
        for number, row in enumerate(rows, 2):
            key = tuple(row[column].casefold() for column in columns)
            if key in seen:
                yield f"{file}:{number}: {' '.join(key)} is there twice"
            seen.add(key)


def _units(tables: Mapping[str, Rows]) -> Iterator[str]:
    """Yield devices that leave their rack, stand in each other, or have a position against the rules."""
    heights: dict[tuple[str, str], int] = {}
    for row in tables["3-device-types.csv"]:
        heights[row["manufacturer"], row["model"]] = int(float(row["u_height"]))
    racks = {(row["site"], row["name"]): int(row["u_height"]) for row in tables["5-racks.csv"]}
    taken: dict[tuple[str, str, int], str] = {}
    for row in tables["6-devices.csv"]:
        height = heights.get((row["manufacturer"], row["device_type"]))
        rack = racks.get((row["site"], row["rack"]))
        if height is None or rack is None:
            yield f"{row['name']}: no such type of its manufacturer, or no such rack of its site"
            continue
        if not row["position"]:
            continue
        if not height:
            yield f"{row['name']}: a device without height has no position"
        if not row["face"]:
            yield f"{row['name']}: a position needs a face"
        first = int(float(row["position"]))
        for unit in range(first, first + height):
            if unit > rack:
                yield f"{row['name']}: unit {unit} of a rack of {rack}"
            other = taken.setdefault((row["site"], row["rack"], unit), row["name"])
            if other != row["name"]:
                yield f"{row['name']}: unit {unit} of {row['rack']} is {other}'s"


def _ends(tables: Mapping[str, Rows]) -> Iterator[str]:
    """Yield ends of cables that are no interface of a device of that site, or that two cables have."""
    sites = {row["name"]: row["site"] for row in tables["6-devices.csv"]}
    interfaces = {(row["device"], row["name"]) for row in tables.get("7-interfaces.csv", ())}
    used: set[tuple[str, str]] = set()
    for row in tables.get("8-cables.csv", ()):
        for side in ("side_a", "side_b"):
            end = (row[f"{side}_device"], row[f"{side}_name"])
            if end not in interfaces or sites.get(end[0]) != row[f"{side}_site"]:
                yield f"cable {row['label']}: {' '.join(end)} is no interface of {row[f'{side}_site']}"
            if end in used:
                yield f"cable {row['label']}: {' '.join(end)} has a cable"
            used.add(end)


def _inside(tables: Mapping[str, Rows]) -> Iterator[str]:
    """Yield prefixes with bits of hosts, addresses outside all prefixes, and unknown interfaces."""
    interfaces = {(row["device"], row["name"]) for row in tables.get("7-interfaces.csv", ())}
    networks = []
    for row in tables.get("10-prefixes.csv", ()):
        try:
            networks.append(IPv4Network(row["prefix"]))
        except ValueError:
            yield f"prefix {row['prefix']}: no network"
    for row in tables.get("11-ip-addresses.csv", ()):
        if (row["device"], row["interface"]) not in interfaces:
            yield f"address {row['address']}: no interface {row['device']} {row['interface']}"
        address = IPv4Interface(row["address"]).ip
        if not any(address in network for network in networks):
            yield f"address {row['address']}: in no prefix"

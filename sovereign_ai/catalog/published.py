"""Published fabric tables and one bill of materials: what a planner must reproduce.

They are never used to plan. They are the answers that the vendor printed, kept with its misprints,
so that a planner can be held against them.

    >>> [(row.units, row.leaf, row.spine) for row in rows("h100")]
    [(1, 8, 4), (2, 16, 8), (3, 24, 16), (4, 32, 16)]
    >>> rows("b300-xdr")[-1].gpus, rows("b300-xdr")[-1].misprint
    (10368, Misprint(field='gpus', printed=9216, right=10368, why='1296 nodes have eight GPUs each, and both cable columns say 10368'))
    >>> bill("h100-4su").counts["compute_switches"]
    48
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from sovereign_ai.catalog.figures import Figure, Grade, Row, Sourced, UnknownNameError, table
from sovereign_ai.units import BitsPerSecond


@dataclass(frozen=True, slots=True)
class Misprint:
    """One cell that is printed wrong.

    Attributes:
        field: the column.
        printed: what stands there.
        right: what should stand there.
        why: how we know.
    """

    field: str
    printed: int
    right: int
    why: str


@dataclass(frozen=True, slots=True)
class FabricRow:
    """One row of a table; a count that the table lacks is None.

    Attributes:
        table: the table's name.
        units: scalable units.
        nodes: nodes that are really there.
        gpus: their GPUs, corrected where misprinted.
        leaf: leaf switches.
        spine: spine switches.
        core: core switches of a three-tier fabric, else None.
        node_leaf: cables from nodes to leaves, those of fabric managers not counted.
        leaf_spine: cables from leaves to spines, for the full unit.
        spine_core: cables from spines to cores.
        node_and_manager: cables from nodes and fabric managers to leaves, where printed so.
        misprint: the cell that is printed wrong.
    """

    table: str
    units: int
    nodes: int
    gpus: int
    leaf: int
    spine: int
    core: int | None
    node_leaf: int
    leaf_spine: int
    spine_core: int | None
    node_and_manager: int | None
    misprint: Misprint | None


@dataclass(frozen=True, slots=True)
class FabricTable:
    """One published table and what its design rests on.

    Attributes:
        name: `h100`, `b200`, `b300`, `b300-xdr`.
        system: the system's name in `systems`.
        nodes_per_unit: nodes of a full scalable unit; the fabric is built for all of them.
        rails: fabric ports of each node.
        radix: ports of each switch.
        link: rate of each link.
        manager_slots: node places given up for fabric managers.
        manager_cables: cables of the fabric managers to leaves.
        readings: what must be assumed to reproduce some rows, which the table does not say.
        source: where it was read.
        read: when.
        rows: the rows, smallest first.
    """

    name: str
    system: str
    nodes_per_unit: int
    rails: int
    radix: int
    link: BitsPerSecond
    manager_slots: int
    manager_cables: int
    readings: tuple[str, ...]
    source: str
    read: str
    grade: Grade
    rows: tuple[FabricRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill(Sourced):
    """One bill of materials.

    Attributes:
        table: the fabric table it belongs to.
        units: scalable units.
        counts: item to pieces.
    """

    table: str
    units: int
    counts: Mapping[str, int] = field(hash=False)


def _fabric_row(name: str, rails: int, raw: Mapping[str, Any]) -> FabricRow:
    """Build one row; `gpus` is corrected, the misprint kept beside it."""
    wrong = raw.get("misprint")
    return FabricRow(
        table=name,
        units=raw["units"],
        nodes=raw["nodes"],
        gpus=wrong["right"] if wrong and wrong["field"] == "gpus" else raw["gpus"],
        leaf=raw["leaf"],
        spine=raw["spine"],
        core=raw.get("core"),
        node_leaf=raw.get("node_leaf", raw["nodes"] * rails),
        leaf_spine=raw["leaf_spine"],
        spine_core=raw.get("spine_core"),
        node_and_manager=raw.get("node_and_manager"),
        misprint=Misprint(**wrong) if wrong else None,
    )


def _fabric_table(raw: Mapping[str, Any]) -> FabricTable:
    """Build one table."""
    return FabricTable(
        name=raw["name"],
        system=raw["system"],
        nodes_per_unit=raw["nodes_per_unit"],
        rails=raw["rails"],
        radix=raw["radix"],
        link=BitsPerSecond.parse(raw["link"]),
        manager_slots=raw["manager_slots"],
        manager_cables=raw["manager_cables"],
        readings=tuple(raw["readings"]),
        source=raw["source"],
        read=raw["read"],
        grade=Grade(raw["grade"]),
        rows=tuple(_fabric_row(raw["name"], raw["rails"], row) for row in raw["rows"]),
    )


@cache
def _tables() -> Mapping[str, FabricTable]:
    """Read the fabric tables once."""
    return MappingProxyType({raw["name"]: _fabric_table(raw) for raw in table("published_fabrics.json")["tables"]})


@cache
def _bills() -> Mapping[str, Bill]:
    """Read the bills of materials once."""
    found: dict[str, Bill] = {}
    for raw in table("published_fabrics.json")["bills"]:
        row = Row.of(raw)
        counts = {figure.field: row.needed(figure.field, row.whole(figure.field)) for figure in row.figures}
        found[row.name()] = Bill(
            name=row.name(), figures=row.figures, table=row.name("table"), units=raw["units"], counts=MappingProxyType(counts)
        )
    return MappingProxyType(found)


def fabric_table(name: str) -> FabricTable:
    """Give one table with what its design rests on.

    Raises:
        UnknownNameError: there is none of that name.
    """
    try:
        return _tables()[name]
    except KeyError:
        raise UnknownNameError("published fabric table", name, _tables()) from None


def fabric_tables() -> tuple[FabricTable, ...]:
    """Give every table, sorted by name."""
    return tuple(_tables()[name] for name in sorted(_tables()))


def rows(name: str) -> tuple[FabricRow, ...]:
    """Give the rows of one table, smallest first.

    Raises:
        UnknownNameError: there is no such table.
    """
    return fabric_table(name).rows


def bill(name: str) -> Bill:
    """Give one bill of materials.

    Raises:
        UnknownNameError: there is none of that name.
    """
    try:
        return _bills()[name]
    except KeyError:
        raise UnknownNameError("bill of materials", name, _bills()) from None


def bills() -> tuple[Bill, ...]:
    """Give every bill of materials, sorted by name."""
    return tuple(_bills()[name] for name in sorted(_bills()))


@cache
def rack_powers() -> tuple[Figure, ...]:
    """Give the published powers of full racks and scalable units; `field` is the system or unit."""
    return tuple(figure for raw in table("published_fabrics.json")["rack_powers"] for figure in Row.of(raw).figures)

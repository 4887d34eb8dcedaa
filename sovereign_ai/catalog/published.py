"""Published fabric tables and bills of materials, which a planner must reproduce.

They are never used to plan. They are the vendor's own answers, kept with their misprints, so that tests can
compare a planner with them.

    >>> [(row.units, row.leaf, row.spine) for row in rows("h100")]
    [(1, 8, 4), (2, 16, 8), (3, 24, 16), (4, 32, 16)]
    >>> rows("b300-xdr")[-1].gpus, rows("b300-xdr")[-1].misprint
    (10368, Misprint(field='gpus', printed=9216, right=10368, why='1296 nodes have eight GPUs each, and ...
    >>> bill("h100-4su").counts["compute_switches"]
    48
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from types import MappingProxyType
from typing import Any

from sovereign_ai.catalog.figures import Figure, Grade, Row, Sourced, UnknownNameError, table
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import BitsPerSecond


@frozen_dataclass
class Misprint:
    """One cell that is printed wrong.

    Attributes:
        field: the column.
        printed: the printed value.
        right: the right value.
        why: how the right value is known.
    """

    field: str
    printed: int
    right: int
    why: str


@frozen_dataclass
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


@frozen_dataclass
class FabricTable:
    """One published table with the parameters of its design.

    Attributes:
        name: `h100`, `b200`, `b300`, `b300-xdr`.
        system: the system's name in `systems`.
        nodes_per_unit: nodes of a full scalable unit; the fabric is built for all of them.
        rails: fabric ports of each node.
        radix: ports of each switch.
        link: rate of each link.
        manager_slots: node places that fabric managers occupy.
        manager_cables: cables of the fabric managers to leaves.
        readings: assumptions that some rows need, which the table does not state.
        source: where it was read.
        read: the day it was read.
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


@frozen_dataclass(kw_only=True)
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
    raw_misprint = raw.get("misprint")
    misprint = Misprint(**raw_misprint) if raw_misprint else None
    gpus = raw["gpus"]
    # Every other column is used as it is printed: this is the only misprint that the tables have.
    if misprint is not None and misprint.field == "gpus":
        gpus = misprint.right
    # A table without this column still prints the nodes, each of which has a cable per rail.
    node_leaf = raw.get("node_leaf", raw["nodes"] * rails)
    return FabricRow(
        table=name,
        units=raw["units"],
        nodes=raw["nodes"],
        gpus=gpus,
        leaf=raw["leaf"],
        spine=raw["spine"],
        core=raw.get("core"),
        node_leaf=node_leaf,
        leaf_spine=raw["leaf_spine"],
        spine_core=raw.get("spine_core"),
        node_and_manager=raw.get("node_and_manager"),
        misprint=misprint,
    )


def _fabric_table(raw: Mapping[str, Any]) -> FabricTable:
    """Build one table."""
    name, rails = raw["name"], raw["rails"]
    fabric_rows = [_fabric_row(name, rails, row) for row in raw["rows"]]
    return FabricTable(
        name=name,
        system=raw["system"],
        nodes_per_unit=raw["nodes_per_unit"],
        rails=rails,
        radix=raw["radix"],
        link=BitsPerSecond.parse(raw["link"]),
        manager_slots=raw["manager_slots"],
        manager_cables=raw["manager_cables"],
        readings=tuple(raw["readings"]),
        source=raw["source"],
        read=raw["read"],
        grade=Grade(raw["grade"]),
        rows=tuple(fabric_rows),
    )


@cache
def _tables() -> Mapping[str, FabricTable]:
    """Read the fabric tables once."""
    tables = table("published_fabrics.json")["tables"]
    return MappingProxyType({raw["name"]: _fabric_table(raw) for raw in tables})


@cache
def _bills() -> Mapping[str, Bill]:
    """Read the bills of materials once."""
    by_name: dict[str, Bill] = {}
    for raw in table("published_fabrics.json")["bills"]:
        row = Row.of(raw)
        counts = {}
        for figure in row.figures:
            counts[figure.field] = row.needed_whole(figure.field)
        by_name[row.name()] = Bill(
            name=row.name(),
            figures=row.figures,
            table=row.name("table"),
            units=raw["units"],
            counts=MappingProxyType(counts),
        )
    return MappingProxyType(by_name)


def fabric_table(name: str) -> FabricTable:
    """Return one table with the parameters of its design.

    Raises:
        UnknownNameError: there is no such name.
    """
    try:
        return _tables()[name]
    except KeyError:
        raise UnknownNameError("published fabric table", name, _tables()) from None


def fabric_tables() -> tuple[FabricTable, ...]:
    """Return every table, sorted by name."""
    return tuple(_tables()[name] for name in sorted(_tables()))


def rows(name: str) -> tuple[FabricRow, ...]:
    """Return the rows of one table, smallest first.

    Raises:
        UnknownNameError: there is no such table.
    """
    return fabric_table(name).rows


def bill(name: str) -> Bill:
    """Return one bill of materials.

    Raises:
        UnknownNameError: there is no such name.
    """
    try:
        return _bills()[name]
    except KeyError:
        raise UnknownNameError("bill of materials", name, _bills()) from None


def bills() -> tuple[Bill, ...]:
    """Return every bill of materials, sorted by name."""
    return tuple(_bills()[name] for name in sorted(_bills()))


@cache
def rack_powers() -> tuple[Figure, ...]:
    """Return the published powers of full racks and scalable units; `field` is the system or unit."""
    figures: list[Figure] = []
    for raw in table("published_fabrics.json")["rack_powers"]:
        figures += Row.of(raw).figures
    return tuple(figures)

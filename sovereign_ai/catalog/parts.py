"""Parts: network cards, optics, storage servers, power shelves and coolant distribution units.

>>> card = part("connectx-7")
>>> card.kind, str(card.rate)
('nic', '400 Gbps')
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import BitsPerSecond, BytesPerSecond, LitresPerMinute, Metres, Watts

PART_KINDS = ("nic", "optic", "storage-server", "power-shelf", "cdu")
"""Kinds of part."""


@frozen_dataclass(kw_only=True)
class CatalogPart(Sourced):
    """One part; a field that its kind does not have, or that no source gives, is None.

    Attributes:
        kind: one of `PART_KINDS`.
        vendor: the supplier's name in `suppliers`.
        ports: network ports.
        rate: rate of a port, or of an optic.
        reach: longest cable of an optic.
        fibres: fibres that an optic takes; None for copper, and where its cable is part of it.
        power: power at full load; an optic's is that of one end.
        rating: output of a power shelf, or the heat that a coolant distribution unit removes.
        supplies: power supplies of a power shelf.
        supply_rating: rating of each power supply.
        flow: coolant flow of a distribution unit.
        read: read rate of a storage server.
        write: write rate of a storage server.
        rack_units: height.
        weight_kg: weight in kilograms.
    """

    kind: str
    vendor: str
    ports: int | None
    rate: BitsPerSecond | None
    reach: Metres | None
    fibres: int | None
    power: Watts | None
    rating: Watts | None
    supplies: int | None
    supply_rating: Watts | None
    flow: LitresPerMinute | None
    read: BytesPerSecond | None
    write: BytesPerSecond | None
    rack_units: int | None
    weight_kg: float | None


def of_row(row: Row) -> CatalogPart:
    """Build one part from its row."""
    return CatalogPart(
        name=row.name(),
        figures=row.figures,
        kind=row.name("kind"),
        vendor=row.name("vendor"),
        ports=row.integer("ports"),
        rate=row.quantity("rate", BitsPerSecond),
        reach=row.quantity("reach", Metres),
        fibres=row.integer("fibres"),
        power=row.quantity("power", Watts),
        rating=row.quantity("rating", Watts),
        supplies=row.integer("supplies"),
        supply_rating=row.quantity("supply_rating", Watts),
        flow=row.quantity("flow", LitresPerMinute),
        read=row.quantity("read", BytesPerSecond),
        write=row.quantity("write", BytesPerSecond),
        rack_units=row.integer("rack_units"),
        weight_kg=row.number("weight_kg"),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, CatalogPart]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("parts.json")})


def parts() -> tuple[CatalogPart, ...]:
    """Return every part of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("part").values())


def part(name: str) -> CatalogPart:
    """Return one part.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("part", name, _by_name())

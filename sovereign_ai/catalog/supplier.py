"""Suppliers: who makes the parts, and the country where the ultimate parent has its seat.

The seat decides which jurisdiction a supplier is under; the places of its people and plants do not.

    >>> supplier("tsmc").seat, supplier("tsmc").makes
    ('TW', ('chip fabrication', 'advanced packaging'))
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass(kw_only=True)
class CatalogSupplier(Sourced):
    """One supplier.

    Attributes:
        title: the name as people write it.
        seat: ISO 3166-1 alpha-2 code of the country where the ultimate parent has its seat.
        parent: the ultimate parent's name where it is another company.
        makes: what it supplies to an AI factory.
    """

    title: str
    seat: str
    parent: str | None
    makes: tuple[str, ...]


def of_row(row: Row) -> CatalogSupplier:
    """Build one supplier from its row."""
    return CatalogSupplier(
        name=row.name(),
        figures=row.figures,
        title=row.name("title"),
        seat=row.needed_text("seat"),
        parent=row.text("parent"),
        makes=tuple(row.raw["makes"]),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, CatalogSupplier]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("suppliers.json")})


def suppliers() -> tuple[CatalogSupplier, ...]:
    """Return every supplier of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("supplier").values())


def supplier(name: str) -> CatalogSupplier:
    """Return one supplier.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("supplier", name, _by_name())

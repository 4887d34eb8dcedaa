"""Suppliers: who makes the parts, and the country where the ultimate parent has its seat.

The seat decides which law reaches a supplier; where its people or plants are is another matter.

    >>> supplier("tsmc").seat, supplier("tsmc").makes
    ('TW', ('chip fabrication', 'advanced packaging'))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, UnknownNameError, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier(Sourced):
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


def _supplier(row: Row) -> Supplier:
    """Build one supplier from its row."""
    return Supplier(
        name=row.name(),
        figures=row.figures,
        title=row.name("title"),
        seat=row.needed("seat", row.text("seat")),
        parent=row.text("parent"),
        makes=tuple(row.raw["makes"]),
    )


@cache
def _by_name() -> Mapping[str, Supplier]:
    """Read the table once."""
    return MappingProxyType({row.name(): _supplier(row) for row in rows("suppliers.json")})


def suppliers() -> tuple[Supplier, ...]:
    """Give every supplier, sorted by name."""
    return tuple(_by_name().values())


def supplier(name: str) -> Supplier:
    """Give one supplier.

    Raises:
        UnknownNameError: there is none of that name.
    """
    try:
        return _by_name()[name]
    except KeyError:
        raise UnknownNameError("supplier", name, _by_name()) from None

"""Switches: radix, rate and kind. Power is absent where no source gives it.

>>> qm9700 = switch("qm9700")
>>> qm9700.kind, qm9700.ports, str(qm9700.rate), qm9700.power
('infiniband', 64, '400 Gbps', None)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from sovereign_ai.catalog.figures import Row, Sourced, UnknownNameError, rows
from sovereign_ai.units import BitsPerSecond, Watts

SwitchKind = Literal["infiniband", "ethernet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Sourced):
    """One fixed-port switch.

    Attributes:
        vendor: the supplier's name in `suppliers`.
        kind: `infiniband` or `ethernet`.
        ports: ports of the full rate: the radix.
        rate: rate of each port.
        rack_units: height; None where unknown.
        power: what it draws; None where no source gives it.
    """

    vendor: str
    kind: SwitchKind
    ports: int
    rate: BitsPerSecond
    rack_units: int | None
    power: Watts | None


def _switch(row: Row) -> Switch:
    """Build one switch from its row."""
    return Switch(
        name=row.name(),
        figures=row.figures,
        vendor=row.name("vendor"),
        kind="infiniband" if row.text("kind") == "infiniband" else "ethernet",
        ports=row.needed("ports", row.whole("ports")),
        rate=row.needed("rate", row.quantity("rate", BitsPerSecond)),
        rack_units=row.whole("rack_units"),
        power=row.quantity("power", Watts),
    )


@cache
def _by_name() -> Mapping[str, Switch]:
    """Read the table once."""
    return MappingProxyType({row.name(): _switch(row) for row in rows("switches.json")})


def switches() -> tuple[Switch, ...]:
    """Give every switch, sorted by name."""
    return tuple(_by_name().values())


def switch(name: str) -> Switch:
    """Give one switch.

    Raises:
        UnknownNameError: there is none of that name.
    """
    try:
        return _by_name()[name]
    except KeyError:
        raise UnknownNameError("switch", name, _by_name()) from None

"""Switches: radix, rate, kind and power.

The power of a switch depends on what is plugged into it: its figure is a range from passive cables to optics
in every cage. Plans and verdicts take the upper end.

>>> qm9700 = switch("qm9700")
>>> qm9700.kind, qm9700.ports, str(qm9700.rate), str(qm9700.worst_power)
('infiniband', 64, '400 Gbps', '1.72 kW')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Literal

from sovereign_ai.catalog.figures import Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.units import BitsPerSecond, Watts

SwitchKind = Literal["infiniband", "ethernet"]
_PARTS = (1, 2, 4, 8)
"""Numbers of parts that a port can be split into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchModel(Sourced):
    """One fixed-port switch.

    Attributes:
        vendor: the supplier's name in `suppliers`.
        kind: `infiniband` or `ethernet`.
        ports: ports of the full rate: the radix.
        rate: rate of each port.
        rack_units: height; None where unknown.
        power: power draw; None where no source gives it. See `worst_power` where it is a range.
        uplink_ports: ports of another rate for links upwards, beside `ports`; None where it has none.
        uplink_rate: their rate.
        sonic_platform: SONiC's name of the hardware. This and all further fields are None where SONiC does
            not run on it, or where no source gives them.
        sonic_sku: SONiC's name of a set of port settings.
        sonic_lanes: lanes of a port.
        sonic_name_step: by how much the number in an interface's name grows from one port to the next.
        sonic_lane_step: by how much the first lane grows from one port to the next.
        sonic_breakouts: parts of a split port to the mode's name in SONiC's platform file.
    """

    vendor: str
    kind: SwitchKind
    ports: int
    rate: BitsPerSecond
    rack_units: int | None
    power: Watts | None
    uplink_ports: int | None
    uplink_rate: BitsPerSecond | None
    sonic_platform: str | None = None
    sonic_sku: str | None = None
    sonic_lanes: int | None = None
    sonic_name_step: int | None = None
    sonic_lane_step: int | None = None
    sonic_breakouts: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def worst_power(self) -> Watts | None:
        """The upper end of `power` where it is a range, else `power`: what a feed must carry."""
        figure = self.source_of("power")
        return self.power if figure is None else figure.worst(Watts)


def of_row(row: Row) -> SwitchModel:
    """Build one switch from its row."""
    modes = {}
    for parts in _PARTS:
        mode = row.text(f"sonic_breakouts.{parts}")
        if mode is not None:
            modes[parts] = mode
    # A figure is text; only these two values are types of a switch.
    kind: SwitchKind = "infiniband" if row.text("kind") == "infiniband" else "ethernet"
    return SwitchModel(
        name=row.name(),
        figures=row.figures,
        vendor=row.name("vendor"),
        kind=kind,
        ports=row.needed_whole("ports"),
        rate=row.needed_quantity("rate", BitsPerSecond),
        rack_units=row.whole("rack_units"),
        power=row.quantity("power", Watts),
        uplink_ports=row.whole("uplink_ports"),
        uplink_rate=row.quantity("uplink_rate", BitsPerSecond),
        sonic_platform=row.text("sonic_platform"),
        sonic_sku=row.text("sonic_sku"),
        sonic_lanes=row.whole("sonic_lanes"),
        sonic_name_step=row.whole("sonic_name_step"),
        sonic_lane_step=row.whole("sonic_lane_step"),
        sonic_breakouts=MappingProxyType(modes),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, SwitchModel]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("switches.json")})


def switches() -> tuple[SwitchModel, ...]:
    """Return every switch of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("switch").values())


def switch(name: str) -> SwitchModel:
    """Return one switch.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("switch", name, _by_name())

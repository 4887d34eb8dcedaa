"""Switches: radix, rate, kind and power.

The power of a switch depends on what is plugged into it: its figure is a range from passive cables to optics
in every cage. Plans and verdicts take the upper end.

>>> qm9700 = switch("qm9700")
>>> qm9700.kind, qm9700.ports, str(qm9700.rate), str(qm9700.worst_power)
('infiniband', 64, '400 Gbps', '1.72 kW')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cache
from types import MappingProxyType
from typing import Literal

from sovereign_ai.catalog.figures import Figure, Grade, Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.catalog.model_names import model_hint
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond, Watts

SwitchKind = Literal["infiniband", "ethernet"]
BREAKOUT_PARTS = (1, 2, 4, 8)
"""Numbers of parts that a port can be split into."""


@frozen_dataclass(kw_only=True)
class SwitchModel(Sourced):
    """One fixed-port switch.

    Attributes:
        vendor: the supplier's name in `suppliers`.
        kind: `infiniband` or `ethernet`.
        ports: ports of the full rate: the radix.
        rate: rate of each port.
        rack_units: height; None where unknown.
        power: power draw; None where no source gives it. `power_figure` has a range then.
        uplink_ports: ports of another rate for links upwards, beside `ports`; None where it has none.
        uplink_rate: their rate.
        cages: cages for its ports of the full rate, where not one each; 0 where fibres plug into the switch
            itself. None: one a port.
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
    cages: int | None = None
    sonic_platform: str | None = None
    sonic_sku: str | None = None
    sonic_lanes: int | None = None
    sonic_name_step: int | None = None
    sonic_lane_step: int | None = None
    sonic_breakouts: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def power_figure(self) -> Figure:
        """The row's power; where it has none, the range of its ports."""
        return self.source_of("power") or ports_power(self.ports_by_rate, "no watts in its row")

    @property
    def ports_by_rate(self) -> dict[BitsPerSecond, int]:
        """The number of its ports by their rate."""
        ports = {self.rate: self.ports}
        if self.uplink_ports:
            rate = self.uplink_rate or self.rate
            ports[rate] = ports.get(rate, 0) + self.uplink_ports
        return ports

    @property
    def worst_power(self) -> Watts:
        """The upper end of its power: what a feed must carry."""
        return self.power_figure.worst(Watts)


def of_row(row: Row) -> SwitchModel:
    """Build one switch from its row."""
    modes = {}
    for parts in BREAKOUT_PARTS:
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
        rack_units=row.integer("rack_units"),
        power=row.quantity("power", Watts),
        uplink_ports=row.integer("uplink_ports"),
        uplink_rate=row.quantity("uplink_rate", BitsPerSecond),
        cages=row.integer("cages"),
        sonic_platform=row.text("sonic_platform"),
        sonic_sku=row.text("sonic_sku"),
        sonic_lanes=row.integer("sonic_lanes"),
        sonic_name_step=row.integer("sonic_name_step"),
        sonic_lane_step=row.integer("sonic_lane_step"),
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


def port_power(rate: BitsPerSecond) -> tuple[float, float]:
    """Return the least and the most watts that one port of a switch draws, by the package's own switches.

    Those with ports of this rate decide; where there is none, those of the next lower rate give the least and
    those of the next higher rate the most, and beyond the ends of the table the watts follow the rate.
    """
    lows: dict[int, float] = {}
    highs: dict[int, float] = {}
    for model in _by_name().values():
        figure, per_second = model.source_of("power"), model.rate.count
        if figure is None or figure.low is None or figure.high is None:
            continue
        lows[per_second] = min(lows.get(per_second, math.inf), figure.low / model.ports)
        highs[per_second] = max(highs.get(per_second, 0.0), figure.high / model.ports)
    lower = max((known for known in lows if known <= rate.count), default=min(lows))
    higher = min((known for known in highs if known >= rate.count), default=max(highs))
    least = lows[lower] * min(1.0, rate.count / lower)
    most = highs[higher] * max(1.0, rate.count / higher)
    return least, most


def ports_power(ports: Mapping[BitsPerSecond, int], lack: str = "no model") -> Figure:
    """Return the power of a switch of which the ports are known and no watts, as a range in watts.

    Args:
        ports: the number of its ports by their rate.
        lack: why the ports decide.

    Returns:
        An estimate; its value is the upper end, which plans take.
    """
    least = most = 0.0
    for rate, count in ports.items():
        low, high = port_power(rate)
        least += count * low
        most += count * high
    parts = " and ".join(f"{counted(count, 'port')} of {rate}" for rate, count in ports.items())
    reads = []
    for model in _by_name().values():
        figure = model.source_of("power")
        if figure is not None:
            reads.append(figure.read)
    return Figure(
        field="power",
        value=math.ceil(most),
        low=math.floor(least),
        high=math.ceil(most),
        unit="W",
        source=f"{lack}: {parts}, each within what a port of the rate draws in the catalogue's switches",
        read=max(reads),
        grade=Grade.ESTIMATE,
    )


def switch_hint(text: str, names: Iterable[str] | None = None) -> str:
    """Return a hint with the switches that a text may mean.

    >>> switch_hint("MQM9700-NS2F")
    "did you mean 'qm9700'?"

    Args:
        text: what the user wrote.
        names: the switches that may be named; all of them where it is left out.
    """
    known = [model.name for model in switches()] if names is None else names
    return model_hint(text, known, own="a switch of your own is a row of kind switch in 'catalog'")


def switch(name: str) -> SwitchModel:
    """Return one switch.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("switch", name, _by_name())

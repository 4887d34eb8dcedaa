"""How SONiC names and wires the ports of a switch model.

SONiC names an interface after its port's position, but how depends on the model: on an SN5600 port 2 is
`Ethernet8`, on an SN4600C `Ethernet4`, on an SN2201 `Ethernet1`. The number in a name is not always the first
lane either: port 2 of an SN4600C has lanes 8 to 11. The catalogue holds both steps by model, read from
SONiC's own platform files.

    >>> panel = front_panel("sn5600", 800 * 10**9, breakout=2)
    >>> panel.port("3/2").name, panel.port("3/2").lanes
    ('Ethernet20', (20, 21, 22, 23))
    >>> panel = front_panel("sn4600c", 100 * 10**9)
    >>> panel.port("2").name, panel.port("2").lanes
    ('Ethernet4', (8, 9, 10, 11))
"""

from __future__ import annotations

from functools import cache

from sovereign_ai.catalog.switch import switch
from sovereign_ai.frozen_dataclass import frozen_dataclass

_LANES_BY_RATE = ((25 * 10**9, 1), (100 * 10**9, 4))
"""(Bits a second of a whole port, at most; its lanes): SFP and QSFP."""
_MOST_LANES = 8
"""Lanes of faster ports (QSFP-DD, OSFP)."""


@frozen_dataclass
class PanelPort:
    """One port, or one part of a split port, as SONiC defines it.

    Attributes:
        name: the interface's name, `Ethernet20`.
        lanes: the lanes of the switch chip that it uses.
        index: the number on the front panel, from 1.
        subport: the part of a split port, from 1; 0 where the port is whole.
    """

    name: str
    lanes: tuple[int, ...]
    index: int
    subport: int


@frozen_dataclass
class FrontPanel:
    """The ports of one switch model.

    Attributes:
        platform: SONiC's platform; empty where the model is not known, and its lanes are assumed from the
            rate.
        sku: SONiC's hardware SKU; empty where the model is not known.
        lanes: lanes of a whole port.
        name_step: difference of the numbers in the names of two neighbouring ports.
        lane_step: difference of the first lanes of two neighbouring ports.
        breakout: number of parts that every port is split into.
        mode: SONiC's name of that breakout; empty where its platform file has none.
        before: number of ports before the first of these, where a switch has ports of two kinds.
        first_number: the number in the name of the first of these ports.
        first_lane: its first lane.
    """

    platform: str
    sku: str
    lanes: int
    name_step: int
    lane_step: int
    breakout: int
    mode: str
    before: int = 0
    first_number: int = 0
    first_lane: int = 0

    def port(self, name: str) -> PanelPort:
        """Return a port by the plan's name, `7` or `3/2`."""
        whole, _, part = name.partition("/")
        index, subport = int(whole), int(part or 0)
        width = self.lanes // self.breakout
        # Ports and their parts are numbered from 1, names and lanes from 0.
        offset = max(subport - 1, 0)
        name_step_of_part = self.name_step // self.breakout
        position = index - 1 - self.before
        number = self.first_number + position * self.name_step + offset * name_step_of_part
        first = self.first_lane + position * self.lane_step + offset * width
        lanes = tuple(range(first, first + width))
        return PanelPort(f"Ethernet{number}", lanes, index, subport)

    def parent(self, name: str) -> str:
        """Return the interface name of a part's whole port, the key of SONiC's breakout table."""
        position = int(name.partition("/")[0]) - 1 - self.before
        return f"Ethernet{self.first_number + position * self.name_step}"


def panel_behind(panel: FrontPanel, ports: int, rate: int, breakout: int = 1) -> FrontPanel:
    """Return the panel of a switch's ports for spines alone, which follow its other ports.

    Their numbers count on from the others, by as many as a port has lanes. That is the convention of SONiC's
    port files; it was not confirmed model by model.

    Args:
        panel: the other ports.
        ports: how many there are.
        rate: bits a second of a whole port for spines.
        breakout: number of parts that it is split into.
    """
    lanes = next((count for most, count in _LANES_BY_RATE if rate <= most), _MOST_LANES)
    return FrontPanel(
        platform=panel.platform,
        sku=panel.sku,
        lanes=lanes,
        name_step=lanes,
        lane_step=lanes,
        breakout=breakout,
        mode="",
        before=ports,
        first_number=ports * panel.name_step,
        first_lane=ports * panel.lane_step,
    )


@cache
def front_panel(model: str | None, rate: int, breakout: int = 1) -> FrontPanel:
    """Return the front panel of a switch.

    Args:
        model: the switch's catalogue name; None where the description names none.
        rate: bits a second of a whole port.
        breakout: number of parts that every port is split into.
    """
    known = switch(model) if model else None
    if (
        known
        and known.sonic_lanes
        and known.sonic_name_step
        and known.sonic_lane_step
        and known.sonic_lanes % breakout == 0
    ):
        return FrontPanel(
            platform=known.sonic_platform or "",
            sku=known.sonic_sku or "",
            lanes=known.sonic_lanes,
            name_step=known.sonic_name_step,
            lane_step=known.sonic_lane_step,
            breakout=breakout,
            mode=known.sonic_breakouts.get(breakout, ""),
        )
    lanes = next((count for most, count in _LANES_BY_RATE if rate <= most), _MOST_LANES)
    # No model is known to split like that. The lanes are rounded up so that every part has at least one,
    # since names would not be distinct otherwise.
    lanes_of_part = -(-lanes // breakout)
    lanes = lanes_of_part * breakout
    return FrontPanel("", "", lanes, lanes, lanes, breakout, "")

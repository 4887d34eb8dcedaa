"""What a link is made of: fixed cables and optics, with their reach, stock lengths and connectors.

A row is for one rate of a lane, since reach follows from it: eight lanes of 100 Gbps are a cage of 800 Gbps,
four are half of one, or a cage of 400 Gbps.

>>> dac = link_medium("dac", 100)
>>> dac.reach_of(split=False), dac.reach_of(split=True), dac.stock(split=False)
(200, 300, (50, 100, 150, 200))
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, rows
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import BitsPerSecond, Metres

FIXED = ("dac", "acc", "aec", "aoc")
"""Media with a plug at each end and no connector between."""
OPTICAL = ("sr", "dr", "lpo", "fr")
"""Media of a transceiver at each end and fibre between."""
_CENTIMETRES = 100
_GIGABIT = 10**9


@frozen_dataclass(kw_only=True)
class LinkMedium(Sourced):
    """One medium at one rate of a lane.

    Attributes:
        medium: one of `FIXED` or `OPTICAL`, or `twisted-pair`.
        lane: rate of a lane.
        reach: longest cable between two ends.
        lengths: metres in which it is stocked.
        split_reach: the same for a cable of one end to several; None where none is sold.
        split_lengths: the same for its stock.
        connector: the fibre's connector, `MPO-12` or `LC duplex`; None for fixed cables.
        polish: of the connector's face, `APC` or `UPC`; None where it has no choice.
        fibre: the kind of fibre; None for copper and fixed cables.
    """

    medium: str
    lane: BitsPerSecond
    reach: Metres
    lengths: str
    split_reach: Metres | None
    split_lengths: str | None
    connector: str | None
    polish: str | None
    fibre: str | None

    def reach_of(self, *, split: bool) -> int:
        """Return the longest cable in centimetres; 0 where a split one is not sold."""
        reach = self.split_reach if split else self.reach
        return 0 if reach is None else reach.count

    def stock(self, *, split: bool) -> tuple[int, ...]:
        """Return the lengths that are sold, in centimetres, rising."""
        return _lengths((self.split_lengths if split else self.lengths) or "")

    def __hash__(self) -> int:
        """Hash by name: pieces are counted by their medium, half a million of them."""
        return hash(self.name)


@cache
def _lengths(text: str) -> tuple[int, ...]:
    """Return lengths such as `0.5, 1` in centimetres."""
    lengths = [round(float(metres) * _CENTIMETRES) for metres in text.split(",") if metres]
    return tuple(sorted(lengths))


def _of_row(row: Row) -> LinkMedium:
    """Build one medium from its row."""
    return LinkMedium(
        name=row.name(),
        figures=row.figures,
        medium=row.name("medium"),
        lane=row.needed_quantity("lane", BitsPerSecond),
        reach=row.needed_quantity("reach", Metres),
        lengths=row.needed_text("lengths"),
        split_reach=row.quantity("split_reach", Metres),
        split_lengths=row.text("split_lengths"),
        connector=row.text("connector"),
        polish=row.text("polish"),
        fibre=row.text("fibre"),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_lane() -> Mapping[tuple[str, int], LinkMedium]:
    """Read the table once."""
    media = {}
    for row in rows("link_media.json"):
        medium = _of_row(row)
        media[medium.medium, medium.lane.count // _GIGABIT] = medium
    return MappingProxyType(media)


def link_media() -> tuple[LinkMedium, ...]:
    """Return every medium."""
    return tuple(_by_lane().values())


def link_medium(medium: str, gbps: int) -> LinkMedium | None:
    """Return a medium at a rate of a lane in Gbps; None where none is sold."""
    return _by_lane().get((medium, gbps))

"""Our end of links to the outside: a transceiver, and a cord to where the link is handed over.

What stands at the far end is a carrier's or a customer's, and so are its optic and the fibre to it: neither
is ordered. The description names the optic that both ends agree on (`border.optic`). Where it does not, the
optic is of single mode, as links between operators are: one pair of fibres where the port is whole, parallel
fibres where it is split. Ports of twisted pairs have a patch cord.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sovereign_ai.catalog import LinkMedium, UnknownNameError, link_medium
from sovereign_ai.catalog.parts import CatalogPart, part
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cabling.cages import GIGABIT, CageKind
from sovereign_ai.plan.cabling.parts import PARALLEL, Part, engines_of, optic_part
from sovereign_ai.plan.fabric.outside_optics import links_of_optic
from sovereign_ai.spec import Cabling
from sovereign_ai.units import Watts

_MEDIA = ("fr", "dr", "lpo", "sr")
"""Media of links to the outside in the order in which they are taken."""
_INTEGRATED = ("dr", "lpo")
"""Media of optics that are built into a switch."""
_LANE = 100
"""Gbps of a lane of optics in cages of eight lanes of half of it."""
_TIMES = 10_000
"""Steps of a share in a whole."""
_TRANSCEIVER = re.compile(r".*-(?P<gbps>\d+)g-(?:(?P<count>\d)x)?(?P<engine>[a-z]+\d)")


class OutsideMedium(NamedTuple):
    """What our end of a link is made of.

    Attributes:
        medium: the medium of its cord.
        lane: Gbps of a lane.
        optic: the transceiver that the description names; None where it follows from cage and medium.
    """

    medium: LinkMedium
    lane: int
    optic: Part | None = None


@frozen_dataclass
class OutsideUse:
    """Links to the outside of one fabric at one site.

    Attributes:
        site: the site.
        fabric: the fabric.
        gbps: rate of a link.
        links: how many.
        medium: what our end is made of; None where nothing that the description permits fits the ports.
        plug: name of the transceiver, or of the patch cord; empty where there is none.
        is_described: whether the description names the optic.
        plugs: transceivers at our end.
        watts: what they draw, at the upper end of their figures; None where no row of the catalogue says it.
            The switches' power is counted with optics in all ports, so it contains them.
        cord: centimetres of a cord; None where it is open.
    """

    site: str
    fabric: str
    gbps: int
    links: int
    medium: LinkMedium | None
    plug: str
    is_described: bool
    plugs: int
    watts: int | None
    cord: int | None


def outside_medium(
    cage: CageKind, gbps: int, cord: int | None, optic: str, cabling: Cabling
) -> OutsideMedium | None:
    """Return what our end of links to the outside is made of; None where nothing permitted fits.

    Args:
        cage: the cage of our port.
        gbps: rate of a link.
        cord: centimetres of its cord; None where it is open.
        optic: the catalogue's name of the optic; empty where none is described.
        cabling: what may be used.
    """
    if optic:
        return _of_optic(part(optic), gbps)
    wanted = -(-(cord or 0) * (_TIMES + cabling.slack.count) // _TIMES)
    if cage.form == "RJ45":
        pairs = link_medium("twisted-pair", 10)
        if pairs is None or wanted > pairs.reach.count:
            return None
        return OutsideMedium(pairs, gbps)
    lane = cage.lane
    if cage.lanes > PARALLEL and lane < _LANE and gbps % _LANE == 0:
        lane = _LANE
    for name in _permitted(cage, cabling.media):
        medium = link_medium(name, lane)
        if medium is None or wanted > medium.reach.count:
            continue
        width, rest = divmod(gbps, lane)
        lanes = min(cage.gbps // lane, PARALLEL)
        # Optics that mix wavelengths have one pair of fibres for all lanes of an engine.
        is_mixed = medium.connector != "MPO-12"
        if not rest and width in (1, 2, 4, 8) and (not is_mixed or width % lanes == 0):
            return OutsideMedium(medium, lane)
    return None


def _permitted(cage: CageKind, media: Sequence[str]) -> list[str]:
    """Return the media that a description permits, in order; of a switch with its optics those it has."""
    usable = _INTEGRATED if cage.form == "fibre" else _MEDIA
    return [name for name in usable if name in media]


def _of_optic(optic: CatalogPart, gbps: int) -> OutsideMedium | None:
    """Return what a described optic is made of."""
    pairs = (optic.fibres or 0) // 2 // max(links_of_optic(optic, gbps * GIGABIT), 1)
    if (optic.fibres or 0) <= 2 * engines_of(optic):
        # A cord of one pair carries four lanes, however they are mixed.
        medium, lane = link_medium("fr", _LANE), gbps // (PARALLEL * max(pairs, 1))
    else:
        kind = "sr" if optic.name.startswith("sr") else "dr"
        lane = gbps // max(pairs, 1)
        medium = link_medium(kind, lane) or link_medium(kind, _LANE)
    if medium is None:
        return None
    return OutsideMedium(medium, max(lane, 1), optic_part(optic, "ethernet"))


def plug_watts(plug: str, optic: str) -> int | None:
    """Return the watts of a transceiver at the upper end; None where no row of the catalogue says them.

    Args:
        plug: its name in an order.
        optic: the catalogue's name of it; empty where none is described.

    >>> plug_watts("qsfp-dd-400g-fr4", ""), plug_watts("osfp-800g-2xfr4", ""), plug_watts("cat5e", "")
    (12, 18, None)
    """
    match = _TRANSCEIVER.fullmatch(plug)
    if not optic and match is None:
        return None
    if not optic and match is not None:
        many = f"x{match['count']}" if match["count"] else ""
        optic = f"{match['engine']}{many}-{match['gbps']}g"
    try:
        figure = part(optic).source_of("power")
    except UnknownNameError:
        return None
    return None if figure is None else figure.worst(Watts).count

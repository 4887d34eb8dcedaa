"""The pieces of each group of links: one fixed cable, or transceivers with fibres between them.

A fixed cable needs a group that one cable can serve: two cages of one rate, or one cage and those of a part
of its rate. Every other group has a transceiver in each cage and a fibre for each link. Media are tried in
the order of the description, and the first that reaches is taken.

MPO polarity: transceivers send by fibres 1 to 4 and receive by 9 to 12, so that a channel must reverse the
fibres an odd number of times. One Type B cord does once; two Type B cords and a Type B trunk do three times
(ANSI/TIA-568.3, method B). Type C crosses pairs of duplex links and is never right for parallel optics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sovereign_ai.catalog import FIXED, LinkMedium, link_medium
from sovereign_ai.plan.cabling.cages import OUTSIDE, CageKind
from sovereign_ai.plan.cabling.links import FabricLinks, Link
from sovereign_ai.plan.cabling.outside import outside_medium
from sovereign_ai.plan.cabling.parts import (
    PARALLEL,
    SHUFFLE,
    Part,
    fibre,
    split_cable,
    straight_cable,
    transceiver,
    twisted_cable,
)
from sovereign_ai.spec import Cabling

OPEN = None
"""The length of a piece whose way is not known."""
NO_LENGTH = 0
"""The length of a piece that has none, such as a transceiver."""
_FIBRES = {"MPO-12": 12, "LC duplex": 2}
_TIMES = 10_000
"""Steps of a share in a whole."""
_WITHOUT_LENGTH = ("dr", "lpo", "fr", "sr")
"""Optics in the order in which they are taken where no length is known: single mode first."""
_WITHOUT_PLUG = ("fibre", OUTSIDE)
"""Forms of cages into which no transceiver of ours is plugged."""
_MOST_LEGS = 4
"""Ends into which a fixed cable is split."""


class Piece(NamedTuple):
    """One thing to order, once.

    Attributes:
        part: what it is.
        length: centimetres as stocked; `NO_LENGTH` or `OPEN`.
        phase: number of the phase from which on it is needed.
        cages: cages that it is plugged into.
        links: links that it carries, of a transceiver none.
        fibres: its fibres.
    """

    part: Part
    length: int | None
    phase: int
    cages: tuple[int, ...]
    links: tuple[int, ...]
    fibres: int = 0


class MediumChoice(NamedTuple):
    """What a group of links is made of.

    Attributes:
        medium: the medium.
        part: the fixed cable; None of optics.
        lane: Gbps of an optical lane.
        optic: the transceiver, where the description names it.
    """

    medium: LinkMedium
    part: Part | None
    lane: int
    optic: Part | None = None


class TrunkUse(NamedTuple):
    """Connectors of a trunk that links take.

    Attributes:
        medium: what is sent over it.
        rows: hall and row of its ends, in order.
        length: its route in centimetres.
        phase: number of the phase from which on they are needed.
        connectors: how many.
    """

    medium: LinkMedium
    rows: tuple[tuple[str, int], ...]
    length: int
    phase: int
    connectors: int


class GroupShape(NamedTuple):
    """What decides the medium of a group.

    Attributes:
        hub: the cage that all links share; None where there is none, or only optics can serve the group.
        spoke: the cages at the other ends.
        lane: Gbps of a lane at both ends; 0 where they differ.
        optical_lane: Gbps of a lane of optics.
        gbps: rate of a link.
        length: the longest route in centimetres; None where one is open.
        over_panels: a link goes over patch panels.
        optics_only: a cage has its optics built in.
    """

    hub: CageKind | None
    spoke: CageKind | None
    lane: int
    optical_lane: int
    gbps: int
    length: int | None
    over_panels: bool
    optics_only: bool


class Assembler:
    """Makes the pieces of the groups of one fabric."""

    def __init__(self, links: FabricLinks, cabling: Cabling) -> None:
        """Take the links and how they are to be cabled."""
        self._links = links
        self._cabling = cabling
        self._choices: dict[GroupShape, MediumChoice | None] = {}

    def choice(self, group: Sequence[int]) -> MediumChoice | None:
        """Return what a group is made of; None where no medium reaches."""
        if all(map(self._links.is_outside, group)):
            return self._outside_choice(group)
        shape = self._shape(group)
        if shape not in self._choices:
            self._choices[shape] = _choice(shape, self._cabling)
        return self._choices[shape]

    def _outside_choice(self, group: Sequence[int]) -> MediumChoice | None:
        """Return what our end of links to the outside is made of; all of a fabric are alike."""
        link = self._links.links[group[0]]
        cage = self._links.kinds[link.far]
        optic = self._links.outside_optic
        chosen = outside_medium(cage, link.gbps, link.route.length, optic, self._cabling)
        return None if chosen is None else MediumChoice(chosen.medium, None, chosen.lane, chosen.optic)

    def pieces(self, group: Sequence[int], choice: MediumChoice) -> Iterator[Piece]:
        """Yield the pieces of a group."""
        links = [self._links.links[number] for number in group]
        if choice.part is not None:
            yield self._fixed(group, links, choice.medium, choice.part)
            return
        if choice.medium.medium == "twisted-pair":
            yield from self._twisted(group, links, choice)
            return
        yield from self._transceivers(links, choice)
        width = max(links[0].gbps // choice.lane, 1)
        for bundle in self._bundles(group, width, choice):
            yield from self._cords(bundle, width, choice)

    def trunk_uses(self, group: Sequence[int], choice: MediumChoice) -> Iterator[TrunkUse]:
        """Yield what the links of a group take of trunks: a connector for each four lanes or part of them."""
        if choice.part is not None or choice.medium.connector != "MPO-12":
            return
        width = max(self._links.links[group[0]].gbps // choice.lane, 1)
        for numbers, split in self._bundles(group, width, choice):
            if split == "both":
                continue
            links = [self._links.links[number] for number in numbers]
            # Past a split each link has a connector of its own.
            for link in links if split else links[:1]:
                if link.route.legs:
                    connectors = max(width // PARALLEL, 1)
                    legs, rows = link.route.legs, link.route.rows
                    yield TrunkUse(choice.medium, rows, legs[1], link.phase, connectors)

    def _shape(self, group: Sequence[int]) -> GroupShape:
        """Return what decides the medium of a group."""
        links = [self._links.links[number] for number in group]
        kinds = self._links.kinds
        # A link to the outside that shares a cage with others takes what they have.
        first = next(link for link in links if kinds[link.near].form != OUTSIDE)
        near, far = kinds[first.near], kinds[first.far]
        lane = near.lane if near.lane == far.lane else 0
        longest: int | None = 0
        over_panels = False
        for link in links:
            length = link.route.length
            longest = None if longest is None or length is None else max(longest, length)
            over_panels = over_panels or bool(link.route.legs)
        hub, spoke = self._star(links)
        integrated = "fibre" in (near.form, far.form)
        return GroupShape(
            hub=hub,
            spoke=spoke,
            lane=lane,
            optical_lane=_optical_lane(near, far, first.gbps),
            gbps=first.gbps,
            length=longest,
            over_panels=over_panels,
            optics_only=integrated,
        )

    def _star(self, links: Sequence[Link]) -> tuple[CageKind | None, CageKind | None]:
        """Return hub and spokes of a group that one fixed cable can serve."""
        nears = {link.near for link in links}
        fars = {link.far for link in links}
        if any(self._links.kinds[near].form == OUTSIDE for near in nears):
            return None, None
        if len(nears) > 1 and len(fars) > 1:
            return None, None
        hubs, spokes = (fars, nears) if len(fars) == 1 else (nears, fars)
        kinds = self._links.kinds
        hub = kinds[next(iter(hubs))]
        ends = {kinds[number] for number in spokes}
        if len(ends) > 1:
            return None, None
        spoke = next(iter(ends))
        if hub.gbps < spoke.gbps and len(spokes) == 1:
            hub, spoke = spoke, hub
        legs, rest = divmod(hub.gbps, spoke.gbps)
        if rest or len(spokes) > legs or legs > _MOST_LEGS:
            return None, None
        # A plug of a part of the rate fits a cage of that rate alone.
        if legs > 1 and len(links) * links[0].gbps > len(spokes) * spoke.gbps:
            return None, None
        return hub, spoke

    def _fixed(self, group: Sequence[int], links: Sequence[Link], medium: LinkMedium, part: Part) -> Piece:
        """Return the fixed cable of a group."""
        cages: dict[int, None] = {}
        longest, phase = 0, links[0].phase
        for link in links:
            cages[link.near] = cages[link.far] = None
            longest = max(longest, link.route.length or 0)
            phase = min(phase, link.phase)
        is_split = len({self._links.kinds[cage].gbps for cage in cages}) > 1
        wanted = with_slack(longest, self._cabling)
        length = stock_length(medium, wanted, split=is_split)
        is_guess = any(link.route.is_guess for link in links)
        return Piece(part, OPEN if is_guess else length, phase, tuple(cages), tuple(group))

    def _twisted(self, group: Sequence[int], links: Sequence[Link], choice: MediumChoice) -> Iterator[Piece]:
        """Yield a patch cord for each link of twisted pairs."""
        for number, link in zip(group, links, strict=True):
            length = self._length(link, link.route.length, choice.medium)
            cages = (link.near, link.far)
            yield Piece(twisted_cable(link.gbps), length, link.phase, cages, (number,))

    def _transceivers(self, links: Sequence[Link], choice: MediumChoice) -> Iterator[Piece]:
        """Yield a transceiver for each cage, from the first phase in which it is used."""
        phases: dict[int, int] = {}
        for link in links:
            for cage in (link.near, link.far):
                phases[cage] = min(link.phase, phases.get(cage, link.phase))
        for cage, phase in phases.items():
            kind = self._links.kinds[cage]
            if kind.form not in _WITHOUT_PLUG:
                plug = choice.optic or transceiver(choice.medium, kind, choice.lane)
                yield Piece(plug, NO_LENGTH, phase, (cage,), ())

    def _bundles(
        self, group: Sequence[int], width: int, choice: MediumChoice
    ) -> Iterator[tuple[list[int], str]]:
        """Yield links that share a cord, and where it is split: `near`, `far`, nowhere, or at `both` ends."""
        links = self._links.links
        is_pair = choice.medium.connector != "MPO-12"
        if width >= PARALLEL or is_pair:
            for number in group:
                yield [number], ""
            return
        each = PARALLEL // width
        near_of: dict[tuple[int, int], list[int]] = {}
        far_of: dict[tuple[int, int], list[int]] = {}
        for number in group:
            link = links[number]
            near_of.setdefault((link.near, link.near_position // each), []).append(number)
            far_of.setdefault((link.far, link.far_position // each), []).append(number)
        done: set[int] = set()
        for number in group:
            if number in done:
                continue
            link = links[number]
            nears = near_of[link.near, link.near_position // each]
            fars = far_of[link.far, link.far_position // each]
            bundle, split = _bundle(nears, fars, number)
            if bundle == [number] and not split:
                split = self._wide_end(link, width, choice.lane)
            done.update(bundle)
            yield bundle, split

    def _wide_end(self, link: Link, width: int, lane: int) -> str:
        """Return the end at which one link alone takes a part of a connector; empty where neither or both."""
        kinds = self._links.kinds
        wide = [kinds[cage].gbps // lane > width for cage in (link.near, link.far)]
        if kinds[link.near].form == OUTSIDE:
            wide[0] = False
        return "" if wide[0] == wide[1] else ("near", "far")[wide[1]]

    def _cords(self, bundle: tuple[list[int], str], width: int, choice: MediumChoice) -> Iterator[Piece]:
        """Yield the cords of links that share a connector: one, or with panels one at each end."""
        numbers, split = bundle
        links = [self._links.links[number] for number in numbers]
        medium = choice.medium
        carried = tuple(numbers)
        phase = min(link.phase for link in links)
        if split == "both":
            yield Piece(SHUFFLE, OPEN, phase, (), carried)
            return
        # The cord of the longest way serves all; those of a split reach as far as the farthest.
        longest = max(links, key=_route_length)
        count = max(width // PARALLEL, 1)
        is_lc = medium.connector != "MPO-12" or (width == 1 and not split and len(links) == 1)
        fibres = _FIBRES["LC duplex"] if is_lc else _FIBRES["MPO-12"]
        shared = PARALLEL if len(links) > 1 and not split else width
        cord = fibre(medium, shared, PARALLEL // width if split else 1)
        over_panels = any(link.route.legs for link in links)
        if not over_panels or is_lc:
            length = self._length(longest, longest.route.length, medium)
            for _ in range(count):
                yield Piece(cord, length, phase, (), carried, fibres)
            return
        for end, leg in (("near", 0), ("far", 2)):
            if split and split != end:
                yield from self._ends_of_split(numbers, leg, medium)
                continue
            # A split cord may have ends at a panel and ends at machines of its own row.
            ways = [link.route.legs[leg] if link.route.legs else link.route.length or 0 for link in links]
            length = self._length(longest, max(ways), medium)
            for _ in range(count):
                yield Piece(cord, length, phase, (), carried, fibres)

    def _ends_of_split(self, numbers: Sequence[int], leg: int, medium: LinkMedium) -> Iterator[Piece]:
        """Yield the cords behind the panels of a split: one for each link that goes over them."""
        cord = fibre(medium, PARALLEL, 1)
        for number in numbers:
            link = self._links.links[number]
            if link.route.legs:
                length = self._length(link, link.route.legs[leg], medium)
                yield Piece(cord, length, link.phase, (), (number,), _FIBRES["MPO-12"])

    def _length(self, link: Link, route: int | None, medium: LinkMedium) -> int | None:
        """Return the stock length of a link's cord; `OPEN` where its way is not known."""
        if link.route.is_guess or route is None:
            return OPEN
        return stock_length(medium, with_slack(route, self._cabling), split=False)


def _bundle(nears: list[int], fars: list[int], number: int) -> tuple[list[int], str]:
    """Return the links that share a cord with one link, and where the cord is split."""
    if nears == fars:
        return nears, ""
    if len(fars) == 1:
        return nears, "near"
    if len(nears) == 1:
        return fars, "far"
    return [number], "both"


def _route_length(link: Link) -> int:
    return link.route.length or 0


def with_slack(centimetres: int, cabling: Cabling) -> int:
    """Return a length with the slack that is described, rounded up."""
    return -(-centimetres * (_TIMES + cabling.slack.count) // _TIMES)


def stock_length(medium: LinkMedium, wanted: int, *, split: bool) -> int:
    """Return the first stock length of at least so many centimetres; the length itself where stock ends."""
    for length in medium.stock(split=split):
        if length >= wanted:
            return length
    return wanted


def _optical_lane(near: CageKind, far: CageKind, gbps: int) -> int:
    """Return Gbps of an optical lane: that of the faster end, as its transceiver converts none.

    Eight lanes of 50 Gbps in a QSFP-DD are sent as four of 100 Gbps.
    """
    lane = max(near.lane, far.lane)
    if gbps == lane * 2 * PARALLEL and lane < 100:
        return lane * 2
    return lane


def _choice(shape: GroupShape, cabling: Cabling) -> MediumChoice | None:
    """Return the first medium that reaches and fits."""
    if shape.spoke is not None and shape.spoke.form == "RJ45":
        return _twisted_choice(shape, cabling)
    media = cabling.media
    if shape.length is None:
        media = tuple(name for name in _WITHOUT_LENGTH if name in cabling.media)
    for name in media:
        if name in FIXED:
            choice = _fixed_choice(name, shape, cabling)
        else:
            choice = _optical_choice(name, shape, cabling)
        if choice is not None:
            return choice
    return None


def _twisted_choice(shape: GroupShape, cabling: Cabling) -> MediumChoice | None:
    """Return twisted pairs where they reach."""
    medium = link_medium("twisted-pair", 10)
    if medium is None or with_slack(shape.length or 0, cabling) > medium.reach.count:
        return None
    return MediumChoice(medium, None, shape.gbps)


def _fixed_choice(name: str, shape: GroupShape, cabling: Cabling) -> MediumChoice | None:
    """Return a fixed cable where one serves the group and reaches."""
    hub, spoke, length = shape.hub, shape.spoke, shape.length
    if hub is None or spoke is None or length is None or not shape.lane:
        return None
    if shape.over_panels or shape.optics_only:
        return None
    medium = link_medium(name, shape.lane)
    is_split = hub.gbps != spoke.gbps
    if medium is None or with_slack(length, cabling) > medium.reach_of(split=is_split):
        return None
    part = split_cable(name, hub, spoke) if is_split else straight_cable(name, hub, spoke)
    return MediumChoice(medium, part, shape.lane)


def _optical_choice(name: str, shape: GroupShape, cabling: Cabling) -> MediumChoice | None:
    """Return optics where they reach."""
    lane = shape.optical_lane
    medium = link_medium(name, lane)
    if medium is None or with_slack(shape.length or 0, cabling) > medium.reach.count:
        return None
    width, rest = divmod(shape.gbps, lane)
    # Optics that mix wavelengths take all lanes of an engine; a single lane needs no mixing.
    if rest or width not in (1, 2, 4, 8) or (medium.connector != "MPO-12" and width == 2):
        return None
    if shape.optics_only and name not in ("dr", "lpo"):
        return None
    return MediumChoice(medium, None, lane)

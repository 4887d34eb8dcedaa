"""The order list of a factory's cabling: every piece of every link, by what it is and when it is needed.

The pieces follow from the whole plan, whatever phase stands now, so that what is ordered for an early phase
is what the last one has: nothing is cabled again. A phase orders what its links need first, also a cable of
two ends of which one is used later.

    >>> from sovereign_ai.plan import plan
    >>> from sovereign_ai.spec import load
    >>> factory = load("stacks/lab")
    >>> order = order_cables(factory, plan(factory))
    >>> order.links == sum(len(plane.cables) for plane in plan(factory).fabrics)
    True

Links between buildings follow from the campus plan (see `buildings.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sovereign_ai.catalog import LinkMedium
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cabling.assemblies import NO_LENGTH, Assembler, MediumChoice, TrunkUse, stock_length
from sovereign_ai.plan.cabling.buildings import (
    BETWEEN_BUILDINGS,
    RouteCables,
    building_pieces,
    hall_routes,
    route_cables,
)
from sovereign_ai.plan.cabling.links import FabricLinks, Routes, fabric_links, plug_groups
from sovereign_ai.plan.cabling.outside import OutsideUse, plug_watts
from sovereign_ai.plan.cabling.parts import PANEL_PORTS, Part, panel, trunk
from sovereign_ai.plan.cabling.routes import places_of
from sovereign_ai.plan.cabling.row_switches import RowSwitches, row_switches
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name
from sovereign_ai.plan.factory import Plan, growth
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.racks import Rack
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import AIFactory, Cabling

SPARES, BETWEEN_ROWS = "spares", "between rows"
"""What a line is for, where it is for no fabric."""
TO_OUTSIDE = "to the outside"
"""What a line is for besides its fabric: our end of links to others."""
_WITHOUT_SPARES = ("trunk", "panel")
"""Kinds of part without spares: free connectors of a trunk and a panel are their reserve."""
_SHARE = 10_000
"""Steps of a share in a whole."""
_MPO_FIBRES = 12


@frozen_dataclass
class OrderLine:
    """Pieces of one kind.

    Attributes:
        site: where they are delivered.
        use: the fabric, `spares`, `between rows`, or the fabric and `to the outside`.
        phase: the phase of construction that orders them; empty where none is described.
        part: what they are.
        length: centimetres as stocked; 0 where they have none, None where it is open.
        pieces: how many.
    """

    site: str
    use: str
    phase: str
    part: Part
    length: int | None
    pieces: int


@frozen_dataclass
class MediumUse:
    """Links of one fabric that one medium carries.

    Attributes:
        site: the site.
        fabric: the fabric.
        medium: the medium; None where nothing that the description permits reaches.
        is_fixed: whether its cables have plugs at both ends.
        links: how many.
        longest: centimetres of the longest route; 0 where none is known.
        guesses: links of which an end has no rack.
        unknown: links of which no length is known.
    """

    site: str
    fabric: str
    medium: LinkMedium | None
    is_fixed: bool
    links: int
    longest: int
    guesses: int
    unknown: int


@frozen_dataclass
class CableOrder:
    """Everything that is ordered to cable a factory.

    Attributes:
        lines: the order list: by site, phase, use, kind, part and length.
        uses: which medium carries how many links of each fabric.
        links: links of the whole factory, those between buildings among them.
        phases: names of the phases, in order; empty where none is described.
        cabling: how it is cabled, defaults filled in.
        routes: what runs on the routes between buildings.
        row_switches: what would reach where twisted pairs do not.
        outside: links to the outside, of which our end is ordered; they are in `links` as well.
    """

    lines: tuple[OrderLine, ...]
    uses: tuple[MediumUse, ...]
    links: int
    phases: tuple[str, ...]
    cabling: Cabling
    routes: tuple[RouteCables, ...] = ()
    row_switches: tuple[RowSwitches, ...] = ()
    outside: tuple[OutsideUse, ...] = ()

    @property
    def unserved(self) -> int:
        """Links that nothing permitted reaches: they are in no line."""
        within = sum(use.links for use in self.uses if use.medium is None)
        return within + sum(use.links for use in self.outside if use.medium is None)

    @property
    def pieces(self) -> int:
        """Pieces of all lines, spares included."""
        return sum(line.pieces for line in self.lines)


class _Key(NamedTuple):
    """What pieces are counted by."""

    site: str
    use: str
    part: Part
    length: int | None


@dataclass
class _Tally:
    """Counts that grow while links are walked.

    Attributes:
        pieces: pieces by what they are and the number of their phase.
        connectors: connectors of trunks by medium, site, ends, length and phase.
        uses: links by site, fabric and medium.
        unreached: lower ends of twisted pairs that are too long, by site and fabric.
        outside: links to the outside by site, fabric and what our end is made of.
    """

    pieces: Counter[tuple[_Key, int]] = field(default_factory=Counter)
    connectors: Counter[tuple[str, TrunkUse]] = field(default_factory=Counter)
    uses: list[MediumUse] = field(default_factory=list)
    unreached: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    outside: list[OutsideUse] = field(default_factory=list)


def order_cables(factory: AIFactory, plan: Plan) -> CableOrder:
    """Return the order list of a factory.

    Args:
        factory: the description.
        plan: its plan. With phases the whole factory is laid out again, since a plan holds what stands now.
    """
    cabling = factory.cabling or Cabling()
    tally = _Tally()
    links = 0
    for fabric_part in every_link(factory, plan, cabling):
        links += len(fabric_part.links)
        _count(fabric_part, cabling, tally)
    if cabling.trunks is not None:
        _add_trunks(tally, cabling.trunks)
    _add_buildings(factory, plan, tally)
    routes = route_cables(factory, plan.campus)
    racks = growth(factory)[0].racks if factory.phases and tally.unreached else plan.racks
    proposals = tuple(_row_switches(factory, racks, tally))
    links += sum(route.links for route in routes)
    phases = tuple(phase.name for phase in factory.phases)
    _add_spares(tally, cabling, max(len(phases), 1))
    lines = sorted(_lines(tally, phases), key=_line_order(phases))
    uses, outside = tuple(tally.uses), tuple(tally.outside)
    return CableOrder(tuple(lines), uses, links, phases, cabling, routes, proposals, outside)


def every_link(factory: AIFactory, plan: Plan, cabling: Cabling) -> Iterator[FabricLinks]:
    """Yield the links of each fabric at each site."""
    racks: Sequence[Rack] = plan.racks
    nodes: Sequence[Node] = plan.nodes
    planes: Sequence[FabricPlan] = plan.fabrics
    first: Mapping[str, int] = {}
    if factory.phases:
        whole, first = growth(factory)
        racks, nodes, planes = whole.racks, whole.nodes, whole.planes
    routes = Routes(places_of(racks), cabling, hall_routes(factory))
    systems = {node.name: node.system for node in nodes}
    by_fabric: dict[tuple[str, str], list[FabricPlan]] = {}
    for plane in planes:
        by_fabric.setdefault((plane.site, plane.fabric), []).append(plane)
    fabrics = fabrics_by_name(factory)
    for (_, name), members in by_fabric.items():
        yield fabric_links(fabrics[name], members, systems, routes, first)


def _add_buildings(factory: AIFactory, plan: Plan, tally: _Tally) -> None:
    """Add the pieces of links between buildings."""
    if not plan.campus:
        return
    nodes: Sequence[Node] = plan.nodes
    first: Mapping[str, int] = {}
    if factory.phases:
        whole, first = growth(factory)
        nodes = whole.nodes
    for piece in building_pieces(factory, plan.campus, nodes, first):
        key = _Key(piece.site, BETWEEN_BUILDINGS, piece.part, piece.length)
        tally.pieces[key, piece.phase] += piece.pieces


def _count(links: FabricLinks, cabling: Cabling, tally: _Tally) -> None:
    """Count the pieces of one fabric."""
    assembler = Assembler(links, cabling)
    counts: Counter[tuple[LinkMedium | None, bool]] = Counter()
    guesses: Counter[tuple[LinkMedium | None, bool]] = Counter()
    unknown: Counter[tuple[LinkMedium | None, bool]] = Counter()
    longest: dict[tuple[LinkMedium | None, bool], int] = {}
    to_outside: list[tuple[list[int], MediumChoice | None]] = []
    for group in plug_groups(links):
        choice = assembler.choice(group)
        if all(map(links.is_outside, group)):
            to_outside.append((group, choice))
            continue
        medium: tuple[LinkMedium | None, bool] = (None, False)
        if choice is not None:
            medium = (choice.medium, choice.part is not None)
        counts[medium] += len(group)
        for number in group:
            route = links.links[number].route
            guesses[medium] += route.is_guess
            unknown[medium] += route.length is None
            longest[medium] = max(longest.get(medium, 0), route.length or 0)
        if choice is None:
            _note_unreached(links, group, tally)
        else:
            _count_pieces(links, assembler, group, choice, tally, links.fabric)
    if to_outside:
        _count_outside(links, assembler, to_outside, tally)
    for used, number_of_links in counts.items():
        use = MediumUse(
            site=links.site,
            fabric=links.fabric,
            medium=used[0],
            is_fixed=used[1],
            links=number_of_links,
            longest=longest[used],
            guesses=guesses[used],
            unknown=unknown[used],
        )
        tally.uses.append(use)


def _count_outside(
    links: FabricLinks,
    assembler: Assembler,
    groups: Sequence[tuple[list[int], MediumChoice | None]],
    tally: _Tally,
) -> None:
    """Count the pieces of our end of one fabric's links to the outside, whose ports are all of one kind."""
    plugs: Counter[str] = Counter()
    count = 0
    for group, choice in groups:
        count += len(group)
        if choice is not None:
            for name in _count_pieces(links, assembler, group, choice, tally, f"{links.fabric} {TO_OUTSIDE}"):
                plugs[name] += 1
    first, choice = groups[0]
    link = links.links[first[0]]
    plug = next(iter(plugs), "")
    each = plug_watts(plug, links.outside_optic)
    use = OutsideUse(
        site=links.site,
        fabric=links.fabric,
        gbps=link.gbps,
        links=count,
        medium=None if choice is None else choice.medium,
        plug=plug,
        is_described=bool(links.outside_optic),
        plugs=plugs.total(),
        watts=None if each is None else each * plugs.total(),
        cord=link.route.length,
    )
    tally.outside.append(use)


def _note_unreached(links: FabricLinks, group: Sequence[int], tally: _Tally) -> None:
    """Note the lower ends of twisted pairs that nothing reaches."""
    for number in group:
        near = links.links[number].near
        if links.kinds[near].form == "RJ45":
            device = links.names[near][0]
            tally.unreached.setdefault((links.site, links.fabric), []).append(device)


def _row_switches(factory: AIFactory, racks: Sequence[Rack], tally: _Tally) -> Iterator[RowSwitches]:
    """Yield what would reach where twisted pairs do not."""
    fabrics = fabrics_by_name(factory)
    for (site, fabric), devices in tally.unreached.items():
        proposal = row_switches(site, fabrics[fabric], devices, racks)
        if proposal is not None:
            yield proposal


def _count_pieces(
    links: FabricLinks,
    assembler: Assembler,
    group: Sequence[int],
    choice: MediumChoice,
    tally: _Tally,
    use: str,
) -> list[str]:
    """Count the pieces of one group of links for a use, and return the names of its transceivers."""
    plugs: list[str] = []
    for piece in assembler.pieces(group, choice):
        key = _Key(links.site, use, piece.part, piece.length)
        tally.pieces[key, piece.phase] += 1
        if piece.part.kind == "transceiver":
            plugs.append(piece.part.name)
    for trunk_use in assembler.trunk_uses(group, choice):
        one_each = trunk_use._replace(connectors=1)
        tally.connectors[links.site, one_each] += trunk_use.connectors
    return plugs


def _add_trunks(tally: _Tally, fibres: int) -> None:
    """Add the trunks between rows, and the panels of each row, phase by phase as they fill."""
    trunks: dict[_Key, Counter[int]] = {}
    ports: dict[tuple[_Key, tuple[str, int]], Counter[int]] = {}
    ways: dict[tuple[str, LinkMedium, tuple[tuple[str, int], ...], int], Counter[int]] = {}
    for (site, use), connectors in tally.connectors.items():
        ends = tuple(sorted(use.rows))
        ways.setdefault((site, use.medium, ends, use.length), Counter())[use.phase] += connectors
        panels = _Key(site, BETWEEN_ROWS, panel(use.medium), NO_LENGTH)
        for row in ends:
            ports.setdefault((panels, row), Counter())[use.phase] += connectors
    for (site, medium, _, route), by_phase in ways.items():
        length = stock_length(medium, route, split=False)
        key = _Key(site, BETWEEN_ROWS, trunk(medium, fibres), length)
        for phase, added in _filled(by_phase, fibres // _MPO_FIBRES):
            trunks.setdefault(key, Counter())[phase] += added
    for key, by_phase in trunks.items():
        for phase, added in by_phase.items():
            tally.pieces[key, phase] += added
    for (key, _), by_phase in ports.items():
        for phase, added in _filled(by_phase, PANEL_PORTS):
            tally.pieces[key, phase] += added


def _filled(by_phase: Mapping[int, int], size: int) -> Iterator[tuple[int, int]]:
    """Yield for each phase how many more things of a size its connectors open."""
    used = opened = 0
    for phase in sorted(by_phase):
        used += by_phase[phase]
        needed = ceil_div(used, size)
        if needed > opened:
            yield phase, needed - opened
        opened = needed


def _add_spares(tally: _Tally, cabling: Cabling, phases: int) -> None:
    """Add the spares of each part and length at each site, phase by phase."""
    share = cabling.spares.count
    if not share:
        return
    in_use: dict[_Key, Counter[int]] = {}
    for (key, phase), pieces in tally.pieces.items():
        if key.part.kind not in _WITHOUT_SPARES:
            in_use.setdefault(key._replace(use=SPARES), Counter())[phase] += pieces
    for key, by_phase in in_use.items():
        total = ordered = 0
        for phase in range(phases):
            total += by_phase[phase]
            needed = ceil_div(total * share, _SHARE)
            if needed > ordered:
                tally.pieces[key, phase] += needed - ordered
            ordered = needed


def _lines(tally: _Tally, phases: Sequence[str]) -> Iterator[OrderLine]:
    """Yield the lines of the order, in no order."""
    for (key, phase), pieces in tally.pieces.items():
        name = phases[phase] if phases else ""
        yield OrderLine(key.site, key.use, name, key.part, key.length, pieces)


class _line_order:  # noqa: N801 - used as a function
    """The order of lines: by site, phase, use, kind, part and length, open lengths last."""

    def __init__(self, phases: Sequence[str]) -> None:
        self._phases = {name: number for number, name in enumerate(phases)}

    def __call__(self, line: OrderLine) -> tuple[object, ...]:
        length = (line.length is None, line.length or 0)
        is_spare = line.use == SPARES
        phase = self._phases.get(line.phase, 0)
        return (line.site, phase, is_spare, line.use, line.part.kind, line.part.name, length)

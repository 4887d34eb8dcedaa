"""What `plan --cables` shows: the order list, what it costs as far as prices are known, and why."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sovereign_ai.assess import GivenValue
from sovereign_ai.assess.cost import PricedLine, length_text, order_cost, price_order
from sovereign_ai.assess.sources import figures, read_figures
from sovereign_ai.catalog import LinkMedium
from sovereign_ai.cli.output import table
from sovereign_ai.cli.plan_text import wrapped
from sovereign_ai.errors import Problem, SpecError, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import (
    CableOrder,
    MediumUse,
    OutsideUse,
    RouteCables,
    RowSwitches,
    order_cables,
)
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

_COLUMNS = 80
_CENTIMETRES = 100
_MOST_NAMED = 4
"""Parts without a price that a note names."""
_CHOICE = (
    "media are tried in the order of 'cabling.media', the first whose reach holds the estimated route and the"
    " slack is taken; links that share a cage are decided together, since a cage takes one plug"
)
_FIXED = (
    "a fixed cable serves two cages of one rate, or one cage and those of a part of its rate (a splitter);"
    " any other group of links has a transceiver in each cage and a fibre for each link"
)
_LENGTH = (
    "the next stock length at or above the route and the slack; routes are estimates with rise, fall and"
    " slack in them: 2 m in a rack, else 7 m + 0.6 m a rack + 2.4 m a row"
)
_POLARITY = (
    "Type B, so that a sending fibre ends at a receiving one: a cord reverses the fibres once, cord, trunk"
    " and cord three times; Type A would not, and Type C is for duplex links"
)
_CORDS = "a cord each, and no transceiver"
_ASSUMED = "single mode: one pair of fibres where a port is whole, parallel fibres where it is split"
_WITHIN = "(within the switches' power, which is counted with optics in all ports)"
_TWISTED = 10
"""Gbps up to which ports are of twisted pairs."""
_BUILDINGS = (
    "optics as the campus plan has them, a cord of 7 m from each to a panel at both ends, and the fewest"
    " single-mode cables of usual sizes where the description says of no fibres that they are laid"
)


@frozen_dataclass
class ShownOrder:
    """An order as it is shown.

    Attributes:
        factory: the factory's name.
        order: the whole order.
        lines: the lines that are shown, priced.
        phase: the phase that is shown alone; empty for all.
    """

    factory: str
    order: CableOrder
    lines: tuple[PricedLine, ...]
    phase: str


def ordered(factory: AIFactory, planned: Plan, phase: str | None, prices: Path | None) -> ShownOrder:
    """Return the order list of a factory, or of one phase.

    Args:
        factory: the description.
        planned: its plan.
        phase: the phase; None for all.
        prices: file of the user's prices.

    Raises:
        UsageError: no phase has that name.
        SpecError: the file of prices has problems.
    """
    names = [entry.name for entry in factory.phases]
    if phase is not None and phase not in names:
        message = f"no phase is called {phase!r}" if names else "the description has no phases"
        raise UsageError(Problem("unknown-name", message, hint=nearest(phase, names)))
    given = {} if prices is None else _prices(prices)
    order = order_cables(factory, planned)
    lines = price_order(order, given)
    _refuse_unused(given, lines, prices)
    if phase is not None:
        lines = tuple(line for line in lines if line.line.phase == phase)
    return ShownOrder(factory.name, order, lines, phase or "")


def _prices(path: Path) -> Mapping[str, GivenValue]:
    """Return the user's prices."""
    file = read_figures(path)
    if file.problems:
        raise SpecError(list(file.problems))
    return file.figures


def _refuse_unused(given: Mapping[str, GivenValue], lines: tuple[PricedLine, ...], path: Path | None) -> None:
    """Refuse prices of no part of the order and of nothing else; other figures are for assessments."""
    known = sorted({f"price.{line.line.part.name}" for line in lines})
    problems = []
    for name in given:
        if name.startswith("price.") and name not in known and name not in figures("prices"):
            message = f"{path}: {name} is the price of no part of the order"
            problems.append(Problem("unknown-name", message, hint=nearest(name, known)))
    if problems:
        raise UsageError(problems)


def order_data(shown: ShownOrder) -> dict[str, Any]:
    """Return the order list as plain data."""
    order = shown.order
    data: dict[str, Any] = {"factory": shown.factory, "phase": shown.phase or None}
    data["links"] = order.links
    data["unserved_links"] = order.unserved
    if order.outside:
        data["outside_links"] = sum(use.links for use in order.outside)
        data["outside"] = [_outside_data(use) for use in order.outside]
    data["media"] = [_use_data(use) for use in order.uses]
    data["routes"] = [_route_data(route) for route in order.routes]
    data["row_switches"] = [asdict(proposal) for proposal in order.row_switches]
    data["lines"] = [line.to_data() for line in shown.lines]
    data["cost"] = order_cost(shown.lines).to_data()
    data["cabling"] = order.cabling.model_dump(mode="json")
    return data


def _use_data(use: MediumUse) -> dict[str, Any]:
    """Return which links a medium carries as plain data."""
    return {
        "site": use.site,
        "fabric": use.fabric,
        "medium": None if use.medium is None else use.medium.name,
        "links": use.links,
        "longest_m": use.longest / _CENTIMETRES,
        "guessed": use.guesses,
        "unknown": use.unknown,
    }


def _outside_data(use: OutsideUse) -> dict[str, Any]:
    """Return our end of a fabric's links to the outside as plain data."""
    return {
        "site": use.site,
        "fabric": use.fabric,
        "gbps": use.gbps,
        "links": use.links,
        "fibre": None if use.medium is None else use.medium.fibre or use.medium.medium,
        "optic": use.plug or None,
        "described": use.is_described,
        "optics": use.plugs,
        "watts": use.watts,
        "cord_m": None if use.cord is None else use.cord / _CENTIMETRES,
    }


def _route_data(route: RouteCables) -> dict[str, Any]:
    """Return what runs on a route between buildings as plain data."""
    return {
        "site": route.site,
        "route": route.route,
        "links": route.links,
        "fibres": route.fibres,
        "laid": route.laid,
        "length_m": route.length / _CENTIMETRES,
    }


def order_lines(shown: ShownOrder, *, why: bool) -> Iterator[str]:
    """Yield the lines of an order for a terminal of 80 columns."""
    order = shown.order
    head = f"{shown.factory}: {counted(order.links, 'link')}"
    pieces = sum(line.line.pieces for line in shown.lines)
    of_phase = f" in phase {shown.phase}" if shown.phase else ""
    yield f"{head}, {counted(pieces, 'piece')} to order{of_phase}"
    rows: Counter[tuple[str, str, str, str]] = Counter()
    spares: Counter[tuple[str, str, str, str]] = Counter()
    for priced in shown.lines:
        line = priced.line
        key = (line.site, line.phase, line.part.name, length_text(line.length) or "-")
        pieces_of = spares if line.use == "spares" else rows
        pieces_of[key] += line.pieces
    for site, phase in dict.fromkeys((site, phase) for site, phase, _, _ in [*rows, *spares]):
        yield ""
        of_site = []
        for key, count in rows.items():
            if key[:2] == (site, phase):
                of_site.append((*key[2:], f"{count:,}", f"{spares[key]:,}"))
        for key, count in spares.items():
            # What a later phase needs a further spare of, and no further piece.
            if key[:2] == (site, phase) and key not in rows:
                of_site.append((*key[2:], "0", f"{count:,}"))
        title = f"{site}, {phase}" if phase else site
        yield from table([title, "m", "pieces", "spares"], of_site)
    yield ""
    yield from _cost_lines(shown)
    yield from wrapped(list(_notes(order)))
    if why:
        yield from _reasons(order)


def _cost_lines(shown: ShownOrder) -> Iterator[str]:
    """Yield what the order costs, and what has no price."""
    cost = order_cost(shown.lines)
    if cost.pieces:
        low, value, high = _thousands(cost.low), _thousands(cost.value), _thousands(cost.high)
        word = "known part of the cost" if cost.unpriced else "cost"
        yield f"{word}: {value} kUSD [{low} to {high}], {counted(cost.pieces, 'piece')}"
    if cost.unpriced:
        named = ", ".join(cost.parts[:_MOST_NAMED])
        more = len(cost.parts) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        pieces_text = counted(cost.unpriced, "piece has", "pieces have")
        note = f"{pieces_text} no price and are in no total: {named}{rest}; give it with"
        yield from wrapped([f"{note} --figures FILE, a line 'price.{cost.parts[0]}: 100' a part"])


def _thousands(dollars: float) -> str:
    return f"{dollars / 1000:,.0f}"


def _notes(order: CableOrder) -> Iterator[str]:
    """Yield what the order leaves open."""
    proposals = {(proposal.site, proposal.fabric): proposal for proposal in order.row_switches}
    for use in order.uses:
        if use.medium is None:
            longest = use.longest / _CENTIMETRES
            change = "add to 'cabling.media', or move the switches"
            proposal = proposals.get((use.site, use.fabric))
            if proposal is not None:
                change = _row_text(proposal)
            links_text = counted(use.links, "link")
            yield (
                f"{use.site} {use.fabric}: {links_text} of up to {longest:g} m are in no line, nothing"
                f" that is permitted reaches: {change}"
            )
        elif use.unknown:
            links_text = counted(use.unknown, "link")
            yield (
                f"{use.site} {use.fabric}: {links_text} between halls have no length: describe"
                " 'cabling.between_halls'"
            )
    for route in order.routes:
        if route.laid:
            fibres_text = counted(route.laid, "fibre is", "fibres are")
            laid = f"its {fibres_text} laid, so no cable is ordered"
            yield f"{route.site} route {route.route}: {laid}; the links take {route.fibres:,}"
    for outside in order.outside:
        yield _outside_text(outside)
    guesses = sum(use.guesses for use in order.uses)
    if guesses:
        yield f"{counted(guesses, 'link has', 'links have')} an end without a rack: ordered without a length"


def _outside_text(use: OutsideUse) -> str:
    """Return what is ordered for a fabric's links to the outside, and what is not."""
    head = f"{use.site} {use.fabric}: {counted(use.links, 'link')} to the outside"
    if use.medium is None:
        change = "name the optic, 'border.optic', or add to 'cabling.media'"
        if use.gbps <= _TWISTED:
            change = "a shorter 'border.cord', or name the optic, 'border.optic'"
        return f"{head} are in no line, nothing that is permitted fits their ports: {change}"
    cord = "" if use.cord is not None else ", cords without a length ('border.cord')"
    text = f"{head}, our end alone{cord}; the far end and the way to it are its owner's"
    if use.plug and not use.is_described:
        text += f"; {use.plug} is assumed: 'border.optic' names what both ends agree on"
    return text


def _row_text(proposal: RowSwitches) -> str:
    """Return which switches in the rows of the devices would reach."""
    longest = proposal.longest / _CENTIMETRES
    switches_text = counted(proposal.switches, "switch", "switches")
    return (
        f"{switches_text} in the {counted(proposal.rows, 'row')} of their devices would, over at most"
        f" {longest:g} m of twisted pairs, with fibre upwards"
    )


def _reasons(order: CableOrder) -> Iterator[str]:
    """Yield the rules behind the order, and which medium each fabric takes."""
    cabling = order.cabling
    reasons = [("choice", _CHOICE), ("cages", _FIXED), ("length", _LENGTH), ("polarity", _POLARITY)]
    share = f"{cabling.spares} of each part and length at a site, rounded up; none of trunks and panels"
    reasons.append(("spares", share))
    if order.phases:
        text = (
            "each piece in the first phase that uses it, by the layout of the last: nothing is cabled again"
        )
        reasons.append(("phases", text))
    for route in order.routes:
        metres = route.length / _CENTIMETRES
        links_text = counted(route.links, "link")
        fibres_text = counted(route.fibres, "fibre")
        text = f"{links_text} of the campus plan, {fibres_text} of {metres:g} m; {_BUILDINGS}"
        reasons.append((f"{route.site} route {route.route}", text))
    for use in order.uses:
        if use.medium is not None:
            reasons.append((f"{use.site} {use.fabric}", _use_text(use, use.medium)))
    for outside in order.outside:
        if outside.medium is not None:
            reasons.append((f"{outside.site} {outside.fabric}", _outside_reason(outside)))
    for name, text in reasons:
        yield from textwrap.wrap(f"{name}: {text}", _COLUMNS, initial_indent="  ", subsequent_indent="    ")


def _outside_reason(use: OutsideUse) -> str:
    """Return what our end of links to the outside is made of, and what it draws."""
    if not use.plug:
        return f"{counted(use.links, 'link')} to the outside, {_CORDS}"
    chosen = "as described" if use.is_described else _ASSUMED
    watts = "" if use.watts is None else f", {use.watts:,} W"
    links_text = counted(use.links, "link")
    return f"{links_text} to the outside by {use.plugs:,} {use.plug}, {chosen}{watts} {_WITHIN}"


def _use_text(use: MediumUse, medium: LinkMedium) -> str:
    """Return which links a medium carries, and where its reach was read."""
    figure = medium.source_of("reach")
    source = "" if figure is None else f"; {figure.source}, {figure.grade}"
    reach = f"reach {medium.reach}"
    if medium.split_reach is not None:
        reach += f", split {medium.split_reach}"
    longest = use.longest / _CENTIMETRES
    return f"{counted(use.links, 'link')} by {medium.name}, routes up to {longest:g} m, {reach}{source}"

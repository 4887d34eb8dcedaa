"""Capital cost: the plan's servers, switches, links, storage and buildings times dated prices, in euro.

A leaf `price.<thing>` is in dollars where its source is, and is exchanged by `exchange.usd-per-eur`. The user
is asked for a price that no source gives, and a price that the user gives replaces any of the same name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, Shape
from sovereign_ai.plan.cabling import order_cables
from sovereign_ai.plan.fabric import fabrics_by_name
from sovereign_ai.plan.power import SitePower
from sovereign_ai.spec import AIFactory


@frozen_dataclass
class PricedPart:
    """One line of the capital cost.

    Attributes:
        cost: name of the measure with its cost in euro.
        what: `machines`, `switches`, `links`, `storage` or `building`.
        item: catalogue name, or the tier or site.
        site: the site it is bought for.
        service: FOCUS service category.
    """

    cost: str
    what: str
    item: str
    site: str
    service: str


_CENTIMETRES = 100
"""The order list's lengths are in these."""


def add_prices(sheet: Sheet, factory: AIFactory, plan: Plan, shapes: Sequence[Shape]) -> list[PricedPart]:
    """Add every line of the capital cost, each in euro."""
    sheet.figure("exchange.usd-per-eur", figure("prices", "exchange.usd-per-eur"))
    return [
        *_machines(sheet, shapes),
        *_switches(sheet, factory, plan),
        *(_links(sheet, plan) if factory.cabling is None else _cabling(sheet, factory, plan)),
        *_storage(sheet, plan),
        *_buildings(sheet, plan),
    ]


def price(sheet: Sheet, name: str, unit: str, question: str) -> str:
    """Add one price: the dated figure, or the question to the user."""
    return sheet.figure(name, figures("prices").get(name), unit=unit, question=question)


def _line(sheet: Sheet, name: str, count: str, each: str) -> str:
    """Add a count times a price in dollars, in euro."""
    work = lambda number, dollars, rate: number * dollars / rate  # noqa: E731 - the formula, used once
    return sheet.derive(name, "EUR", "count x price / exchange", work, count, each, "exchange.usd-per-eur")


def _machines(sheet: Sheet, shapes: Sequence[Shape]) -> Iterator[PricedPart]:
    """Yield the servers of each pool, spares counted."""
    for shape in shapes:
        pool, system = shape.pool.name, shape.system.name
        count = sheet.plan(f"count.{pool}", shape.total, "machines", "spares counted")
        each = price(sheet, f"price.{system}", "USD", f"What does one {system} cost, in dollars?")
        cost = _line(sheet, f"capex.machines.{pool}", count, each)
        yield PricedPart(cost, "machines", system, shape.site.name, "AI and Machine Learning")


def _switches(sheet: Sheet, factory: AIFactory, plan: Plan) -> Iterator[PricedPart]:
    """Yield the switches by kind, site by site."""
    fabrics = fabrics_by_name(factory)
    switches: Counter[tuple[str, str]] = Counter()
    for plane in plan.fabrics:
        fabric = fabrics[plane.fabric]
        for switch in plane.switches:
            kind = fabric.switch_of(switch.tier) or f"switch-{plane.fabric}"
            switches[plane.site, kind] += 1
    for (site, kind), number in sorted(switches.items()):
        count = sheet.plan(f"count.{site}.{kind}", number, "switches", "from the plan")
        each = price(sheet, f"price.{kind}", "USD", f"What does one switch {kind} cost, in dollars?")
        cost = _line(sheet, f"capex.switches.{site}.{kind}", count, each)
        yield PricedPart(cost, "switches", kind, site, "Networking")


def _links(sheet: Sheet, plan: Plan) -> Iterator[PricedPart]:
    """Yield the links with their optics by rate in Gbps, site by site."""
    links: Counter[tuple[str, int]] = Counter()
    to_outside: Counter[tuple[str, int]] = Counter()
    for plane in plan.fabrics:
        for host in plane.host_links.lowers():
            links[plane.site, plane.host_rate(host) // 10**9] += 1
        between = len(plane.switch_links)
        # Links between switches may be faster than those to hosts.
        if between:
            links[plane.site, (plane.uplink or plane.link) // 10**9] += between
        if plane.outside:
            to_outside[plane.site, plane.outside_link // 10**9] += plane.outside
    for site, rate in sorted(links.keys() | to_outside.keys()):
        number: float = links[site, rate]
        source = "cables of the plan"
        ends = to_outside[site, rate]
        if ends:
            # A link's price is that of both ends, and the far end is its owner's.
            number += ends / 2
            source += f", {ends:,} to the outside counted as half: our end alone"
        count = sheet.plan(f"count.{site}.links.{rate}", number, "links", source)
        question = f"What does a link of {rate} Gbps cost with its optics, in dollars?"
        each = price(sheet, f"price.link.{rate}", "USD", question)
        cost = _line(sheet, f"capex.links.{site}.{rate}", count, each)
        yield PricedPart(cost, "links", f"{rate} Gbps", site, "Networking")


def _cabling(sheet: Sheet, factory: AIFactory, plan: Plan) -> Iterator[PricedPart]:
    """Yield the pieces of the cabling that stand now, by part, site by site."""
    order = order_cables(factory, plan)
    standing: tuple[str, ...] = ("",)
    if order.phases:
        now = order.phases.index(factory.phase) if factory.phase else len(order.phases) - 1
        standing = order.phases[: now + 1]
    pieces: Counter[tuple[str, str]] = Counter()
    metres: defaultdict[tuple[str, str], float] = defaultdict(float)
    for line in order.lines:
        if line.phase in standing:
            pieces[line.site, line.part.name] += line.pieces
            metres[line.site, line.part.name] += line.pieces * (line.length or 0) / _CENTIMETRES
    for (site, part), number in sorted(pieces.items()):
        name = f"price.{part}"
        # A cable that is cut to length has the price of a metre, unless the user gives that of a piece.
        if f"{name}-per-m" in figures("prices") and name not in sheet.given:
            long = metres[site, part]
            count = sheet.plan(f"count.{site}.{part}", long, "m", "metres of the order list of the plan")
            each = price(sheet, f"{name}-per-m", "USD", f"What does a metre of {part} cost, in dollars?")
        else:
            from_list = "order list of the plan, spares counted"
            count = sheet.plan(f"count.{site}.{part}", number, "pieces", from_list)
            each = price(sheet, name, "USD", f"What does one {part} cost, in dollars?")
        cost = _line(sheet, f"capex.links.{site}.{part}", count, each)
        yield PricedPart(cost, "links", part, site, "Networking")


def _storage(sheet: Sheet, plan: Plan) -> Iterator[PricedPart]:
    """Yield storage by raw terabytes of each tier."""
    for tier in plan.storage:
        name = f"{tier.site}.{tier.tier}"
        count = sheet.plan(f"count.{name}", tier.raw / 1e12, "TB", "raw terabytes of the plan")
        question = f"What does a raw terabyte of tier {tier.tier} cost with its servers, in dollars?"
        each = price(sheet, f"price.storage.{tier.tier}", "USD/TB", question)
        cost = _line(sheet, f"capex.storage.{name}", count, each)
        yield PricedPart(cost, "storage", tier.tier, tier.site, "Storage")


def _buildings(sheet: Sheet, plan: Plan) -> Iterator[PricedPart]:
    """Yield the building of each site by the watts of IT that it is planned for."""
    countries = {}
    for cluster in plan.clusters:
        countries[cluster.site] = cluster.jurisdiction
    for power in plan.power:
        if not power.it_load:
            continue
        name = "building.per-watt"
        local = f"{name}.{countries.get(power.site, '')}"
        if local in figures("prices") or local in sheet.given:
            name = local
        count = _watts(sheet, power)
        each = price(sheet, name, "USD/W", "What does a watt of building cost, in dollars?")
        cost = _line(sheet, f"capex.building.{power.site}", count, each)
        yield PricedPart(cost, "building", power.site, power.site, "Other")


def _watts(sheet: Sheet, power: SitePower) -> str:
    """Add the watts of a building: the site's peak, or the plan's load for a site without servers."""
    name, peak = f"count.{power.site}.watts", f"site.{power.site}.it.peak"
    if peak not in sheet:
        return sheet.plan(name, power.it_load, "W", "IT power of the plan")
    return sheet.derive(name, "W", "IT power at the peak", lambda watts: watts, peak)

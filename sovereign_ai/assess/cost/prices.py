"""What the plan counts, times dated prices: machines, switches, links, storage, building; all in euro.

A leaf `price.<thing>` is in dollars where its source is, and is exchanged by `exchange.usd-per-eur`.
Prices that no source gives are questions; a user's own replaces any, by the same name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.power import SitePower
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True)
class Part:
    """One line of what is bought.

    Attributes:
        cost: name of the measure with its cost in euro.
        what: `machines`, `switches`, `links`, `storage` or `building`.
        item: catalogue name, or the tier or site.
        site: where it stands.
        service: FOCUS service category.
    """

    cost: str
    what: str
    item: str
    site: str
    service: str


def add_prices(sheet: Sheet, factory: AIFactory, plan: Plan, shapes: Sequence[Shape]) -> list[Part]:
    """Add every line of what is bought, each in euro."""
    sheet.figure("exchange.usd-per-eur", figure("prices", "exchange.usd-per-eur"))
    return [
        *_machines(sheet, shapes),
        *_network(sheet, factory, plan),
        *_storage(sheet, plan),
        *_buildings(sheet, plan),
    ]


def price(sheet: Sheet, name: str, unit: str, question: str) -> str:
    """Add one price: the dated figure, or the question."""
    return sheet.figure(name, figures("prices").get(name), unit=unit, question=question)


def _line(sheet: Sheet, name: str, count: str, each: str) -> str:
    """Add a count times a price in dollars, in euro."""
    work = lambda number, dollars, rate: number * dollars / rate  # noqa: E731 - one line, used once
    return sheet.derive(name, "EUR", "count x price / exchange", work, count, each, "exchange.usd-per-eur")


def _machines(sheet: Sheet, shapes: Sequence[Shape]) -> Iterator[Part]:
    """Give the machines of each pool, spares counted."""
    for shape in shapes:
        name = f"capex.machines.{shape.pool.name}"
        count = sheet.plan(f"count.{shape.pool.name}", shape.total, "machines", "spares counted")
        each = price(sheet, f"price.{shape.system.name}", "USD", f"What does one {shape.system.name} cost, in dollars?")
        yield Part(_line(sheet, name, count, each), "machines", shape.system.name, shape.site.name, "AI and Machine Learning")


def _network(sheet: Sheet, factory: AIFactory, plan: Plan) -> Iterator[Part]:
    """Give switches by kind and links by rate, site by site."""
    kinds = {fabric.name: fabric.switch or f"switch-{fabric.name}" for fabric in factory.fabrics}
    switches: Counter[tuple[str, str]] = Counter()
    links: Counter[tuple[str, int]] = Counter()
    for plane in plan.fabrics:
        switches[plane.site, kinds[plane.fabric]] += len(plane.switches)
        links[plane.site, plane.link // 10**9] += len(plane.cables)
    for (site, kind), number in sorted(switches.items()):
        count = sheet.plan(f"count.{site}.{kind}", number, "switches", "from the plan")
        each = price(sheet, f"price.{kind}", "USD", f"What does one switch {kind} cost, in dollars?")
        yield Part(_line(sheet, f"capex.switches.{site}.{kind}", count, each), "switches", kind, site, "Networking")
    for (site, rate), number in sorted(links.items()):
        count = sheet.plan(f"count.{site}.links.{rate}", number, "links", "cables of the plan")
        each = price(sheet, f"price.link.{rate}", "USD", f"What does a link of {rate} Gbps cost with its optics, in dollars?")
        yield Part(_line(sheet, f"capex.links.{site}.{rate}", count, each), "links", f"{rate} Gbps", site, "Networking")


def _storage(sheet: Sheet, plan: Plan) -> Iterator[Part]:
    """Give storage by raw terabytes of each medium and tier."""
    for tier in plan.storage:
        count = sheet.plan(f"count.{tier.site}.{tier.tier}", tier.raw / 1e12, "TB", "raw terabytes of the plan")
        each = price(
            sheet,
            f"price.storage.{tier.tier}",
            "USD/TB",
            f"What does a raw terabyte of tier {tier.tier} cost with its servers, in dollars?",
        )
        yield Part(_line(sheet, f"capex.storage.{tier.site}.{tier.tier}", count, each), "storage", tier.tier, tier.site, "Storage")


def _buildings(sheet: Sheet, plan: Plan) -> Iterator[Part]:
    """Give the building of each site by the watts of IT that it is planned for."""
    countries = _countries(plan)
    for power in plan.power:
        if not power.it_load:
            continue
        country = countries.get(power.site, "")
        local = f"building.per-watt.{country}"
        name = local if local in figures("prices") or local in sheet.given else "building.per-watt"
        count = _watts(sheet, power)
        each = price(sheet, name, "USD/W", "What does a watt of building cost, in dollars?")
        yield Part(_line(sheet, f"capex.building.{power.site}", count, each), "building", power.site, power.site, "Other")


def _watts(sheet: Sheet, power: SitePower) -> str:
    """Add the watts that a building is for: the site's peak; of a site without machines, the plan's."""
    name, peak = f"count.{power.site}.watts", f"site.{power.site}.it.peak"
    if peak not in sheet:
        return sheet.plan(name, power.it_load, "W", "IT power of the plan")
    return sheet.derive(name, "W", "IT power at the peak", lambda watts: watts, peak)


def _countries(plan: Plan) -> Mapping[str, str]:
    """Give each site's country, from its machines."""
    return {cluster.site: cluster.jurisdiction for cluster in plan.clusters}

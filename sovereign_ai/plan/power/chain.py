"""The power chain of a site: what grid, transformers, generators and UPS carry, and what one loss leaves.

Load at each level, from the racks up:

    behind the UPS      = IT + mechanical load on the UPS
    low-voltage boards  = behind the UPS + losses of the UPS + the rest of the mechanical load
    after an outage     = low-voltage boards + recharge of the batteries
    transformers, grid  = after an outage / power factor, for the grid with the transformers' losses

IT is the plan's load, with every machine at full load or at its cap. Transformers and generators share a bus,
so the loss of one leaves its load to the others in even parts. UPS systems have feeds of their own, and the
loss of one is the loss of its feed: what the others then carry follows from every server's supplies.

Rules and their sources:

- UPS configurations: K. McCarthy and V. Avelar, Comparing UPS System Design Configurations, White Paper 75
  revision 4: parallel redundant (N+1), isolated redundant (here `block-redundant`), distributed redundant,
  and system plus system (2N).
- UPS efficiency at 25, 50, 75 and 100 % load: declared under IEC 62040-3:2021.
- Transformers: no-load loss P0 and load loss Pk with (S / Sr)^2, IEC 60076-1 and Regulation (EU) No 548/2014.
- Generators: ratings by ISO 8528-1:2018; the load includes cooling, and may not exceed the rating.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.power.chain_elements import ChainElement, load_text, parallel
from sovereign_ai.plan.power.loads import SiteLoad
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Generators, PowerChain, Site, Transformers, Ups, UpsEfficiency
from sovereign_ai.text import counted

_WHOLE = 10_000
"""100 % in the steps of a share."""


@frozen_dataclass
class ChainLoad:
    """What a site's chain carries at each level, in watts.

    Attributes:
        it: the plan's load of IT.
        behind_ups: IT and the mechanical load on the UPS.
        ups_losses: what the UPS loses in the normal state.
        boards: the low-voltage boards, without recharge.
        recharge: what charging the batteries adds after an outage.
    """

    it: int
    behind_ups: int
    ups_losses: int
    boards: int
    recharge: int

    @property
    def after_outage(self) -> int:
        """What the boards carry while the batteries are charged."""
        return self.boards + self.recharge


def chain_load(site: Site, chain: PowerChain, load: SiteLoad) -> ChainLoad:
    """Return what a site's chain carries at each level."""
    on_ups = chain.mechanical.on_ups.count
    behind = load.watts + on_ups
    losses = recharge = 0
    if chain.ups is not None:
        losses = _ups_losses(site, chain.ups, load, on_ups)
        recharge = chain.ups.recharge.count
    boards = behind + losses + chain.mechanical.power.count - on_ups
    return ChainLoad(load.watts, behind, losses, boards, recharge)


def chain_elements(site: Site, load: SiteLoad) -> Iterator[ChainElement]:
    """Yield the elements of a site's chain from the grid to the UPS; nothing where none is described."""
    chain = site.power.chain
    if chain is None:
        return
    levels = chain_load(site, chain, load)
    apparent = ceil_div(levels.after_outage * _WHOLE, chain.power_factor.count)
    transformers = None
    if chain.transformers is not None:
        transformers = _transformers(chain.transformers, apparent, levels, chain)
    if chain.grid is not None:
        lost = transformers.losses if transformers else 0
        drawn = ceil_div((levels.after_outage + lost) * _WHOLE, chain.power_factor.count)
        why = {
            "load": f"{_boards_text(levels, chain)}, {load_text(lost, 'W')} of transformer losses, "
            f"at a power factor of {chain.power_factor}"
        }
        grid = chain.grid
        yield parallel(
            "grid circuit", "VA", grid.circuit.count, drawn, grid.redundancy, grid.circuits, why=why
        )
    if transformers is not None:
        yield transformers
    if chain.generators is not None:
        yield _generators(chain.generators, levels, chain)
    if chain.ups is not None:
        yield _ups(site, chain, chain.ups, load, levels)


def _boards_text(levels: ChainLoad, chain: PowerChain) -> str:
    """Return the terms of what the low-voltage boards carry after an outage, in words."""
    it = load_text(levels.it, "W")
    mechanical = load_text(chain.mechanical.power.count, "W")
    losses = load_text(levels.ups_losses, "W")
    recharge = load_text(levels.recharge, "W")
    return f"{it} of IT, {mechanical} of mechanical load, {losses} of UPS losses and {recharge} of recharge"


def _transformers(wanted: Transformers, apparent: int, levels: ChainLoad, chain: PowerChain) -> ChainElement:
    """Return the transformers, with their losses at the load of the normal state."""
    text = (
        f"{_boards_text(levels, chain)} at a power factor of {chain.power_factor}; "
        "the others take the load of one that is lost in even parts"
    )
    why = {"load": text}
    rating = wanted.rating.count
    count = parallel(
        "transformer", "VA", rating, apparent, wanted.redundancy, wanted.count, why=why
    ).installed
    normal = Fraction(levels.boards * _WHOLE, chain.power_factor.count)
    losses = transformer_losses(wanted, count, normal)
    why["losses"] = (
        f"{count:,} x {wanted.no_load_loss} without load, and {wanted.load_loss} each x (S / Sr)^2 "
        "(IEC 60076-1)"
    )
    return parallel(
        "transformer", "VA", rating, apparent, wanted.redundancy, wanted.count, losses=losses, why=why
    )


def transformer_losses(wanted: Transformers, count: int, apparent: Fraction) -> int:
    """Return the watts that some equal transformers lose under a load in volt-amperes."""
    share = apparent / count / wanted.rating.count
    return ceil_div(count * (wanted.no_load_loss.count + wanted.load_loss.count * share**2), 1)


def _generators(wanted: Generators, levels: ChainLoad, chain: PowerChain) -> ChainElement:
    """Return the generators: without the grid they carry everything, cooling and recharge included."""
    litres = f"{fuel_needed(wanted, levels):,} L for {wanted.autonomy}, of {wanted.fuel}"
    rate = f"{wanted.consumption} a set at {wanted.rating}, in proportion to the load"
    why = {
        "load": _boards_text(levels, chain),
        "fuel": f"{litres}: {rate}",
        "rating": "active power for the whole time of an outage (ISO 8528-1)",
    }
    return parallel(
        "generator",
        "W",
        wanted.rating.count,
        levels.after_outage,
        wanted.redundancy,
        wanted.count,
        why=why,
    )


def fuel_needed(wanted: Generators, levels: ChainLoad) -> int:
    """Return the litres that the generators burn over their autonomy.

    Consumption is taken in proportion to the load. At part load a set burns more for each kilowatt-hour, so
    this is the least.
    """
    millilitres = Fraction(wanted.consumption.count * levels.boards * wanted.autonomy.count, 3600)
    return ceil_div(millilitres / wanted.rating.count, 1000)


def ups_efficiency(efficiency: UpsEfficiency, share: Fraction) -> Fraction:
    """Return the efficiency of a UPS at a load: linear between the declared points, level outside of them.

    Args:
        efficiency: the declared points.
        share: output over rating.
    """
    points = (
        (Fraction(1, 4), efficiency.quarter),
        (Fraction(1, 2), efficiency.half),
        (Fraction(3, 4), efficiency.three_quarters),
        (Fraction(1), efficiency.full),
    )
    before_share, before = points[0]
    if share <= before_share:
        return Fraction(before.count, _WHOLE)
    for at, declared in points[1:]:
        if share <= at:
            part = (share - before_share) / (at - before_share)
            rise = Fraction(declared.count - before.count, _WHOLE)
            return Fraction(before.count, _WHOLE) + part * rise
        before_share, before = at, declared
    return Fraction(before.count, _WHOLE)


def ups_loss(efficiency: UpsEfficiency, output: Fraction, rating: int) -> Fraction:
    """Return the watts that a UPS loses at an output.

    Below a quarter of its rating it loses what it loses there: most of that does not depend on the load.
    """
    output = max(output, Fraction(rating, 4))
    return output / ups_efficiency(efficiency, output / rating) - output


def _ups_loads(site: Site, ups: Ups, load: SiteLoad, on_ups: int) -> tuple[Fraction, Fraction]:
    """Return what the fullest UPS system carries in the normal state, and after the loss of one or a feed."""
    feeds = len(site.power.feeds)
    if ups.topology == "N+1":
        total = Fraction(load.watts + on_ups)
        return total, total
    normal = max(load.load.up) + Fraction(on_ups, feeds)
    after = Fraction(0)
    for watts in load.load.after:
        after = max(after, max(watts) + Fraction(on_ups, max(feeds - 1, 1)))
    if ups.topology == "block-redundant":
        # The reserve takes the load of the system that is lost, so the others see no more than before. The
        # loss of a feed below its system is another matter: its load moves.
        return normal, max(normal, after if site.power.survive == "any-feed" else Fraction(0))
    return normal, after


def ups_modules(site: Site, ups: Ups, load: SiteLoad, on_ups: int) -> tuple[int, int]:
    """Return the modules that each UPS system needs, and those that it has."""
    normal, after = _ups_loads(site, ups, load, on_ups)
    needed = ceil_div(max(normal, after), ups.module.count)
    if ups.topology == "N+1":
        needed += 1
    needed = max(needed, 1)
    return needed, needed if ups.modules is None else ups.modules


def ups_systems(site: Site, ups: Ups) -> int:
    """Return the UPS systems of a topology: one a feed, one more in reserve, or one for all."""
    if ups.topology == "N+1":
        return 1
    return len(site.power.feeds) + (ups.topology == "block-redundant")


def _ups_losses(site: Site, ups: Ups, load: SiteLoad, on_ups: int) -> int:
    """Return what all UPS systems lose in the normal state, the idle reserve included."""
    rating = ups_modules(site, ups, load, on_ups)[1] * ups.module.count
    if ups.topology == "N+1":
        return ceil_div(ups_loss(ups.efficiency, Fraction(load.watts + on_ups), rating), 1)
    total = Fraction(0)
    for watts in load.load.up:
        output = watts + Fraction(on_ups, len(load.load.up))
        total += ups_loss(ups.efficiency, output, rating)
    if ups.topology == "block-redundant":
        total += ups_loss(ups.efficiency, Fraction(0), rating)
    return ceil_div(total, 1)


def _ups(site: Site, chain: PowerChain, ups: Ups, load: SiteLoad, levels: ChainLoad) -> ChainElement:
    """Return the UPS: modules of the one system, or systems of which each has its feed."""
    on_ups = chain.mechanical.on_ups.count
    normal, after = _ups_loads(site, ups, load, on_ups)
    needed, modules = ups_modules(site, ups, load, on_ups)
    grade = ups.efficiency.grade
    losses = f"efficiency at four loads, linear between them (IEC 62040-3; {grade}: {ups.efficiency.source})"
    if ups.topology == "N+1":
        why = {"load": "IT and the mechanical load on the UPS", "losses": losses}
        return parallel(
            "UPS module",
            "W",
            ups.module.count,
            levels.behind_ups,
            "N+1",
            modules,
            losses=levels.ups_losses,
            grade=grade,
            why=why,
        )
    systems, rating = ups_systems(site, ups), modules * ups.module.count
    topology = f"{ups.topology} over {counted(len(site.power.feeds), 'feed')}"
    each_system = f"each system needs {counted(needed, 'module')} of {ups.module}, and has {modules:,}"
    why = {"needed": f"{topology}; {each_system}", "load": _ups_rule(ups, site), "losses": losses}
    worst = ceil_div(max(normal, after), 1)
    return ChainElement(
        element="UPS system",
        unit="W",
        rating=rating,
        # Systems follow from the feeds; what may lack are modules in them.
        needed=systems,
        installed=systems,
        load=levels.behind_ups,
        each=ceil_div(normal, 1),
        after_loss=ceil_div(after, 1),
        left=rating - worst,
        losses=levels.ups_losses,
        grade=grade,
        why=why,
    )


def _ups_rule(ups: Ups, site: Site) -> str:
    """Return what the loss of a UPS system means, in words."""
    if ups.topology == "block-redundant":
        return "the reserve system takes the load of one that is lost; that of a lost feed goes to the others"
    feeds = len(site.power.feeds)
    return (
        f"the loss of a system is the loss of its feed: the {feeds - 1} others carry what the machines then "
        f"draw, at most {(feeds - 1) * 100 // feeds} % of their rating before"
    )

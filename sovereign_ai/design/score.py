"""What one candidate costs, draws, survives and depends on, from the planner's closed forms.

A cost keeps apart what is known and what no source gives. Two costs are compared only where the figures
decide: one is at most another where its known part is and where it has no more of any unknown thing. An
unknown price has no upper end. Power is compared at the upper ends of ranges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from math import ceil
from typing import Any

from sovereign_ai.assess import GivenValue
from sovereign_ai.assess.sources import figures
from sovereign_ai.catalog.switch import switch, switches
from sovereign_ai.design.headroom import Headroom
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Draft, other_watts, switch_batches, switch_units, switch_watts
from sovereign_ai.plan.fabric import FabricSize
from sovereign_ai.plan.power import site_load
from sovereign_ai.spec import AIFactory, Fabric

GBPS = 10**9


@frozen_dataclass
class Amount:
    """A cost, of which a part may be unknown.

    Attributes:
        known: the known part.
        unknown: things without a price, by the price's name.
    """

    known: float
    unknown: Mapping[str, int]

    def plus(self, other: Amount) -> Amount:
        """Return both together."""
        unknown = Counter(self.unknown)
        unknown.update(other.unknown)
        return Amount(self.known + other.known, dict(unknown))

    def at_most(self, other: Amount) -> bool:
        """Return whether this is at most the other whatever the unknown prices are."""
        fewer = all(count <= other.unknown.get(name, 0) for name, count in self.unknown.items())
        return fewer and self.known <= other.known


@frozen_dataclass
class Sovereignty:
    """How sovereign a candidate can be.

    Attributes:
        ceiling: the highest SEAL level that open criteria could still give.
        score: the score in percent with every open criterion at its best.
        vendors: vendors of the catalogue each of which has a model for every switch of the compute fabric.
    """

    ceiling: int
    score: float
    vendors: int

    def at_least(self, other: Sovereignty) -> bool:
        """Return whether this is as good in every respect."""
        is_score = self.ceiling >= other.ceiling and self.score >= other.score
        return is_score and self.vendors >= other.vendors


@frozen_dataclass
class Parts:
    """Parts of some fabric planes.

    Attributes:
        switches: number by model.
        links: number by rate in Gbps.
        ends: number of links to the outside, of which our end alone is bought, by rate in Gbps.
        units: height of all switches.
        watts: power of all switches, at the upper ends of ranges.
    """

    switches: Counter[str] = field(default_factory=Counter)
    links: Counter[int] = field(default_factory=Counter)
    ends: Counter[int] = field(default_factory=Counter)
    units: int = 0
    watts: int = 0


def count_parts(described: Iterable[Fabric], sizes: Iterable[FabricSize]) -> Parts:
    """Count switches and links of some planes, as the cost assessment does on the plan."""
    fabrics = {fabric.name: fabric for fabric in described}
    named: Counter[str] = Counter()
    links: Counter[int] = Counter()
    ends: Counter[int] = Counter()
    units = watts = 0
    for size in sizes:
        fabric = fabrics[size.fabric]
        for tier, count in switch_batches(fabric, size):
            model = fabric.switch_of(tier) or f"switch-{size.fabric}"
            named[model] += count
            units += count * switch_units(fabric, tier)
            watts += count * switch_watts(fabric, tier)
        links[size.link // GBPS] += size.node_leaf
        between = size.leaf_leaf + size.partners + size.leaf_spine + size.spine_core
        if between:
            links[size.uplink // GBPS] += between
        if size.outside and size.layout is not None and size.layout.outside is not None:
            ends[size.layout.outside.rate // GBPS] += size.outside
    return Parts(named, links, ends, units, watts)


class Prices:
    """Prices in euro: those of the project, each replaced by the user's."""

    def __init__(self, given: Mapping[str, GivenValue], country: str) -> None:
        """Read them; `country` selects the price of buildings."""
        self._given = given
        rate = self._figure("exchange.usd-per-eur")
        self.rate = 1.0 if rate is None else rate
        local = self._figure(f"building.per-watt.{country}")
        self.per_watt = local if local is not None else self._figure("building.per-watt") or 0.0

    def _figure(self, name: str) -> float | None:
        """Return a figure; None where nobody gives it."""
        if name in self._given:
            return self._given[name].value
        known = figures("prices").get(name)
        value = None if known is None else known.value
        return float(value) if isinstance(value, int | float) else None

    def of(self, parts: Parts, watts: float) -> Amount:
        """Return the cost of some parts with the building for some watts."""
        known = watts * self.per_watt
        unknown: Counter[str] = Counter()
        counts: dict[str, float] = {}
        for model, count in parts.switches.items():
            counts[f"price.{model}"] = count
        # A link is priced with its optics, by its rate; one to the outside has one end of ours.
        for rate in parts.links.keys() | parts.ends.keys():
            counts[f"price.link.{rate}"] = parts.links[rate] + parts.ends[rate] / 2
        for name, number in counts.items():
            each = self._figure(name)
            if each is None:
                unknown[name] += ceil(number)
            else:
                known += number * each
        return Amount(known / self.rate, dict(unknown))


def missing_prices(cost: Amount) -> int:
    """Return the number of prices that nobody gives."""
    return len(cost.unknown)


def site_power(factory: AIFactory, draft: Draft) -> int:
    """Return the watts of the whole site, with switches and storage servers at the upper ends of ranges."""
    [site] = factory.sites
    other = other_watts(factory, draft.sizes, draft.storage, site.name)
    return site_load(site, draft.groups, other).watts


def replacing_vendors(fabric: Mapping[str, Any]) -> int:
    """Return how many vendors of the catalogue could deliver every switch of a fabric.

    A model can take another's place where it is of the same kind and has at least its ports and rate.
    """
    vendors: set[str] | None = None
    for name in {fabric["switch"], fabric.get("spine_switch") or fabric["switch"]}:
        model = switch(name)
        able: set[str] = set()
        for other in switches():
            is_large = other.ports >= model.ports and other.rate >= model.rate
            if other.kind == model.kind and is_large:
                able.add(other.vendor)
        vendors = able if vendors is None else vendors & able
    return len(vendors or ())


@frozen_dataclass
class Score:
    """What a candidate costs, draws, survives and depends on.

    Attributes:
        cost: euro for switches, links and the building; machines and storage are alike in all candidates.
        power: watts of the site, at the upper ends of ranges.
        headroom: what the loss of a switch leaves.
        sovereignty: how sovereign it can be.
    """

    cost: Amount
    power: int
    headroom: Headroom
    sovereignty: Sovereignty

    def at_least_as_good(self, other: Score) -> bool:
        """Return whether this is as good as the other in every respect."""
        is_cheaper = self.cost.at_most(other.cost) and self.power <= other.power
        is_safer = self.headroom.at_least(other.headroom)
        return is_cheaper and is_safer and self.sovereignty.at_least(other.sovereignty)

    def dominates(self, other: Score) -> bool:
        """Return whether this is as good in every respect, and better in one."""
        return self.at_least_as_good(other) and not other.at_least_as_good(self)

"""Concentration of each layer: the shares of its holders, and an index with a note on how little it means.

A sum of squared shares over two or three holders mostly repeats the largest share: one holder gives 10,000 by
definition, two equal ones 5,000. It does not show how soon a holder could be replaced; the drill does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import fabrics_by_name
from sovereign_ai.sovereignty.areas import home
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.parts.part import NOT_DESCRIBED
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

_FEW = 10
"""Holders below which the index means little beyond the largest share."""
Holder = tuple[str, str | None]
"""A holder's name, and the country of the jurisdiction over it."""
Amounts = Counter[Holder]


@frozen_dataclass
class Concentration:
    """The concentration of one layer.

    Attributes:
        layer: the layer.
        unit: the unit of the amounts.
        shares: each holder with its share in percent, to one digit, largest first.
        outside: percent under a jurisdiction outside the European Economic Area, or under an unknown one.
        index: sum of squared percentages; 10,000 for one holder.
        note: how much the index means.
    """

    layer: str
    unit: str
    shares: tuple[tuple[str, float], ...]
    outside: float
    index: int
    note: str

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["shares"] = [list(share) for share in self.shares]
        return data


def concentration(factory: AIFactory, plan: Plan, graph: Graph) -> tuple[Concentration, ...]:
    """Return the shares of each layer that can be counted."""
    layers: list[Concentration] = []
    for layer, unit, amounts in _counts(factory, plan, graph):
        if amounts:
            layers.append(_row(layer, unit, amounts))
    return tuple(layers)


def _counts(factory: AIFactory, plan: Plan, graph: Graph) -> Iterator[tuple[str, str, Amounts]]:
    """Yield each layer with its unit and its amounts."""
    holders = {}
    for part in graph.parts:
        holders[part.id] = (part.holder, part.law)
    yield "accelerators", "pieces", _pieces(graph, holders, "accelerator:")
    yield "machines", "pieces", _pieces(graph, holders, "system:")
    yield "switches", "pieces", _switches(factory, plan, holders)
    lines: Amounts = Counter()
    power: Amounts = Counter()
    for site in factory.sites:
        for line in site.uplinks:
            lines[line.carrier, line.carrier_seat] += line.rate.count
        for contract in site.contracts:
            power[contract.supplier, contract.supplier_seat] += contract.power.count
    yield "lines", "rate", lines
    yield "electricity", "contracted power", power


def _pieces(graph: Graph, holders: Mapping[str, Holder], prefix: str) -> Amounts:
    """Count planned pieces and spares of one kind of hardware by holder.

    Args:
        graph: the graph, which has their numbers.
        holders: the holder of each part.
        prefix: beginning of the ids of that kind.
    """
    amounts: Amounts = Counter()
    for name, number in graph.machines.items():
        if name.startswith(prefix):
            amounts[holders[name]] += number + graph.spares.get(name, 0)
    return amounts


def _switches(factory: AIFactory, plan: Plan, holders: Mapping[str, Holder]) -> Amounts:
    """Count switches by holder; those without a model have none that is known."""
    fabrics = fabrics_by_name(factory)
    amounts: Amounts = Counter()
    for plane in plan.fabrics:
        for switch in plane.switches:
            model = fabrics[plane.fabric].switch_of(switch.tier)
            amounts[holders[f"switch:{model}"] if model else (NOT_DESCRIBED, None)] += 1
    return amounts


def _row(layer: str, unit: str, amounts: Amounts) -> Concentration:
    """Return the shares of one layer."""
    total = sum(amounts.values())
    by_holder: Counter[str] = Counter()
    outside = 0
    for (holder, law), number in amounts.items():
        by_holder[holder] += number
        if not home(law):
            outside += number
    shares: list[tuple[str, float]] = []
    squares = Fraction(0)
    for holder, number in by_holder.items():
        percent = round(100 * number / total, 1)
        shares.append((holder, percent))
        # Fractions, so that the rounding of the shares does not add up in the index.
        squares += Fraction(100 * number, total) ** 2
    shares.sort(key=lambda share: (-share[1], share[0]))
    return Concentration(
        layer=layer,
        unit=unit,
        shares=tuple(shares),
        outside=round(100 * outside / total, 1),
        index=round(squares),
        note=_note(len(by_holder)),
    )


def _note(holders: int) -> str:
    """Return how much the index means for a number of holders."""
    if holders == 1:
        return "one holder: 10,000 by definition"
    if holders < _FEW:
        return f"{counted(holders, 'holder')}: the index says little beyond the largest share"
    return "enough holders to compare"

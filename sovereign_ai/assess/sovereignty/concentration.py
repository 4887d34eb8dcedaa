"""Concentration as shares by layer; an index only with a note how little it says.

A sum of squared shares over two or three holders mostly repeats the largest share: one holder gives
10,000 by definition, two equal ones 5,000, whatever they do. It says nothing on how soon a holder
could be replaced; the drill does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sovereign_ai.assess.sovereignty.areas import home
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.assess.sovereignty.parts.part import NOT_DESCRIBED
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

_FEW = 10
"""Fewer holders than this, and the index says little beyond the largest share."""


@dataclass(frozen=True, slots=True)
class Concentration:
    """One layer.

    Attributes:
        layer: what is counted.
        unit: in what.
        shares: holder to its share in per cent, one digit, largest first.
        outside: per cent held under law from outside the European Economic Area, or by nobody known.
        index: sum of squared percentages; 10,000 for one holder.
        note: how much the index says.
    """

    layer: str
    unit: str
    shares: tuple[tuple[str, float], ...]
    outside: float
    index: int
    note: str

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "shares": [[holder, share] for holder, share in self.shares]}


def concentration(factory: AIFactory, plan: Plan, graph: Graph) -> tuple[Concentration, ...]:
    """Give the shares of each layer that can be counted."""
    return tuple(_row(*counted) for counted in _counts(factory, plan, graph) if counted[2])


def _counts(factory: AIFactory, plan: Plan, graph: Graph) -> Iterator[tuple[str, str, Counter[tuple[str, str | None]]]]:
    """Count each layer by holder and law."""
    holders = {part.id: (part.holder, part.law) for part in graph.parts}
    for layer, unit, prefix in (("accelerators", "pieces", "accelerator:"), ("machines", "pieces", "system:")):
        found: Counter[tuple[str, str | None]] = Counter()
        for name, number in graph.machines.items():
            if name.startswith(prefix):
                found[holders[name]] += number + graph.spares.get(name, 0)
        yield layer, unit, found
    makes = {fabric.name: fabric.switch for fabric in factory.fabrics}
    found = Counter()
    for plane in plan.fabrics:
        make = makes[plane.fabric]
        found[holders[f"switch:{make}"] if make else (NOT_DESCRIBED, None)] += len(plane.switches)
    yield "switches", "pieces", found
    yield (
        "lines",
        "rate",
        Counter(_sum((line.carrier, line.carrier_seat, line.rate.count) for site in factory.sites for line in site.uplinks)),
    )
    contracts = ((one.supplier, one.supplier_seat, one.power.count) for site in factory.sites for one in site.contracts)
    yield "electricity", "contracted power", Counter(_sum(contracts))


def _sum(rows: Iterator[tuple[str, str, int]]) -> dict[tuple[str, str | None], int]:
    """Add amounts by holder and law."""
    found: dict[tuple[str, str | None], int] = {}
    for holder, law, amount in rows:
        found[holder, law] = found.get((holder, law), 0) + amount
    return found


def _row(layer: str, unit: str, counts: Counter[tuple[str, str | None]]) -> Concentration:
    """Turn counts into shares."""
    total = sum(counts.values())
    by_holder: Counter[str] = Counter()
    for (holder, _), number in counts.items():
        by_holder[holder] += number
    shares = tuple(
        sorted(((name, round(100 * number / total, 1)) for name, number in by_holder.items()), key=lambda one: (-one[1], one[0]))
    )
    outside = sum(number for (_, law), number in counts.items() if not home(law))
    index = round(sum((Fraction(100 * number, total) ** 2 for number in by_holder.values()), Fraction(0)))
    note = (
        f"{len(by_holder)} holders: the index says little beyond the largest share"
        if len(by_holder) < _FEW
        else "enough holders to compare"
    )
    return Concentration(
        layer, unit, shares, round(100 * outside / total, 1), index, "one holder: 10,000 by definition" if len(by_holder) == 1 else note
    )

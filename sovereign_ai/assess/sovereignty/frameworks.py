"""CADA (a proposal), BSI C3A, Gaia-X and SCS, as far as the description answers; the rest is asked of a person.

Requirements are in our words. `met` means met as described, on the operator's own word, and `not
met` that the description itself says otherwise; where a label asks for a certificate or an audit,
that is still wanted. What the description does not say is `open`, never met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sovereign_ai.assess.sovereignty.drill import Drill
from sovereign_ai.assess.sovereignty.findings import FINDINGS, Case
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.assess.sovereignty.tables import table
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

Outcome = Literal["met", "not met", "open"]


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement.

    Attributes:
        id: the framework's own id.
        words: what it asks, in our words.
        outcome: `met` as described, `not met`, or `open`.
        why: the reason; empty where a person is asked.
        fields: fields of the description that it follows from.
    """

    id: str
    words: str
    outcome: Outcome
    why: str
    fields: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {"id": self.id, "words": self.words, "outcome": self.outcome, "why": self.why, "fields": list(self.fields)}


@dataclass(frozen=True, slots=True)
class Framework:
    """One framework's requirements.

    Attributes:
        id: short name.
        title: what it is, its standing included.
        status: `proposal` or `guideline`.
        version: the edition.
        dated: day of the edition.
        source: where it was read.
        items: its requirements in its own order.
    """

    id: str
    title: str
    status: str
    version: str
    dated: str
    source: str
    items: tuple[Item, ...]

    def count(self, outcome: Outcome) -> int:
        """Count the requirements with an outcome."""
        return sum(one.outcome == outcome for one in self.items)

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "items": [one.to_data() for one in self.items]}


def frameworks(factory: AIFactory, plan: Plan, graph: Graph, drills: tuple[Drill, ...]) -> tuple[Framework, ...]:
    """Read every framework."""
    case = Case(factory, plan, graph, drills)
    cache: dict[str, tuple[Outcome, str, tuple[str, ...]]] = {"ask": ("open", "", ())}
    found: list[Framework] = []
    for raw in table("frameworks.json")["frameworks"]:
        items: list[Item] = []
        for row in raw["rows"]:
            by = row["by"]
            if by not in cache:
                holds, why, fields = FINDINGS[by](case)
                cache[by] = ("open" if holds is None else "met" if holds else "not met", why, tuple(sorted(fields)))
            items.append(Item(row["id"], row["words"], *cache[by]))
        found.append(Framework(raw["id"], raw["title"], raw["status"], raw["version"], raw["dated"], raw["source"], tuple(items)))
    return tuple(found)

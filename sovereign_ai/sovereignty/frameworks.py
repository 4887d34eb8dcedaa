"""Other frameworks: CADA (a proposal), BSI C3A, Gaia-X and SCS, as far as the description answers them.

Requirements are in this project's words. `met` means met as described, on the operator's own word. `not met`
means that the description itself contradicts it. Where a label requires a certificate or an audit, that is
still needed. A requirement that the description does not decide is `open`, never met.
"""

from __future__ import annotations

from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members
from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.drill import Drill
from sovereign_ai.sovereignty.findings import FINDINGS, CaseFinding, FindingCase
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.tables import table
from sovereign_ai.spec import AIFactory

Outcome = Literal["met", "not met", "open"]


@frozen_dataclass
class Item:
    """One requirement.

    Attributes:
        id: the framework's own id.
        words: the requirement in this project's words.
        outcome: `met` as described, `not met`, or `open`.
        why: the reason; empty where a person must answer.
        fields: fields of the description that it follows from.
    """

    id: str
    words: str
    outcome: Outcome
    why: str
    fields: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "id": self.id,
            "words": self.words,
            "outcome": self.outcome,
            "why": self.why,
            "fields": list(self.fields),
        }


@frozen_dataclass
class Framework:
    """One framework's requirements.

    Attributes:
        id: short name.
        title: its title, with its legal standing.
        status: `proposal` or `guideline`.
        version: the edition.
        dated: day of the edition.
        source: where it was published.
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
        return sum(item.outcome == outcome for item in self.items)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["items"] = [item.to_data() for item in self.items]
        return data


def frameworks(
    factory: AIFactory, plan: Plan, graph: Graph, drills: tuple[Drill, ...]
) -> tuple[Framework, ...]:
    """Return every framework with the outcome of its requirements."""
    case = FindingCase(factory, plan, graph, drills)
    # Requirements of several frameworks share a finding, which is made once.
    outcomes: dict[str, tuple[Outcome, str, tuple[str, ...]]] = {"ask": ("open", "", ())}
    results: list[Framework] = []
    for raw in table("frameworks.json")["frameworks"]:
        items: list[Item] = []
        for row in raw["rows"]:
            name = row["by"]
            if name not in outcomes:
                outcomes[name] = _outcome(FINDINGS[name](case))
            items.append(Item(row["id"], row["words"], *outcomes[name]))
        framework = Framework(
            id=raw["id"],
            title=raw["title"],
            status=raw["status"],
            version=raw["version"],
            dated=raw["dated"],
            source=raw["source"],
            items=tuple(items),
        )
        results.append(framework)
    return tuple(results)


def _outcome(finding: CaseFinding) -> tuple[Outcome, str, tuple[str, ...]]:
    """Return the outcome of a requirement, its reason, and the fields it follows from."""
    outcome: Outcome = "open"
    if finding.holds is not None:
        outcome = "met" if finding.holds else "not met"
    return outcome, finding.why, tuple(sorted(finding.fields))

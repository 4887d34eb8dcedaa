"""What a sovereignty assessment finds, as plain data; `report.py` finds it and `terminal.py` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from sovereign_ai.assess.sovereignty.answers import Answer
from sovereign_ai.assess.sovereignty.concentration import Concentration
from sovereign_ai.assess.sovereignty.criteria import SOURCE, WEIGHTS, criterion
from sovereign_ai.assess.sovereignty.drill import MOST, Drill
from sovereign_ai.assess.sovereignty.export_control import Exposure, notes, rules
from sovereign_ai.assess.sovereignty.frameworks import Framework
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.assess.sovereignty.verdict import Verdict

NOTICE = "Self-assessment of the declared service perimeter; no audit, no certificate, no legal advice."
"""What every output says."""


@dataclass(frozen=True, slots=True)
class Sets:
    """The smallest sets whose loss stops a service; exact up to `MOST` members, larger ones are not listed.

    Attributes:
        parts: sets of parts, each lost outright.
        holders: days after a cut to sets of holders that withdraw.
        countries: days after a cut to sets of countries, by the law over the holder.
    """

    parts: list[list[str]]
    holders: Mapping[int, list[list[str]]]
    countries: Mapping[int, list[list[str]]]

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "largest_listed": MOST,
            "parts": self.parts,
            "holders": {str(day): sets for day, sets in self.holders.items()},
            "countries": {str(day): sets for day, sets in self.countries.items()},
        }


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that is found.

    Attributes:
        factory: the factory's name.
        perimeter: what is assessed, in the description's words.
        now: the day that counts.
        spec_digest: digest of the description.
        graph: the dependencies.
        drills: what each country, holder and export rule can stop.
        sets: `training` and `inference` to the smallest sets that stop it.
        exposures: export control, by accelerator.
        concentration: shares by layer.
        answers: the 48 criteria.
        verdict: the framework's verdict.
        frameworks: the other frameworks.
    """

    factory: str
    perimeter: str
    now: date
    spec_digest: str
    graph: Graph
    drills: tuple[Drill, ...]
    sets: Mapping[str, Sets]
    exposures: tuple[Exposure, ...]
    concentration: tuple[Concentration, ...]
    answers: tuple[Answer, ...]
    verdict: Verdict
    frameworks: tuple[Framework, ...]

    def questions(self) -> list[dict[str, str]]:
        """Give what a person must answer: open criteria, open requirements, and parts that nobody describes."""
        found = [
            {"of": "ECSF", "id": one.criterion, "ask": criterion(one.criterion).title, "because": one.why}
            for one in self.answers
            if one.open
        ]
        found += [
            {
                "of": part.layer,
                "id": part.id,
                "ask": f"{'under which law is' if part.described else 'who holds'}: {part.what}",
                "because": "the description does not say",
            }
            for part in self.graph.parts
            if not part.known
        ]
        found += [
            {"of": one.id, "id": item.id, "ask": item.words, "because": item.why}
            for one in self.frameworks
            for item in one.items
            if item.outcome == "open"
        ]
        return found

    def to_data(self) -> dict[str, Any]:
        """Give plain data: everything, with sources."""
        return {
            "notice": NOTICE,
            "factory": self.factory,
            "perimeter": self.perimeter,
            "date": self.now.isoformat(),
            "spec_digest": self.spec_digest,
            "parts": [part.to_data() for part in self.graph.parts],
            "drills": [one.to_data() for one in self.drills],
            "minimal_sets": {served: sets.to_data() for served, sets in self.sets.items()},
            "export_control": {"accelerators": [one.to_data() for one in self.exposures], "rules": rules(), "notes": notes()},
            "concentration": [one.to_data() for one in self.concentration],
            "ecsf": {
                "source": SOURCE,
                "weights": [
                    {"name": one.name, "published": one.published, "source": one.source, "values": dict(one.values)} for one in WEIGHTS
                ],
                **self.verdict.to_data(),
                "answers": [one.to_data() for one in self.answers],
            },
            "frameworks": [one.to_data() for one in self.frameworks],
            "questions": self.questions(),
        }

    def canonical(self) -> bytes:
        """Give canonical JSON: sorted keys, UTF-8."""
        return orjson.dumps(self.to_data(), option=orjson.OPT_SORT_KEYS)

"""The results of a sovereignty assessment, as plain data.

`report.py` calculates them, and `terminal.py` writes them as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.answers import CriterionAnswer
from sovereign_ai.sovereignty.concentration import Concentration
from sovereign_ai.sovereignty.criteria import SOURCE, WEIGHTS, criterion
from sovereign_ai.sovereignty.drill import MOST, Drill
from sovereign_ai.sovereignty.export_control import Exposure, notes, rules
from sovereign_ai.sovereignty.frameworks import Framework
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.verdict import SovereigntyVerdict

NOTICE = "Self-assessment of the declared service perimeter; no audit, no certificate, no legal advice."
"""The notice that every output carries."""


@frozen_dataclass
class Sets:
    """The smallest sets whose loss stops a service; exact up to `MOST` members, larger ones are not listed.

    Attributes:
        parts: sets of parts, each lost at once.
        holders: sets of holders that withdraw, by days after the cut.
        countries: sets of countries, by the jurisdiction over the holder, by days after the cut.
    """

    parts: list[list[str]]
    holders: Mapping[int, list[list[str]]]
    countries: Mapping[int, list[list[str]]]

    def to_data(self) -> dict[str, Any]:
        """Return plain data; days become texts, as JSON has no other keys."""
        holders = {}
        for day, sets in self.holders.items():
            holders[str(day)] = sets
        countries = {}
        for day, sets in self.countries.items():
            countries[str(day)] = sets
        return {"largest_listed": MOST, "parts": self.parts, "holders": holders, "countries": countries}


@frozen_dataclass
class AssessmentResults:
    """All results of a sovereignty assessment.

    Attributes:
        factory: the factory's name.
        perimeter: the assessed perimeter, in the description's words.
        now: the day on which waivers, certificates and evidence must be in force.
        spec_digest: digest of the description.
        graph: the dependencies.
        drills: the effect of each country, holder and export rule.
        sets: the smallest sets that stop `training` and `inference`.
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
    answers: tuple[CriterionAnswer, ...]
    verdict: SovereigntyVerdict
    frameworks: tuple[Framework, ...]

    def questions(self) -> list[dict[str, str]]:
        """Return the questions to a person: open criteria, undescribed parts and open requirements."""
        questions: list[dict[str, str]] = []
        for answer in self.answers:
            if answer.open:
                ask = criterion(answer.criterion).title
                questions.append(_question("ECSF", answer.criterion, ask, answer.why))
        for part in self.graph.parts:
            if not part.known:
                ask = f"{'under which law is' if part.described else 'who holds'}: {part.what}"
                questions.append(_question(part.layer, part.id, ask, "the description does not say"))
        for framework in self.frameworks:
            required = []
            for item in framework.items:
                if item.outcome == "open":
                    required.append(item)
            questions += [_question(framework.id, item.id, item.words, item.why) for item in required]
        return questions

    def to_data(self) -> dict[str, Any]:
        """Return plain data: everything, with sources."""
        return {
            "notice": NOTICE,
            "factory": self.factory,
            "perimeter": self.perimeter,
            "date": self.now.isoformat(),
            "spec_digest": self.spec_digest,
            "parts": _data(self.graph.parts),
            "drills": _data(self.drills),
            "minimal_sets": {served: sets.to_data() for served, sets in self.sets.items()},
            "export_control": self._export_control(),
            "concentration": _data(self.concentration),
            "ecsf": self._ecsf(),
            "frameworks": _data(self.frameworks),
            "questions": self.questions(),
        }

    def _export_control(self) -> dict[str, Any]:
        """Return the plain data of export control."""
        return {"accelerators": _data(self.exposures), "rules": rules(), "notes": notes()}

    def _ecsf(self) -> dict[str, Any]:
        """Return the plain data of the EU Cloud Sovereignty Framework."""
        weights: list[dict[str, Any]] = []
        for weighting in WEIGHTS:
            row = {"name": weighting.name, "published": weighting.published, "source": weighting.source}
            weights.append({**row, "values": dict(weighting.values)})
        verdict, answers = self.verdict.to_data(), _data(self.answers)
        return {"source": SOURCE, "weights": weights, **verdict, "answers": answers}

    def canonical(self) -> bytes:
        """Return canonical JSON: sorted keys, UTF-8."""
        return orjson.dumps(self.to_data(), option=orjson.OPT_SORT_KEYS)


def _data(results: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the plain data of each of some results."""
    return [result.to_data() for result in results]


def _question(of: str, name: str, ask: str, because: str) -> dict[str, str]:
    """Return one question as plain data."""
    return {"of": of, "id": name, "ask": ask, "because": because}

"""Answers to the criteria: from the description and from evidence, capped by waivers and violations.

1. Evidence counts if it has the grade that its own answer needs; the description caps it.
2. Without such evidence the description answers by itself, where it can and where the operator's own word is
   enough: in practice, admissions.
3. Everything else is open. Open counts as the worst answer, and is a question to a person.
4. A waiver in force, or a violation, of a rule that serves a criterion bars its best answer: data that may
   leave under an exception does not stay in the Union alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members
from sovereign_ai.plan import Plan
from sovereign_ai.rules import REGISTRY, decide
from sovereign_ai.sovereignty.criteria import CRITERIA, Criterion, EvidenceGrade
from sovereign_ai.sovereignty.evidence import Evidence, EvidenceSet
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Readings
from sovereign_ai.spec import AIFactory

COMPLIANCE = "SOV-7.2"
"""The criterion that every other waiver bars: compliance with exceptions is not full compliance."""


@frozen_dataclass
class CriterionAnswer:
    """The answer to one criterion.

    Attributes:
        criterion: its id.
        number: the answer's number; 0 where it is open.
        claimed: the number that the description itself gives, proven or not; 0 if it gives none.
        best: the best number that is still possible.
        grade: grade of its evidence; None where it is open.
        needs: the grade that `best` needs.
        why: the reason in words.
        source: where to find the evidence; empty for the description.
        fields: fields of the description that it follows from.
        barred: waivers and violated rules that bar the best answer.
    """

    criterion: str
    number: int
    claimed: int
    best: int
    grade: EvidenceGrade | None
    needs: EvidenceGrade
    why: str
    source: str
    fields: tuple[str, ...]
    barred: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Whether evidence is missing."""
        return self.number == 0

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["fields"] = list(self.fields)
        data["barred"] = list(self.barred)
        data["status"] = "open" if self.open else "answered"
        return data


def answers(
    read: Readings, evidence: EvidenceSet, bars: Mapping[str, tuple[str, ...]], now: date
) -> tuple[CriterionAnswer, ...]:
    """Answer every criterion, in the framework's order.

    Args:
        read: the readings of the description.
        evidence: the evidence of a person.
        bars: waivers and violations that bar a criterion's best answer, by criterion; see `bars_of`.
        now: the day on which evidence must be in force.
    """
    results: list[CriterionAnswer] = []
    for criterion in CRITERIA:
        counted = evidence.on(criterion.id, now)
        results.append(_answer(criterion, read.get(criterion.id), counted, bars.get(criterion.id, ())))
    return tuple(results)


def _answer(
    criterion: Criterion, reading: CriterionReading | None, evidence: Evidence | None, barred: tuple[str, ...]
) -> CriterionAnswer:
    """Answer one criterion."""
    limit = criterion.top - 1 if barred else criterion.top
    cap = min(reading.answer if reading else criterion.top, limit)
    why = reading.why if reading else "the description says nothing to it"
    fields = reading.fields if reading else ()
    claimed = cap if reading and reading.exact else 0

    def answered(
        number: int, best: int, grade: EvidenceGrade | None, why: str, source: str = ""
    ) -> CriterionAnswer:
        needs = criterion.answer(best).needs
        return CriterionAnswer(criterion.id, number, claimed, best, grade, needs, why, source, fields, barred)

    if evidence is not None and _is_enough(criterion, evidence):
        number = min(evidence.answer, cap)
        # Where the description caps the evidence, its reason is the one to show.
        why = why if number < evidence.answer and reading else "evidence"
        return answered(number, number, EvidenceGrade(evidence.grade), why, evidence.source)
    if reading is not None and _is_admission(criterion, reading):
        return answered(cap, cap, EvidenceGrade.SELF_ATTESTED, why)
    best = min(cap, evidence.answer) if evidence else cap
    if evidence:
        needs = criterion.answer(evidence.answer).needs
        why = f"the evidence is {evidence.grade}; its answer needs {needs}"
    elif claimed:
        why = f"{why}: described, and needs {criterion.answer(claimed).needs} evidence"
    return answered(0, best, None, why)


def _is_enough(criterion: Criterion, evidence: Evidence) -> bool:
    """Return whether evidence has at least the grade that its own answer needs."""
    return EvidenceGrade(evidence.grade).rank >= criterion.answer(evidence.answer).needs.rank


def _is_admission(criterion: Criterion, reading: CriterionReading) -> bool:
    """Return whether the description answers by itself, with the operator's own word as enough evidence."""
    is_certain = reading.exact or reading.answer == 1
    return is_certain and criterion.answer(reading.answer).needs == EvidenceGrade.SELF_ATTESTED


def bars_of(factory: AIFactory, plan: Plan, now: date) -> dict[str, tuple[str, ...]]:
    """Return the waivers in force and the violated rules that bar a best answer, by criterion."""
    serves: dict[str, list[str]] = {}
    for rule in REGISTRY:
        controls = []
        for control in rule.controls:
            if control.framework == "ECSF":
                controls.append(control.id)
        serves[rule.id] = controls or [COMPLIANCE]
    bars: defaultdict[str, set[str]] = defaultdict(set)
    for waiver in factory.waivers:
        if waiver.created <= now < waiver.expires:
            for name in serves.get(waiver.rule, [COMPLIANCE]):
                bars[name].add(f"waiver {waiver.id} of {waiver.rule}")
    for finding in decide(factory, plan, now):
        if finding.status == "violation":
            for name in serves.get(finding.rule, [COMPLIANCE]):
                bars[name].add(f"violation of {finding.rule}")
    return {name: tuple(sorted(reasons)) for name, reasons in sorted(bars.items())}

"""The answer to each criterion: what the description reads, what evidence adds, what waivers take away.

1. Evidence counts if its grade is the one that its own answer needs; then the description caps it.
2. Without such evidence the description answers by itself, where it can and where one's own word is
   enough: in practice, admissions.
3. Everything else is open. Open counts as the worst answer and is asked of a person.
4. A waiver in force, or a violation, of a rule that serves a criterion bars its best answer: data
   that may leave under an exception does not stay in the Union alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sovereign_ai.assess.sovereignty.criteria import CRITERIA, Criterion, Grade
from sovereign_ai.assess.sovereignty.evidence import Evidence, EvidenceSet
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Readings
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.check import decide
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.factory import AIFactory

COMPLIANCE = "SOV-7.2"
"""Where a waiver of a rule that serves no criterion shows: compliance with exceptions is not full compliance."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One criterion's answer.

    Attributes:
        criterion: its id.
        number: the answer's number; 0 where it is open.
        claimed: the number that the description itself gives, proven or not; 0 where it gives none.
        best: the best number that is still possible.
        grade: grade of the evidence that it rests on; None where it is open.
        needs: the grade that `best` needs.
        why: the reason in words.
        source: where the evidence can be seen; empty for the description.
        fields: fields of the description that it follows from.
        barred: waivers and violated rules that bar the best answer.
    """

    criterion: str
    number: int
    claimed: int
    best: int
    grade: Grade | None
    needs: Grade
    why: str
    source: str
    fields: tuple[str, ...]
    barred: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Whether it waits for evidence."""
        return self.number == 0

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "fields": list(self.fields), "barred": list(self.barred), "status": "open" if self.open else "answered"}


def answers(read: Readings, evidence: EvidenceSet, bars: Mapping[str, tuple[str, ...]], now: date) -> tuple[Answer, ...]:
    """Answer every criterion, in the framework's order.

    Args:
        read: what the description says.
        evidence: what a person adds.
        bars: criterion to what bars its best answer; see `bars_of`.
        now: the day on which evidence must be in force.
    """
    return tuple(_answer(one, read.get(one.id), evidence.on(one.id, now), bars.get(one.id, ())) for one in CRITERIA)


def _answer(one: Criterion, reading: Reading | None, evidence: Evidence | None, barred: tuple[str, ...]) -> Answer:
    """Answer one criterion."""
    limit = one.top - 1 if barred else one.top
    cap = min(reading.answer if reading else one.top, limit)
    why = reading.why if reading else "the description says nothing to it"
    fields = reading.fields if reading else ()
    claimed = cap if reading and reading.exact else 0
    if evidence is not None and Grade(evidence.grade).rank >= one.answer(evidence.answer).needs.rank:
        number = min(evidence.answer, cap)
        grade, source = Grade(evidence.grade), evidence.source
        why = why if number < evidence.answer and reading else "evidence"
        return Answer(one.id, number, claimed, number, grade, one.answer(number).needs, why, source, fields, barred)
    alone = reading is not None and (reading.exact or reading.answer == 1) and one.answer(reading.answer).needs == Grade.SELF_ATTESTED
    if alone:
        return Answer(one.id, cap, claimed, cap, Grade.SELF_ATTESTED, one.answer(cap).needs, why, "", fields, barred)
    best = min(cap, evidence.answer) if evidence else cap
    if evidence:
        why = f"the evidence is {evidence.grade}; its answer needs {one.answer(evidence.answer).needs}"
    elif claimed:
        why = f"{why}: described, and needs {one.answer(claimed).needs} evidence"
    return Answer(one.id, 0, claimed, best, None, one.answer(best).needs, why, "", fields, barred)


def bars_of(factory: AIFactory, plan: Plan, now: date) -> dict[str, tuple[str, ...]]:
    """Give, for each criterion, the waivers in force and the rules violated by the plan that bar its best answer."""
    serves = {rule.id: [one.id for one in rule.controls if one.framework == "ECSF"] or [COMPLIANCE] for rule in REGISTRY}
    found: dict[str, set[str]] = {}
    for waiver in factory.waivers:
        if waiver.created <= now < waiver.expires:
            for name in serves.get(waiver.rule, [COMPLIANCE]):
                found.setdefault(name, set()).add(f"waiver {waiver.id} of {waiver.rule}")
    for rule in {finding.rule for finding in decide(factory, plan, now) if finding.status == "violation"}:
        for name in serves.get(rule, [COMPLIANCE]):
            found.setdefault(name, set()).add(f"violation of {rule}")
    return {name: tuple(sorted(reasons)) for name, reasons in sorted(found.items())}

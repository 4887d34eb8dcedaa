"""Evidence for the sovereignty criteria that the description cannot give, in `evidence.yaml`.

    answers:
      - criterion: SOV-7.7
        answer: 5
        grade: contractual
        source: audit clause of the service contract
        dated: 2026-06-01
        expires: 2027-06-01

An answer counts only with evidence of the grade that it needs, until that expires or is too old for its grade
(`MOST_DAYS`). The description caps it: no evidence can show that data stays in the Union while a site is
outside. Two answers to one criterion are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import ANSWERS, decode, parse, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.criteria import criterion, known
from sovereign_ai.spec import Day, Model, Text, validated


class Evidence(Model):
    """One answer to one criterion, and its evidence."""

    criterion: Text
    """The framework's id, such as `SOV-7.7`."""
    answer: int = Field(ge=1, le=5, strict=True)
    """The answer's number, from 1, the worst."""
    grade: Literal["self-attested", "contractual", "certified", "technically-verified"]
    """The grade of the evidence."""
    source: Text
    """Where to find it: a contract's clause, a certificate's number, a test's report."""
    dated: Day | None = None
    """The day of the evidence."""
    expires: Day | None = None
    """The last day on which it counts; left out, only its age ends it."""


class EvidenceFile(Model):
    """The content of one `evidence.yaml`."""

    answers: tuple[Evidence, ...] = ()
    """Answers, at most one a criterion."""


MOST_DAYS: Mapping[str, int] = MappingProxyType(
    {"self-attested": 366, "technically-verified": 366, "contractual": 1_096, "certified": 1_096}
)
"""Greatest age of evidence in days, by its grade.

Certificates run for three years (ISO/IEC 17021-1:2015, 9.1.3). That a test or a statement is repeated every
year, and that a contract without an end is reviewed every three years, is this project's choice.
"""


def is_stale(evidence: Evidence, now: date) -> bool:
    """Return whether evidence is too old to count; a contract counts up to its own end, if that is given."""
    if evidence.dated is None or (evidence.grade == "contractual" and evidence.expires is not None):
        return False
    return (now - evidence.dated).days > MOST_DAYS[evidence.grade]


@frozen_dataclass
class EvidenceSet:
    """Evidence by criterion.

    Attributes:
        by_criterion: evidence by the criterion's id.
    """

    by_criterion: Mapping[str, Evidence]

    def on(self, name: str, now: date) -> Evidence | None:
        """Return the evidence on a criterion that counts on a day: dated by then, and not expired."""
        evidence = self.by_criterion.get(name)
        if evidence is None:
            return None
        is_expired = evidence.expires is not None and evidence.expires < now
        is_later = evidence.dated is not None and evidence.dated > now
        return None if is_expired or is_later or is_stale(evidence, now) else evidence


NONE = EvidenceSet(MappingProxyType({}))
"""No evidence beside the description."""


def evidence_set(answers: tuple[Evidence, ...], where: Callable[[str], Where] | None = None) -> EvidenceSet:
    """Return evidence by criterion.

    Args:
        answers: the answers of a file.
        where: returns the place of a field; left out, problems name the field alone.

    Raises:
        SpecError: an unknown criterion, an answer that it does not offer, or two answers to one; all at once.
    """
    place = where or (lambda field: Where(field=field))
    by_criterion: dict[str, Evidence] = {}
    problems: list[Problem] = []
    for number, evidence in enumerate(answers):
        problem = _problem(evidence, f"answers[{number}]", place, by_criterion)
        if problem is not None:
            problems.append(problem)
        else:
            by_criterion[evidence.criterion] = evidence
    if problems:
        raise SpecError(problems)
    return EvidenceSet(MappingProxyType(dict(sorted(by_criterion.items()))))


def _problem(
    evidence: Evidence, field: str, place: Callable[[str], Where], earlier: Mapping[str, Evidence]
) -> Problem | None:
    """Return what is wrong with one answer; None if nothing is.

    Args:
        evidence: the answer.
        field: its field, `answers[0]`.
        place: returns the place of a field.
        earlier: the answers before it, by criterion.
    """
    name = evidence.criterion
    if name not in known():
        message = f"no criterion is called {name!r}"
        return Problem("unknown-name", message, place(f"{field}.criterion"), nearest(name, known()))
    top = criterion(name).top
    if evidence.answer > top:
        hint = f"write a number from 1 to {top}"
        return Problem("out-of-range", f"{name} has {top} answers", place(f"{field}.answer"), hint)
    if name in earlier:
        hint = "keep the answer that holds for the whole perimeter"
        return Problem("duplicate-key", f"{name} is answered twice", place(f"{field}.criterion"), hint)
    dated, expires = evidence.dated, evidence.expires
    if dated is not None and expires is not None and expires < dated:
        message = f"it expires on {expires}, before it was made on {dated}"
        return Problem("contradiction", message, place(f"{field}.expires"), "correct one of both days")
    return None


def read_evidence(path: str | Path) -> EvidenceSet:
    """Read `evidence.yaml`, or the file of that name in a stack's folder.

    A folder without it has no evidence.

    Raises:
        SpecError: the file cannot be read, or its content has problems; all of them at once.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "evidence.yaml"
        # A dangling link is an error to report, not the absence of evidence.
        if not os.path.lexists(file):
            return NONE
    return read_evidence_text(read(file, ANSWERS), str(file))


def read_evidence_text(raw: bytes, file: str) -> EvidenceSet:
    """Read evidence from the bytes of a YAML file; `file` is only for messages.

    Raises:
        SpecError: every problem of the text.
    """
    parsed = parse(decode(raw, file, ANSWERS), file, ANSWERS)
    if not parsed.problems and not isinstance(parsed.data, dict):
        message = "evidence is a mapping with a list 'answers'"
        raise SpecError(Problem("wrong-type", message, Where(file, 1, 1), "start with 'answers:'"))
    content = validated(EvidenceFile, parsed)
    return evidence_set(content.answers, parsed.source.where)

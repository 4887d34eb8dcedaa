"""What a person knows and the description cannot say: answers with their evidence, in `evidence.yaml`.

    answers:
      - criterion: SOV-7.7
        answer: 5
        grade: contractual
        source: audit clause of the service contract
        dated: 2026-06-01
        expires: 2027-06-01

An answer counts only on evidence of the grade that it needs, and only until that expires. What the
description shows caps it: evidence cannot say that data stays in the Union while a site lies
outside. Two answers to one criterion are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field, ValidationError

from sovereign_ai.assess.sovereignty.criteria import criterion, known
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.spec.base import Day, Model, Text
from sovereign_ai.spec.problems import from_validation
from sovereign_ai.spec.yaml_text import MOST_BYTES, decode, parse


class Evidence(Model):
    """One answer to one criterion, and what it rests on."""

    criterion: Text
    """The framework's id, such as `SOV-7.7`."""
    answer: int = Field(ge=1, le=5, strict=True)
    """The answer's number, from 1, the worst."""
    grade: Literal["self-attested", "contractual", "certified", "technically-verified"]
    """How far the evidence carries."""
    source: Text
    """Where it can be seen: a contract's clause, a certificate's number, a test's report."""
    dated: Day | None = None
    """The day it is from."""
    expires: Day | None = None
    """The last day on which it counts; left out, it does not end by itself."""


class EvidenceFile(Model):
    """Everything in one `evidence.yaml`."""

    answers: tuple[Evidence, ...] = ()
    """Answers, at most one a criterion."""


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Evidence by criterion.

    Attributes:
        by_criterion: id to evidence.
    """

    by_criterion: Mapping[str, Evidence]

    def on(self, name: str, now: date) -> Evidence | None:
        """Give the evidence on a criterion that counts on a day: given by then, and not expired."""
        found = self.by_criterion.get(name)
        if found is None or (found.expires is not None and found.expires < now) or (found.dated is not None and found.dated > now):
            return None
        return found


NONE = EvidenceSet(MappingProxyType({}))
"""No evidence but the description."""


def evidence_set(answers: tuple[Evidence, ...], where: Callable[[str], Where] | None = None) -> EvidenceSet:
    """Put evidence in order.

    Raises:
        SpecError: an unknown criterion, an answer that it does not offer, or two answers to one; all at once.
    """
    place = where or (lambda field: Where(field=field))
    found: dict[str, Evidence] = {}
    problems: list[Problem] = []
    for number, one in enumerate(answers):
        field = f"answers[{number}]"
        if one.criterion not in known():
            at = place(f"{field}.criterion")
            problems.append(Problem("unknown-name", f"no criterion is called {one.criterion!r}", at, nearest(one.criterion, known())))
        elif one.answer > (top := criterion(one.criterion).top):
            at = place(f"{field}.answer")
            problems.append(Problem("out-of-range", f"{one.criterion} has {top} answers", at, f"write a number from 1 to {top}"))
        elif one.criterion in found:
            hint = "keep the answer that holds for the whole perimeter"
            problems.append(Problem("duplicate-key", f"{one.criterion} is answered twice", place(f"{field}.criterion"), hint))
        else:
            found[one.criterion] = one
    if problems:
        raise SpecError(problems)
    return EvidenceSet(MappingProxyType(dict(sorted(found.items()))))


def read_evidence(path: str | Path) -> EvidenceSet:
    """Read `evidence.yaml`, or the file of that name in a stack's folder; none there means no evidence.

    Raises:
        SpecError: the file cannot be read, or holds problems; all of them at once.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "evidence.yaml"
        if not file.exists():
            return NONE
    try:
        with file.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        problem = Problem("no-file", f"the evidence cannot be read: {reason}", Where(str(file)), "name an evidence.yaml, or a folder")
        raise SpecError(problem) from None
    return read_evidence_text(raw, str(file))


def read_evidence_text(raw: bytes, file: str) -> EvidenceSet:
    """Read evidence from the bytes of a YAML file; `file` is only for messages.

    Raises:
        SpecError: every problem that the text holds.
    """
    data, source, problems = parse(decode(raw, file), file)
    if problems:
        raise SpecError(problems)
    if not isinstance(data, dict):
        raise SpecError(Problem("wrong-type", "evidence is a mapping with a list 'answers'", Where(file, 1, 1), "start with 'answers:'"))
    try:
        read = EvidenceFile.model_validate(data)
    except ValidationError as error:
        raise SpecError(from_validation(error, EvidenceFile, where=source.where, key=source.key)) from None
    return evidence_set(read.answers, source.where)

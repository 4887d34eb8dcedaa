"""The 48 criteria of the EU Cloud Sovereignty Framework and its two published sets of weights.

Identifiers, values and SEAL levels are the Commission's; titles and answers are in this project's words. The
grade of evidence that an answer needs is this project's reading: for an admission of weakness the operator's
own word is enough; a claim that lifts the level to SEAL-3 or SEAL-4 needs a contract, a certificate or a
technical check.

    >>> len(CRITERIA), len(CLIFFS), sum(criterion.inert for criterion in CRITERIA)
    (48, 6, 9)
    >>> [weights.name for weights in WEIGHTS]
    ['v1.2.1', 'calculator-2026-06']
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.tables import DefectiveTableError, table


class EvidenceGrade(StrEnum):
    """The grade of evidence, from the weakest to the strongest."""

    SELF_ATTESTED = "self-attested"
    """The operator's own word; the description itself has this grade."""
    CONTRACTUAL = "contractual"
    """A binding promise to the customer."""
    CERTIFIED = "certified"
    """A third party's certificate or audit, in force."""
    TECHNICALLY_VERIFIED = "technically-verified"
    """A measurement or test that can be repeated."""

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return tuple(EvidenceGrade).index(self)


@frozen_dataclass
class Choice:
    """One of the answers of a criterion.

    Attributes:
        value: points that it adds to its objective's score.
        seal: the SEAL level that it permits.
        words: the answer in this project's words.
        needs: the least grade of evidence that it needs to count.
    """

    value: Decimal
    seal: int
    words: str
    needs: EvidenceGrade


@frozen_dataclass
class Criterion:
    """One criterion; answers count from 1, the worst, up to `top`.

    Attributes:
        id: the framework's id, `SOV-3.4`.
        objective: the objective it belongs to, `SOV-3`.
        title: the question in this project's words.
        answers: from the worst to the best.
    """

    id: str
    objective: str
    title: str
    answers: tuple[Choice, ...]

    @property
    def top(self) -> int:
        """The number of the best answer."""
        return len(self.answers)

    @property
    def inert(self) -> bool:
        """Whether every answer permits the same level, so that the criterion moves only the score."""
        return len({answer.seal for answer in self.answers}) == 1

    @property
    def cliff(self) -> bool:
        """Whether only the best answer permits more than SEAL-2."""
        return not self.inert and all(answer.seal <= 2 for answer in self.answers[:-1])

    def answer(self, number: int) -> Choice:
        """Return an answer by its number from 1."""
        return self.answers[number - 1]

    def least(self, level: int) -> int:
        """Return the number of the lowest answer from which every answer permits a level."""
        # From the top down: a low answer may permit a level that one above it does not.
        number = self.top
        while number > 1 and self.answers[number - 2].seal >= level:
            number -= 1
        return number


@frozen_dataclass
class Weights:
    """One published set of weights.

    Attributes:
        name: this project's short name.
        published: day of publication.
        source: place of publication.
        values: weight by objective; together 100.
    """

    name: str
    published: str
    source: str
    values: Mapping[str, int]


def _criterion(row: Mapping[str, object]) -> Criterion:
    """Return one criterion from its row of the data file."""
    answers = row["answers"]
    if not isinstance(answers, list) or not isinstance(row["id"], str):
        raise DefectiveTableError(f"criteria.json: {row.get('id')}")
    choices: list[Choice] = []
    for answer in answers:
        # Values are texts in the data file: as binary fractions their sums would not be exact.
        value, needs = Decimal(answer["value"]), EvidenceGrade(answer["needs"])
        choices.append(Choice(value, answer["seal"], answer["words"], needs))
    objective = row["id"].partition(".")[0]
    return Criterion(row["id"], objective, str(row["title"]), tuple(choices))


def _weights(row: Mapping[str, Any]) -> Weights:
    """Return one set of weights from its row of the data file."""
    return Weights(row["name"], row["published"], row["source"], MappingProxyType(row["values"]))


_TABLE = table("criteria.json")
NOMINAL = Decimal(_TABLE["nominal"])
"""The divisor of every objective; the sums of the best answers differ a little (1000 to 1002)."""
SOURCE: str = _TABLE["source"]
"""Place of publication of the criteria."""
OBJECTIVES: Mapping[str, str] = MappingProxyType(_TABLE["objectives"])
"""Name by objective."""
CRITERIA: tuple[Criterion, ...] = tuple(_criterion(row) for row in _TABLE["criteria"])
"""Every criterion in the framework's order."""
WEIGHTS: tuple[Weights, ...] = tuple(_weights(row) for row in _TABLE["weights"])
"""Both published sets; each report names the one that it uses."""
CLIFFS: tuple[str, ...] = tuple(row.id for row in CRITERIA if row.cliff)
"""Criteria whose best answer alone permits SEAL-3."""
LEVELS = ("No sovereignty", "Jurisdictional", "Data", "Digital resilience", "Full digital sovereignty")
"""Names of SEAL-0 to SEAL-4 in v1.2.1, shortened."""
_BY_ID = {row.id: row for row in CRITERIA}


def criterion(name: str) -> Criterion:
    """Return one criterion.

    Raises:
        KeyError: there is none of that id.
    """
    return _BY_ID[name]


def known() -> tuple[str, ...]:
    """Return every id in the framework's order."""
    return tuple(_BY_ID)

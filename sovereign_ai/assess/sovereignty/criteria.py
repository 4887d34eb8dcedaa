"""The 48 criteria of the EU Cloud Sovereignty Framework and its two published sets of weights.

Identifiers, values and SEAL levels are the Commission's; titles and answers are in our own words.
Which grade of evidence an answer needs is our reading: an admission of weakness needs none but
one's own word, a claim that lifts the level to SEAL-3 or SEAL-4 needs a contract, a certificate or
a technical check.

    >>> len(CRITERIA), len(CLIFFS), sum(one.inert for one in CRITERIA)
    (48, 6, 9)
    >>> [weights.name for weights in WEIGHTS]
    ['v1.2.1', 'calculator-2026-06']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from sovereign_ai.assess.sovereignty.tables import DefectiveTableError, table


class Grade(StrEnum):
    """How far evidence carries, from the weakest to the strongest."""

    SELF_ATTESTED = "self-attested"
    """One's own word; the description itself is of this grade."""
    CONTRACTUAL = "contractual"
    """A binding promise to the customer."""
    CERTIFIED = "certified"
    """A third party's certificate or audit, in force."""
    TECHNICALLY_VERIFIED = "technically-verified"
    """A measurement or test that can be repeated."""

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return tuple(Grade).index(self)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a criterion offers.

    Attributes:
        value: what it adds to its objective's score.
        seal: the SEAL level that it permits.
        words: what it says, in our words.
        needs: the least grade of evidence on which it counts.
    """

    value: Decimal
    seal: int
    words: str
    needs: Grade


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion; answers count from 1, the worst, up to `top`.

    Attributes:
        id: the framework's id, `SOV-3.4`.
        objective: the objective it belongs to, `SOV-3`.
        title: what it asks, in our words.
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
        """Whether every answer permits the same level, so that it moves the score alone."""
        return len({answer.seal for answer in self.answers}) == 1

    @property
    def cliff(self) -> bool:
        """Whether only the best answer permits more than SEAL-2."""
        return not self.inert and all(answer.seal <= 2 for answer in self.answers[:-1])

    def answer(self, number: int) -> Choice:
        """Give an answer by its number from 1."""
        return self.answers[number - 1]

    def least(self, level: int) -> int:
        """Give the number of the lowest answer that permits a level, and so does every answer above it."""
        number = self.top
        while number > 1 and self.answers[number - 2].seal >= level:
            number -= 1
        return number


@dataclass(frozen=True, slots=True)
class Weights:
    """One published set of weights.

    Attributes:
        name: our short name.
        published: when.
        source: where.
        values: objective to weight; together 100.
    """

    name: str
    published: str
    source: str
    values: Mapping[str, int]


def _criterion(row: Mapping[str, object]) -> Criterion:
    """Build one criterion from its row."""
    answers = row["answers"]
    if not isinstance(answers, list) or not isinstance(row["id"], str):
        raise DefectiveTableError(f"criteria.json: {row.get('id')}")
    choices = tuple(Choice(Decimal(one["value"]), one["seal"], one["words"], Grade(one["needs"])) for one in answers)
    return Criterion(row["id"], row["id"].partition(".")[0], str(row["title"]), choices)


_TABLE = table("criteria.json")
NOMINAL = Decimal(_TABLE["nominal"])
"""What every objective is divided by; the answers' own sums differ a little (1000 to 1002)."""
SOURCE: str = _TABLE["source"]
"""Where the criteria were published."""
OBJECTIVES: Mapping[str, str] = MappingProxyType(_TABLE["objectives"])
"""Objective to its name."""
CRITERIA: tuple[Criterion, ...] = tuple(_criterion(row) for row in _TABLE["criteria"])
"""Every criterion in the framework's order."""
WEIGHTS: tuple[Weights, ...] = tuple(
    Weights(one["name"], one["published"], one["source"], MappingProxyType(one["values"])) for one in _TABLE["weights"]
)
"""Both published sets; each report names the one that it uses."""
CLIFFS: tuple[str, ...] = tuple(one.id for one in CRITERIA if one.cliff)
"""Criteria whose best answer alone permits SEAL-3."""
LEVELS = ("No sovereignty", "Jurisdictional", "Data", "Digital resilience", "Full digital sovereignty")
"""Names of SEAL-0 to SEAL-4 in v1.2.1, shortened."""
_BY_ID = {one.id: one for one in CRITERIA}


def criterion(name: str) -> Criterion:
    """Give one criterion; KeyError if there is none of that id."""
    return _BY_ID[name]


def known() -> tuple[str, ...]:
    """Give every id in the framework's order."""
    return tuple(_BY_ID)

"""Reads `descriptions.yaml`: descriptions that say what cannot be, and those beside them that are right."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.plan import plan
from sovereign_ai.rules.whole_check import decide
from sovereign_ai.spec.reader import read_data
from tests.rules.cases import changed

TABLE = Path(__file__).with_name("descriptions.yaml")
LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab" / "factory.yaml"
TODAY = date(2026, 11, 24)
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Description:
    """The lab's description with something changed.

    Attributes:
        attack_class: the class, as `classes.yaml` names it.
        name: what is changed.
        decision: `deny` where it must be told, `allow` where nothing may be.
        changes: what is set, by dotted path.
    """

    attack_class: str
    name: str
    decision: str
    changes: Data

    def __str__(self) -> str:
        return f"{self.attack_class}/{self.name}".replace(" ", "-")

    def told(self) -> set[str]:
        """Return the codes of what is told of it, and not of the lab as it is."""
        return told(changed(lab(), self.changes)) - told(lab())


@cache
def read() -> tuple[Description, ...]:
    """Read the table."""
    table = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    rows: list[Description] = []
    for attack_class, lists in table.items():
        for list_name, decision in (("told", "deny"), ("permitted", "allow")):
            rows += [Description(attack_class, name, decision, row) for name, row in lists[list_name].items()]
    return tuple(rows)


def of_class(attack_class: str, decision: str) -> tuple[Description, ...]:
    """Return the descriptions of a class with one decision."""
    return tuple(row for row in read() if (row.attack_class, row.decision) == (attack_class, decision))


@cache
def _lab_text() -> str:
    return LAB.read_text(encoding="utf-8")


def lab() -> Data:
    """Return the lab's description as plain data."""
    data: Data = deepcopy(yaml.load(_lab_text(), yaml.CSafeLoader))
    return data


def told(data: Data) -> set[str]:
    """Return the codes of the problems, or of the rules' findings, of a description.

    A finding counts with what it says: another one of the same rule is told too.
    """
    try:
        factory = read_data(data, "factory.yaml").factory
        derived = plan(factory)
    except SpecError as error:
        return {problem.code for problem in error.problems}
    findings = decide(factory, derived, TODAY)
    return {f"{finding.rule} {finding.resource} {finding.message}" for finding in findings}

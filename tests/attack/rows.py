"""Prints each row of the audit with its classes, their variants and their controls.

python -m tests.attack.rows
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.attack import descriptions, variants
from tests.attack.counted import AttackClass, parameters, read

TABLE = Path(__file__).with_name("rows.yaml")
_OBJECTS = "tests/attack/test_variants.py::"
_DESCRIPTIONS = "tests/attack/test_descriptions.py::"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of the audit.

    Attributes:
        table: the table that it is in.
        name: its id and short words.
        classes: the classes that it is an example of.
    """

    table: str
    name: str
    classes: tuple[str, ...]


def _rows() -> list[AuditRow]:
    """Read the table."""
    tables: dict[str, dict[str, list[str]]] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    rows = []
    for table, listed in tables.items():
        rows += [AuditRow(table, name, tuple(classes)) for name, classes in listed.items()]
    return rows


ROWS = _rows()


def controls_of(attack_class: AttackClass) -> int:
    """Return how many controls a class has: of tests over a table, the entries of its own alone."""
    number = 0
    for test in attack_class.controls:
        if test.startswith(_OBJECTS):
            number += len(variants.of_class(attack_class.name, "allow"))
        elif test.startswith(_DESCRIPTIONS):
            number += len(descriptions.of_class(attack_class.name, "allow"))
        else:
            number += parameters(test)
    return number


def main() -> None:
    """Print the table."""
    by_name = {attack_class.name: attack_class for attack_class in read()}
    for row in ROWS:
        for name in row.classes:
            counts = f"{by_name[name].count():>4} {controls_of(by_name[name]):>4}"
            sys.stdout.write(f"{counts}  {row.name} -> {name}\n")


if __name__ == "__main__":
    main()

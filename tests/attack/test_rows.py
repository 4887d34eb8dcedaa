"""Each row of the audit is a class with ten variants of its own and a control that is allowed.

python -m tests.attack.rows        prints the table: row, class, variants, controls
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.attack.counted import parameters, read
from tests.attack.rows import ROWS, controls_of

CLASSES = {row.name: row for row in read()}
LEAST = 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"[^A-Za-z0-9-]+", "-", row.name))
def test_a_row_of_the_audit_has_ten_variants_in_each_of_its_classes_and_a_control(row: object) -> None:
    names = row.classes  # type: ignore[attr-defined]
    assert names
    for name in names:
        assert CLASSES[name].count() >= LEAST
        assert controls_of(CLASSES[name]) >= 1


def test_the_four_tables_of_the_audit_are_whole() -> None:
    sizes = Counter(row.table for row in ROWS)
    assert list(sizes.values()) == [10, 21, 10, 12]


def test_every_class_is_that_of_a_row() -> None:
    assert set(CLASSES) == {name for row in ROWS for name in row.classes}


def test_no_variant_counts_in_two_classes() -> None:
    counted: Counter[str] = Counter()
    for attack_class in CLASSES.values():
        counted.update(attack_class.variants + attack_class.rules + attack_class.hostile)
    assert [name for name, times in counted.items() if times > 1] == []


def test_no_control_is_a_variant() -> None:
    variants = {name for attack_class in CLASSES.values() for name in attack_class.variants}
    controls = {name for attack_class in CLASSES.values() for name in attack_class.controls}
    assert variants & controls == set()
    assert all(parameters(name) for name in controls)

"""Each class of ways round has ten variants that are tried, and a control that must be allowed."""

from __future__ import annotations

import pytest

from tests.attack import variants
from tests.attack.counted import AttackClass, collected, parameters, read, refused_cases

CLASSES = read()
LEAST = 10
"""Variants that a class must have."""


@pytest.mark.parametrize("attack_class", CLASSES, ids=lambda row: row.name.replace(" ", "-"))
def test_a_class_has_ten_variants_and_a_control(attack_class: AttackClass) -> None:
    assert attack_class.count() >= LEAST
    assert attack_class.controls
    for control in attack_class.controls:
        assert parameters(control) >= 1


@pytest.mark.parametrize("attack_class", CLASSES, ids=lambda row: row.name.replace(" ", "-"))
def test_a_class_with_objects_has_objects_that_are_permitted(attack_class: AttackClass) -> None:
    refused = variants.of_class(attack_class.name, "deny")
    assert bool(refused) == bool(variants.of_class(attack_class.name, "allow"))


def test_no_class_has_two_rows() -> None:
    assert len({row.name for row in CLASSES}) == len(CLASSES)


def test_parameters_are_multiplied_and_a_test_without_any_counts_once() -> None:
    file = "tests/toolchain/test_private_folders.py"
    name = "test_what_another_account_could_exchange_is_refused_whatever_leads_there"
    assert parameters(f"{file}::{name}") == 16
    assert parameters(f"{file}::test_all_openings_are_named_at_once") == 1


def test_a_test_that_is_not_there_is_no_variant() -> None:
    with pytest.raises(AttributeError):
        parameters("tests/attack/test_classes.py::test_that_nobody_wrote")
    with pytest.raises(ModuleNotFoundError):
        parameters("tests/attack/test_nowhere.py::test_a")
    with pytest.raises(AttributeError):
        collected("tests.hostile.texts:NOTHING")
    assert refused_cases("XXX-001") == 0

"""Descriptions that say what cannot be are told, whatever they call it, and right ones pass in silence."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.attack.counted import read as read_classes
from tests.attack.descriptions import TABLE, Description, lab, read, told
from tests.rules.cases import changed

_SUPPLIERS = "a supplier row that makes another's law"
_MOST_SECONDS = 3.0
"""Processor time in which a description is refused, or judged."""
TOLD = [row for row in read() if row.decision == "deny" and row.attack_class != _SUPPLIERS]
SUPPLIERS = [row for row in read() if row.decision == "deny" and row.attack_class == _SUPPLIERS]
PERMITTED = [row for row in read() if row.decision == "allow"]


@pytest.mark.parametrize("row", TOLD, ids=str)
def test_what_cannot_be_is_told_at_once(row: Description) -> None:
    started = time.process_time()
    assert row.told()
    assert time.process_time() - started < _MOST_SECONDS


@pytest.mark.parametrize("row", PERMITTED, ids=str)
def test_what_is_right_beside_it_is_told_of_in_nothing(row: Description) -> None:
    assert row.told() == set()


@pytest.mark.parametrize("row", SUPPLIERS, ids=str)
def test_no_supplier_row_silences_what_the_catalog_says_of_a_maker(row: Description) -> None:
    before, after = (_rules(data) for data in (lab(), changed(lab(), row.changes)))
    assert {"SUP-006", "SUP-007"} <= before <= after


def _rules(data: dict[str, Any]) -> set[str]:
    """Return the rules that find something in a description."""
    return {finding.split(" ")[0] for finding in told(data)}


def test_every_class_of_descriptions_is_one_of_the_list() -> None:
    assert {row.attack_class for row in read()} <= {row.name for row in read_classes()}, TABLE

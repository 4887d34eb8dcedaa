from __future__ import annotations

from datetime import date

from sovereign_ai.rules import controls
from sovereign_ai.rules.controls import Control

ALL = [value for value in vars(controls).values() if isinstance(value, Control)]


def test_each_control_has_an_id_of_its_own_in_its_framework() -> None:
    ids = [(control.framework, control.id) for control in ALL]
    assert len(set(ids)) == len(ids) > 40


def test_dates_are_days_and_no_proposal_counts_as_law() -> None:
    for control in ALL:
        assert date.fromisoformat(control.date) <= date(2026, 11, 24)
        assert (control.status == "proposal") == (control.framework == "CADA")

"""Readings of ownership and of foreign laws."""

from __future__ import annotations

import pytest

from sovereign_ai.sovereignty.areas import reaching_laws
from tests.sovereignty.described import Data, changed
from tests.sovereignty.readings.answered import answer
from tests.sovereignty.test_mutation import put


def test_the_parents_law_is_named(rich: Data) -> None:
    found = answer("SOV-2.2", changed(rich, put("operator", "parent", "seat", value="US")))
    assert found.best == 3
    assert all(law in found.why for law in reaching_laws("US"))
    assert reaching_laws("US")


def test_owners_that_nobody_declares_leave_control_open(rich: Data) -> None:
    rich["operator"]["shareholders"] = []
    found = answer("SOV-1.1", rich)
    assert (found.open, found.claimed, found.best) == (True, 0, 4)


@pytest.mark.parametrize(("share", "number"), [("10 %", 4), ("45 %", 3), ("60 %", 2), ("95 %", 1)])
def test_votes_abroad_bound_the_capital_at_home(rich: Data, share: str, number: int) -> None:
    rich["operator"]["shareholders"] = [{"name": "Example Fund", "seat": "US", "share": share}]
    assert answer("SOV-1.4", rich).best == number

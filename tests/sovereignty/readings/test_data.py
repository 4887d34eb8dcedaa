"""Readings of keys and of the location of data."""

from __future__ import annotations

from tests.sovereignty.described import Data, changed
from tests.sovereignty.readings.answered import answer
from tests.sovereignty.test_mutation import put


def test_an_admission_counts_on_the_operators_own_word(rich: Data) -> None:
    found = answer("SOV-3.1", changed(rich, put("keys", 0, "custodian", value="provider")))
    assert (found.number, found.grade) == (1, "self-attested")

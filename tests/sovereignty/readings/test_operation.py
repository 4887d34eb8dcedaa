"""Readings of people and of certificates."""

from __future__ import annotations

from tests.sovereignty.described import Data
from tests.sovereignty.readings.answered import answer


def test_a_claim_does_not_count_on_the_operators_own_word(rich: Data) -> None:
    found = answer("SOV-4.2", rich)
    assert (found.open, found.claimed, found.best) == (True, 5, 5)
    assert "needs certified evidence" in found.why


def test_a_certificate_past_its_day_says_nothing(rich: Data) -> None:
    assert answer("SOV-7.1", rich).why == "a certificate of EAL4 is declared"
    rich["operator"]["certificates"][0]["expires"] = "2026-11-23"
    assert answer("SOV-7.1", rich).why == "the description says nothing to it"

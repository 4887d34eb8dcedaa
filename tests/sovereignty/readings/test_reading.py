"""One reading."""

from __future__ import annotations

from sovereign_ai.sovereignty.readings.reading import at_most, exactly


def test_a_reading_answers_or_bounds_and_its_fields_are_sorted() -> None:
    assert exactly("SOV-1.1", 2, "why", "b", "a").fields == ("a", "b")
    assert (exactly("SOV-1.1", 2, "").exact, at_most("SOV-1.1", 2, "").exact) == (True, False)

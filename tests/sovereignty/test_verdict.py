"""The level, its ceiling and what holds them."""

from __future__ import annotations

from hypothesis import given, settings

from sovereign_ai.sovereignty.evidence import Evidence
from sovereign_ai.sovereignty.readings.reading import CriterionReading
from tests.sovereignty.test_answers import EVIDENCE, READINGS, judged


@settings(max_examples=80)
@given(READINGS, EVIDENCE)
def test_the_level_lies_at_or_below_the_ceiling_and_meets_it_when_nothing_is_open(
    read: dict[str, CriterionReading], evidence: dict[str, Evidence]
) -> None:
    found = judged(read, evidence, {})
    assert found.level <= found.ceiling
    assert all(found.scores[name] <= found.ceilings[name] for name in found.scores)
    if found.complete:
        assert found.level == found.ceiling

"""A verdict for a terminal: narrow, the most important finding last."""

from __future__ import annotations

from sovereign_ai.attest.text import verdict_lines
from tests.attest.judged import verdict


def test_the_text_is_narrow_and_ends_with_the_count() -> None:
    lines = verdict_lines(verdict())
    assert lines[-1].startswith("1 violation, 1 waived, 1 undecidable here, ")
    # Names of objects and fields are never cut; prose is.
    assert max(len(line) for line in lines if line.startswith("    ")) <= 80
    assert lines.index("LAW-001 [violation, high] Factory/small") > lines.index(
        "STF-003 [notice, info] Factory/small"
    )

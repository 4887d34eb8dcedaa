"""The page's sections: a violation is counted and marked."""

from __future__ import annotations

from sovereign_ai.attest.report.html_page import page
from tests.attest.report.reports import changed, report


def test_a_violation_is_counted_and_marked() -> None:
    before, after = report("lab"), changed("personal, in: [DE]", "personal, in: [FR]")
    assert before.ok
    assert not after.ok
    assert ">0 violations<" in page(before)
    assert ">0 violations<" not in page(after)

"""The control table: each finding at its line of the description."""

from __future__ import annotations

from sovereign_ai.attest.report.html_page import page
from tests.attest.report.reports import STACKS, report


def test_a_finding_is_linked_to_its_line_of_the_description() -> None:
    found = report("lab")
    text = page(found)
    placed = [finding for finding, _ in found.findings() if finding.where.line]
    assert placed
    for finding in placed:
        assert f'<a href="#L{finding.where.line}">factory.yaml:{finding.where.line}</a>' in text
    lines = (STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8").splitlines()
    assert all(f'id="L{number}"' in text for number in range(1, len(lines) + 1))

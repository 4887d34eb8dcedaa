"""The content of a report, as plain data."""

from __future__ import annotations

import orjson

from tests.attest.report.reports import report


def test_the_json_says_what_the_page_says() -> None:
    found = report("lab")
    data = orjson.loads(orjson.dumps(found.to_data(), option=orjson.OPT_SORT_KEYS))
    assert data["sovereignty"]["ecsf"]["level"] == found.sovereignty.verdict.level
    assert data["digests"]["plan"] == found.plan.digest
    assert "Self-assessment" in data["notice"]
    assert not [finding for finding in data["findings"] if "/" in (finding["file"] or "")]

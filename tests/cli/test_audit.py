"""`audit`: the text of an audit."""

from __future__ import annotations

from datetime import UTC, datetime

from sovereign_ai.cli.audit import lines
from sovereign_ai.rules.judgement import RuleVerdict
from sovereign_ai.verify.cluster_audit import AuditResult


def test_the_count_of_judged_objects_is_the_last_line() -> None:
    audit = AuditResult("lab", RuleVerdict(()), (), 17, (), datetime.now(UTC))
    text = lines(audit)
    assert text[0].startswith("Who can read secrets")
    assert text[-1] == "lab: 17 live objects judged"

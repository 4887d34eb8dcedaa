"""One verdict with everything in it: a violation, a waived one, an undecidable one and advice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from sovereign_ai.errors import Where
from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.judgement import RuleFinding, RuleVerdict, merge_verdicts
from sovereign_ai.rules.whole_check import check
from sovereign_ai.spec.factory import AIFactory
from tests.rules.test_described import factory_of, operator, waiver

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNDECIDED = RuleFinding("IMG-001", "high", "", "", "undecidable here (bundle)", "", status="undecidable")


@cache
def factory() -> AIFactory:
    return factory_of(**waiver(), **operator(support=["IN"], parent={"seat": "US"}))


@cache
def verdict() -> RuleVerdict:
    found = check(
        factory(),
        plan(factory()),
        [],
        now=TODAY,
        where=lambda field: Where("stacks/small/factory.yaml", 7, 3, field),
    )
    return merge_verdicts([found, RuleVerdict((UNDECIDED,))])


@cache
def clean() -> RuleVerdict:
    return RuleVerdict(())


def moved(found: RuleVerdict, file: str) -> RuleVerdict:
    return RuleVerdict(
        tuple(
            replace(one, where=replace(one.where, file=file)) if one.where.file else one
            for one in found.findings
        )
    )

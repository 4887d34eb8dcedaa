"""One verdict with everything in it: a violation, a waived one, an undecidable one and advice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from sovereign_ai.errors import Where
from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.check import check
from sovereign_ai.rules.judge import Finding, Verdict, merged
from sovereign_ai.spec.factory import AIFactory
from tests.rules.test_described import factory_of, operator, waiver

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNDECIDED = Finding("IMG-001", "high", "", "", "undecidable here (bundle)", "", status="undecidable")


@cache
def factory() -> AIFactory:
    return factory_of(**waiver(), **operator(support=["IN"], parent={"seat": "US"}))


@cache
def verdict() -> Verdict:
    found = check(factory(), plan(factory()), [], now=TODAY, where=lambda field: Where("stacks/small/factory.yaml", 7, 3, field))
    return merged([found, Verdict((UNDECIDED,))])


@cache
def clean() -> Verdict:
    return Verdict(())


def moved(found: Verdict, file: str) -> Verdict:
    return Verdict(tuple(replace(one, where=replace(one.where, file=file)) if one.where.file else one for one in found.findings))

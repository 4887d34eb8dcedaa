"""Reports of the stacks, made once for all tests."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from sovereign_ai.attest.report.gather import Report, gather
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.load import load, read_text

DAY = date(2026, 11, 24)
STACKS = Path(__file__).parents[3] / "stacks"


@cache
def report(stack: str) -> Report:
    factory = load(STACKS / stack)
    return gather(factory, plan(factory), now=DAY, source=(STACKS / stack / "factory.yaml").read_text(encoding="utf-8"))


def changed(old: str, new: str, stack: str = "lab") -> Report:
    """Give the report of a stack with some text replaced."""
    text = (STACKS / stack / "factory.yaml").read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new)
    factory = read_text(text.encode(), "factory.yaml").factory
    return gather(factory, plan(factory), now=DAY, source=text)

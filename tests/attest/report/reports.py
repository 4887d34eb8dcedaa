"""Reports of the stacks, made once for all tests."""

from __future__ import annotations

from datetime import date
from functools import cache
from math import sin
from pathlib import Path

from sovereign_ai.assess.energy.balance import EnergyStore
from sovereign_ai.assess.energy.report import Hourly
from sovereign_ai.attest.report.gather import Report, make_report
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load, read_text

DAY = date(2026, 11, 24)
STACKS = Path(__file__).parents[3] / "stacks"


HOURS = {
    "gigafactory": {
        "north": Hourly(
            {
                "wind": [
                    80_000 * (0.5 + 0.5 * sin(hour / 37)) * (0.8 + 0.2 * sin(hour / 1400))
                    for hour in range(8_766)
                ],
                "base": [45_000.0 + 15_000 * sin(hour / 24) for hour in range(8_766)],
            },
            store=EnergyStore(200_000, 20_000),
        ),
        "south": Hourly({}, load=[60_000.0 + 20_000 * (hour % 24 > 12) for hour in range(36)]),
    }
}
"""A year of hours at one site of the largest stack and a day and a half at the other; the other stacks have
none."""


@cache
def report(stack: str) -> Report:
    factory = load(STACKS / stack)
    source = (STACKS / stack / "factory.yaml").read_text(encoding="utf-8")
    return make_report(factory, plan(factory), now=DAY, source=source, hourly=HOURS.get(stack))


def changed(old: str, new: str, stack: str = "lab") -> Report:
    """Give the report of a stack with some text replaced."""
    text = (STACKS / stack / "factory.yaml").read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new)
    factory = read_text(text.encode(), "factory.yaml").factory
    return make_report(factory, plan(factory), now=DAY, source=text)

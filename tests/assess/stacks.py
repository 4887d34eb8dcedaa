"""The stacks and small variations of them, planned once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import load

STACKS = Path(__file__).resolve().parents[2] / "stacks"
ALL = ("gigafactory", "lab", "plural", "superpod")


@cache
def stack(name: str) -> tuple[AIFactory, Plan]:
    """Give a stack and its plan."""
    factory = load(STACKS / name)
    return factory, plan(factory)


def changed(name: str, old: str, new: str, tmp: Path) -> tuple[AIFactory, Plan]:
    """Give a stack with some text of its description replaced."""
    text = (STACKS / name / "factory.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp / "factory.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    factory = load(file)
    return factory, plan(factory)

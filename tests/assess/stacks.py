"""The stacks and small variations of them, planned once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

STACKS = Path(__file__).resolve().parents[2] / "stacks"
ALL = ("gigafactory", "lab", "plural", "superpod")


@cache
def stack(name: str) -> tuple[AIFactory, Plan]:
    """Give a stack and its plan."""
    factory = load(STACKS / name)
    return factory, plan(factory)


def changed(name: str, old: str, new: str, tmp: Path, *more: tuple[str, str]) -> tuple[AIFactory, Plan]:
    """Give a stack with some texts of its description replaced."""
    text = (STACKS / name / "factory.yaml").read_text(encoding="utf-8")
    for before, after in ((old, new), *more):
        assert before in text
        text = text.replace(before, after)
    file = tmp / "factory.yaml"
    file.write_text(text, encoding="utf-8")
    factory = load(file)
    return factory, plan(factory)

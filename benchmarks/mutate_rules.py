"""Weakens each object rule in turn, so that it says yes to everything, and names the case that notices.

A mutant is killed where a case that must be denied for that rule is no longer refused for it. The
score is the part of the mutants that are killed; both whole rules and single expressions are tried.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sovereign_ai.plan.factory import plan  # noqa: E402 - the tests' cases are found from the root
from sovereign_ai.rules import engine  # noqa: E402
from sovereign_ai.rules.context import Context, factory_context  # noqa: E402
from sovereign_ai.rules.registry import REGISTRY  # noqa: E402
from sovereign_ai.rules.rule import Rule  # noqa: E402
from sovereign_ai.spec.load import load  # noqa: E402
from tests.rules.cases import Case, cases  # noqa: E402


def mutants() -> Iterator[tuple[str, Rule]]:
    """Give each rule with all its expressions weakened, and with each one of them alone."""
    for rule in (rule for rule in REGISTRY if rule.checks):
        yield rule.id, replace(rule, checks=tuple(replace(check, expression="true") for check in rule.checks))
        for number in range(len(rule.checks)):
            weak = tuple(replace(check, expression="true") if at == number else check for at, check in enumerate(rule.checks))
            yield f"{rule.id}[{number}]", replace(rule, checks=weak)


def killer(weak: Rule, denying: list[Case], context: Context) -> str:
    """Name the first case that notices; empty where none does."""
    strong = engine.REGISTRY
    engine.REGISTRY = tuple(weak if rule.id == weak.id else rule for rule in strong)
    engine.forget()
    try:
        for case in denying:
            if weak.id not in {finding.rule for finding in engine.evaluate([case.obj], context)}:
                return str(case)
    finally:
        engine.REGISTRY = strong
        engine.forget()
    return ""


def main() -> None:
    """Try every mutant and print what noticed it."""
    factory = load(ROOT / "stacks" / "lab")
    context = factory_context(factory, plan(factory), "lab")
    every, begun = cases(), time.perf_counter()
    found = {name: killer(weak, [case for case in every if weak.id in case.rules], context) for name, weak in mutants()}
    rows = {
        "benchmark": "mutate_rules",
        "mutants": len(found),
        "killed": sum(bool(case) for case in found.values()),
        "score": round(sum(bool(case) for case in found.values()) / len(found), 4),
        "survivors": sorted(name for name, case in found.items() if not case),
        "seconds": round(time.perf_counter() - begun, 1),
        "noticed_by": found,
    }
    print(json.dumps(rows, indent=2))
    sys.exit(0 if not rows["survivors"] else 1)


if __name__ == "__main__":
    main()

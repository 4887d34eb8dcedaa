"""How long 1,000 objects take against every object rule.

One program a kind, against each rule evaluated by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cel  # noqa: E402 - the tests' cases are found from the root

from sovereign_ai.plan.factory import plan  # noqa: E402
from sovereign_ai.rules.context import Context, factory_context  # noqa: E402
from sovereign_ai.rules.defaulting import admitted  # noqa: E402
from sovereign_ai.rules.engine import evaluate  # noqa: E402
from sovereign_ai.rules.expressions import variables_of, with_constants, without_variables  # noqa: E402
from sovereign_ai.rules.kinds import kind_named  # noqa: E402
from sovereign_ai.rules.normalization import to_plain  # noqa: E402
from sovereign_ai.rules.registry import REGISTRY  # noqa: E402
from sovereign_ai.spec.reader import load  # noqa: E402
from tests.rules.cases import cases  # noqa: E402

COUNT, RUNS, GOAL = 1_000, 5, 0.5
Object = dict[str, Any]


def mixes() -> dict[str, list[Object]]:
    """Give the mixes: all good, half refused, all refused, spread over every kind, and pods alone."""
    good = [case.obj for case in cases() if case.decision == "allow"]
    bad = [case.obj for case in cases() if case.decision == "deny"]
    pods = [case.obj for case in cases() if case.obj["kind"] == "Pod"]
    return {
        "good": _many(good),
        "half refused": _many([one for pair in zip(_many(good), _many(bad), strict=True) for one in pair]),
        "refused": _many(bad),
        "pods, as the cases have them": _many(pods),
    }


def _many(objects: list[Object]) -> list[Object]:
    """Repeat up to the count."""
    return [objects[number % len(objects)] for number in range(COUNT)]


def one_by_one(objects: list[Object], context: Context, programs: dict[str, list[cel.Program]]) -> None:
    """Evaluate each expression of each rule by itself, as a loop over rules would."""
    for obj in objects:
        judged = admitted(to_plain(obj)[0], context) if obj["kind"] == "Pod" else to_plain(obj)[0]
        for program in programs.get(obj["kind"], []):
            with contextlib.suppress(Exception):
                program.execute({"object": judged, "oldObject": None, "request": {}})


def seconds(work: Callable[[], object], runs: int) -> float:
    """Give the median time of this process."""
    times = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    factory = load(ROOT / "stacks" / "lab")
    context = factory_context(factory, plan(factory), "lab")
    constants = context.constants()
    programs: dict[str, list[cel.Program]] = {}
    for rule in REGISTRY:
        for check in rule.checks:
            for name in check.kinds:
                text = with_constants(
                    without_variables(check.expression, variables_of(kind_named(name))), constants
                )
                programs.setdefault(name, []).append(cel.compile(text))
    rows = {}
    for name, objects in mixes().items():
        evaluate(objects, context)
        ours = seconds(lambda objects=objects: evaluate(objects, context), RUNS)
        loop = seconds(lambda objects=objects: one_by_one(objects, context, programs), 1)
        rows[name] = {
            "seconds": round(ours, 3),
            "one_by_one": round(loop, 3),
            "ratio": round(loop / ours, 1),
            "met": ours <= GOAL,
        }
    rules = [rule for rule in REGISTRY if rule.checks]
    head = {
        "benchmark": "rules",
        "objects": COUNT,
        "rules": len(rules),
        "checks": sum(len(rule.checks) for rule in rules),
    }
    print(json.dumps({**head, "goal": GOAL, **rows}, indent=2))


if __name__ == "__main__":
    main()

"""Scripts of benchmarks/: each explains itself before it does anything; and what they keep is not stale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import deploy, mutate_rules
from sovereign_ai.rules.registry import REGISTRY
from tests.rules.mutation import expressions, functions

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


def test_there_are_scripts() -> None:
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_help_of_a_benchmark_says_what_it_measures_and_runs_nothing(script: Path) -> None:
    # A script that runs instead takes minutes, or starts a control plane: the limit ends it.
    shown = subprocess.run(
        [sys.executable, str(script), "--help"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"usage: {script.name} ")
    first_words = script.read_text(encoding="utf-8").removeprefix('"""')[:40]
    assert first_words in shown.stdout


def test_every_mutant_that_is_listed_as_unnoticed_can_still_be_made() -> None:
    """A function or expression that was renamed or rewritten leaves no reason behind that excuses nothing."""
    listed = json.loads(mutate_rules.KEPT.read_text(encoding="utf-8"))["survivors"]
    tried: list[str] = []
    for rule in REGISTRY:
        for number, check in enumerate(rule.checks):
            tried += [f"{rule.id}[{number}] {mutant}" for mutant in expressions.mutants(check.expression)]
    for module in mutate_rules.ROOMS:
        tried += map(str, functions.mutants(module))
    made = mutate_rules.numbered((name, "") for name in tried)
    assert listed
    assert sorted(listed.keys() - made.keys()) == []
    assert all(reason.strip("? ") for reason in listed.values())


def test_one_size_alone_has_no_exponent_and_two_have() -> None:
    measured: dict[str, dict[int, float]] = {"create": {500: 7.0}, "noop": {500: 1.0, 1000: 2.0}}
    assert deploy.exponents(measured) == {"noop": 1.0}

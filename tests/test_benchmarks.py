"""Scripts of benchmarks/: each explains itself before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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

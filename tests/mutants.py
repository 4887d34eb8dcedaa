"""Takes defences out of copies of the project, one at a time, and shows that the tests of each then fail.

A table says of each defence which text of which file is it, what stands there without it, and which tests
must fail then. A program beside each table, such as `tests/attack/mutation.py`, tries its rows and writes
back what it saw; a test beside it holds the table to the code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_MARKS = "not browser and not kind and not twin and not host"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defence taken out.

    Attributes:
        name: what the defence is.
        file: the file that holds it.
        text: what it says there, once.
        without: what stands there without it.
        tests: the tests that must fail without it, as pytest names them.
        seen: how many of those tests failed when it was last tried, `all` where each did.
        fault: which fault of a list it defends against, where the table has such a list.
    """

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]
    seen: str
    fault: str = ""

    def survives(self) -> list[str]:
        """Try it on a copy, and give the tests that do not notice."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
            copy = Path(scratch, "project")
            # What is compiled comes along, since compiling takes longer than most tests; not of what changes.
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".sovereign"))
            place = copy / self.file
            shutil.rmtree(place.parent / "__pycache__", ignore_errors=True)
            changed = place.read_text(encoding="utf-8").replace(self.text, self.without)
            place.write_text(changed, encoding="utf-8")
            return [test for test in self.tests if _passes(test, copy)]

    def require_fitting(self, program: str) -> None:
        """Insist that the code has the defence once, that its tests exist, and that each was seen to fail."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        assert text.count(self.text) == 1, f"change the table, and run: python -m {program}"
        assert self.text != self.without
        assert self.tests
        assert self.seen == "all"
        for test in self.tests:
            file, _, name = test.partition("::")
            assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")


def _passes(test: str, project: Path) -> bool:
    """Tell whether a test passes; one that is not there, or a run that breaks, is an error here."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", _MARKS, test]
    done = subprocess.run(
        command, cwd=project, env=_environment(project), capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode == 0


def _environment(project: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(project)}


def read(table: Path) -> list[Mutant]:
    """Read a table."""
    rows: list[dict[str, Any]] = yaml.load(table.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]


def write(mutants: list[Mutant], table: Path) -> None:
    """Write a table."""
    rows: list[dict[str, Any]] = []
    for mutant in mutants:
        fault = {"fault": mutant.fault} if mutant.fault else {}
        rows.append(
            {
                "name": mutant.name,
                **fault,
                "file": mutant.file,
                "text": mutant.text,
                "without": mutant.without,
                "tests": list(mutant.tests),
                "seen": mutant.seen,
            }
        )
    text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=130)
    table.write_text(f"# Written by `python -m {_program(table)}`.\n" + text, encoding="utf-8")


def _program(table: Path) -> str:
    """Give the module that writes a table: it lies beside it, under the same name."""
    return ".".join(table.relative_to(ROOT).with_suffix("").parts)


def main(names: list[str], table: Path) -> int:
    """Try the mutants that are named, or all; 1 if one goes unnoticed."""
    mutants = read(table)
    bad = 0
    for at, mutant in enumerate(mutants):
        if names and mutant.name not in names:
            continue
        left = mutant.survives()
        seen = "all" if not left else f"{len(mutant.tests) - len(left)} of {len(mutant.tests)}"
        mutants[at] = replace(mutant, seen=seen)
        sys.stdout.write(
            f"{seen:>7}  {mutant.name}" + "".join(f"\n         unnoticed by {test}" for test in left) + "\n"
        )
        sys.stdout.flush()
        bad += bool(left)
        write(mutants, table)
    return int(bool(bad))

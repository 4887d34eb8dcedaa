"""Takes each defence out of a copy of the project, and shows that the attacks against it then succeed.

    python -m tests.attack.mutation [NAME…]

The table `mutation.yaml` says of each defence which text of which file is it, what stands there without it,
and which tests must fail then. The program writes back what it saw; the tests hold the table to the code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("mutation.yaml")
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
    """

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]
    seen: str

    def survives(self) -> list[str]:
        """Try it on a copy, and give the tests that do not notice."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
            copy = Path(scratch, "project")
            shutil.copytree(
                ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".sovereign")
            )
            changed = (copy / self.file).read_text(encoding="utf-8").replace(self.text, self.without)
            (copy / self.file).write_text(changed, encoding="utf-8")
            return [test for test in self.tests if _passes(test, copy)]


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


def read() -> list[Mutant]:
    """Read the table."""
    rows: list[dict[str, Any]] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]


def write(mutants: list[Mutant]) -> None:
    """Write the table."""
    rows = [
        {
            "name": mutant.name,
            "file": mutant.file,
            "text": mutant.text,
            "without": mutant.without,
            "tests": list(mutant.tests),
            "seen": mutant.seen,
        }
        for mutant in mutants
    ]
    text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=130)
    TABLE.write_text("# Written by `python -m tests.attack.mutation`.\n" + text, encoding="utf-8")


def main(names: list[str]) -> int:
    """Try the mutants that are named, or all; 1 if one goes unnoticed."""
    mutants = read()
    bad = 0
    for at, mutant in enumerate(mutants):
        if names and mutant.name not in names:
            continue
        left = mutant.survives()
        seen = "all" if not left else f"{len(mutant.tests) - len(left)} of {len(mutant.tests)}"
        mutants[at] = Mutant(mutant.name, mutant.file, mutant.text, mutant.without, mutant.tests, seen)
        sys.stdout.write(
            f"{seen:>7}  {mutant.name}" + "".join(f"\n         unnoticed by {test}" for test in left) + "\n"
        )
        sys.stdout.flush()
        bad += bool(left)
        write(mutants)
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

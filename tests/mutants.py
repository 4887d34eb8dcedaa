"""Takes defences out of copies of the project, one at a time, and shows that the tests of each then fail.

A table says of each defence which text of which file is it, what stands there without it, and which tests
must fail then. A program beside each table, such as `tests/attack/mutation.py`, tries its rows and writes
back what it saw; a test beside it holds the table to the code.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import IO, Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_MARKS = "not browser and not kind and not twin and not host"
_TEST_SECONDS = 600.0
"""How long a test may take without the defence; the slowest, which starts a control plane, takes a minute."""
_TEARDOWN_SECONDS = 30.0
"""How long a stopped test may take to end what it started, before it is killed."""


class Outcome(Enum):
    """What became of a test without the defence; only one that passes does not notice."""

    PASSED = "unnoticed by"
    FAILED = "noticed by"
    STOPPED = "noticed, since it did not end in time, by"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defence taken out.

    Attributes:
        name: what the defence is.
        file: the file that holds it.
        text: what it says there, once.
        without: what stands there without it.
        tests: the tests that must fail without it, as pytest names them.
        seen: how many of those tests failed, or did not end, when it was last tried; `all` where each did.
        fault: which fault of a list it defends against, where the table has such a list.
    """

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]
    seen: str
    fault: str = ""

    def try_out(self) -> dict[str, Outcome]:
        """Try it on a copy, and return what became of each test."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
            copy = Path(scratch, "project")
            # What is compiled comes along, since compiling takes longer than most tests; not of what changes.
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".sovereign"))
            place = copy / self.file
            shutil.rmtree(place.parent / "__pycache__", ignore_errors=True)
            changed = place.read_text(encoding="utf-8").replace(self.text, self.without)
            place.write_text(changed, encoding="utf-8")
            return {test: run_test(test, copy) for test in self.tests}

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


def run_test(test: str, project: Path, seconds: float = _TEST_SECONDS) -> Outcome:
    """Run a test in a session of its own.

    Args:
        test: its name, as pytest has it.
        project: the copy of the project.
        seconds: how long it may take.

    Raises:
        RuntimeError: the test is not there, or the run breaks.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", _MARKS, test]
    # A file and no pipe: what the test started may hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=_environment(project),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _interrupt(process)
            return Outcome.STOPPED
        finally:
            _kill_group(process)
        if code not in {0, 1}:
            raise RuntimeError(_text(output))
    return Outcome.FAILED if code else Outcome.PASSED


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest as Ctrl-C does, so that fixtures end what runs in sessions of their own."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TEARDOWN_SECONDS)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")


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
        outcomes = mutant.try_out()
        noticed = sum(outcome is not Outcome.PASSED for outcome in outcomes.values())
        seen = "all" if noticed == len(outcomes) else f"{noticed} of {len(outcomes)}"
        mutants[at] = replace(mutant, seen=seen)
        sys.stdout.write(f"{seen:>7}  {mutant.name}\n" + "".join(_remarks(outcomes)))
        sys.stdout.flush()
        bad += noticed < len(outcomes)
        write(mutants, table)
    return int(bool(bad))


def _remarks(outcomes: dict[str, Outcome]) -> Iterator[str]:
    """Yield a line for each test that did not simply fail."""
    for test, outcome in outcomes.items():
        if outcome is not Outcome.FAILED:
            yield f"         {outcome.value} {test}\n"

"""A defence is taken out of a copy, and what its tests do then is told: also where one of them never ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.toolchain import wait_until
from tests.mutants import Outcome, run_test

_HANGING = """
import os, subprocess
from pathlib import Path

def test_it() -> None:
    child = subprocess.Popen(["sleep", "600"])
    Path("pids").write_text(f"{os.getpid()} {child.pid}")
    child.wait()
"""


@pytest.mark.parametrize(("body", "outcome"), [("pass", Outcome.PASSED), ("assert False", Outcome.FAILED)])
def test_a_test_that_passes_does_not_notice_and_one_that_fails_does(
    body: str, outcome: Outcome, tmp_path: Path
) -> None:
    (tmp_path / "test_one.py").write_text(f"def test_it() -> None:\n    {body}\n", encoding="utf-8")
    assert run_test("test_one.py::test_it", tmp_path) is outcome


def test_a_test_that_never_ends_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(_HANGING, encoding="utf-8")
    assert run_test("test_one.py::test_it", tmp_path, seconds=10) is Outcome.STOPPED
    pids = (tmp_path / "pids").read_text(encoding="utf-8").split()
    assert len(pids) == 2
    assert wait_until(lambda: not any(map(_is_running, pids)), 10)


def test_a_test_that_is_not_there_is_an_error_and_not_noticed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not found"):
        run_test("test_one.py::test_it", tmp_path)


def _is_running(pid: str) -> bool:
    """Return whether a process is there and more than an entry that nobody has read yet."""
    try:
        status = Path("/proc", pid, "stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}

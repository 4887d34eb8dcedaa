"""What a second run of failed tests hides, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ONCE = """
from pathlib import Path
def test_once():
    mark = Path(__file__).with_name("ran")
    ran = mark.exists()
    mark.touch()
    assert ran
"""
ALWAYS = "def test_always():\n    raise AssertionError('broken')\n"
FINE = "def test_fine():\n    pass\n"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run files of tests as the targets of the Makefile do."""

    def flaky(workers: str = "0", **files: str) -> tuple[int, str]:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, text in files.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        command = [sys.executable, "-m", "tests.flaky", "-q", "-p", "no:cacheprovider", "-n", workers]
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300
        )
        return done.returncode, done.stdout

    return flaky


def test_a_test_that_fails_once_passes_and_is_named(run: Run) -> None:
    code, text = run("2", once=ONCE, fine=FINE)
    assert code == 0
    (failed,) = (line.split()[1] for line in text.splitlines() if line.startswith("FAILED "))
    assert f"FLAKY {failed}: failed, then passed; repair the race" in text


def test_a_test_that_needs_those_before_it_runs_again_behind_them(run: Run) -> None:
    begun = "begun = []\n\ndef test_begins():\n    begun.append(1)\n\n"
    code, text = run(story=begun + ONCE.replace("assert ran", "assert ran and begun"))
    assert code == 0
    assert "::test_once: failed, then passed" in text


def test_a_test_that_fails_twice_fails(run: Run) -> None:
    code, text = run(always=ALWAYS, once=ONCE, fine=FINE)
    assert code == 1
    assert "FLAKY" not in text


def test_where_many_tests_fail_none_is_run_again(run: Run) -> None:
    code, text = run(**{f"once{number}": ONCE.replace('"ran"', f'"ran{number}"') for number in range(3)})
    assert code == 1
    assert "once more" not in text


def test_what_a_files_tests_share_fails_once_for_all_of_them(run: Run) -> None:
    shared = ONCE.replace("def test_once", '@pytest.fixture(scope="module")\ndef shared')
    tests = "".join(f"def test_{number}(shared):\n    pass\n" for number in range(5))
    code, text = run(shared="import pytest\n" + shared + tests)
    assert code == 0
    assert text.count("failed, then passed") == 5


def test_no_tests_at_all_and_a_broken_file_are_not_taken_for_flaky(run: Run) -> None:
    assert run()[0] == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run(broken="import nothing_of_this_name\n")[0] not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)

"""Runs tests of real systems, and says which of them are flaky: failed once, and passed right after.

    python -m tests.flaky [ARGUMENT OF PYTEST]...

A change is not refused for a race that it has nothing to do with, and no race is hidden: a flaky test is
named at the end of the run, as something to repair. It takes two failures of a test to fail, or failures of
more tests than chance explains. Tests of one real system stand on what those before them left, so the whole
file runs again. The hermetic tests do not run this way: they have no race to have.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

MOST_FLAKY = 2
"""Failures that are tried again; where more fail, something is broken and a second run only takes time."""


class Failures:
    """A plugin of pytest that keeps which tests failed, also those of xdist's workers."""

    def __init__(self) -> None:
        self.node_ids: list[str] = []
        self.causes: set[str] = set()
        """The failed tests, and the files of those that had no beginning: what a file's tests share is made
        once, and where that fails, all of them do."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a test that failed, once."""
        if report.failed and report.nodeid not in self.node_ids:
            self.node_ids.append(report.nodeid)
            self.causes.add(_file(report.nodeid) if report.when == "setup" else report.nodeid)


def main(arguments: Sequence[str]) -> int:
    """Run the tests, and the files of a few that failed a second time.

    Args:
        arguments: what pytest is given.

    Returns:
        pytest's exit code of the first run, or 0 where all of their files passed the second time.
    """
    failures = Failures()
    code = int(pytest.main(list(arguments), plugins=[failures]))
    files = sorted(set(map(_file, failures.node_ids)))
    if code != pytest.ExitCode.TESTS_FAILED or not 0 < len(failures.causes) <= MOST_FLAKY:
        return code
    _say(f"\n{len(failures.node_ids)} failed; once more, with all of the file:")
    # Of the options only the marker goes on: without it the default one would leave these tests out.
    again = [sys.executable, "-m", "pytest", "-q", *_marker(arguments), *files]
    if subprocess.run(again, check=False).returncode != 0:
        return code
    for node_id in failures.node_ids:
        _say(f"FLAKY {node_id}: failed, then passed; repair the race")
    return 0


def _file(node_id: str) -> str:
    """Return the file of a test."""
    return node_id.partition("::")[0]


def _say(line: str) -> None:
    """Print a line at once, so that it stands between the lines of the two runs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _marker(arguments: Sequence[str]) -> list[str]:
    """Return the option `-m` of pytest and its value, if it was given."""
    if "-m" not in arguments:
        return []
    at = list(arguments).index("-m")
    return list(arguments[at : at + 2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

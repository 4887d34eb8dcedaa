"""The repair controller as a user runs it, and started again whenever it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLICIES = """\
groups:
  - name: broken-again-and-again
    relapses: 30
"""
"""A long run breaks the same machines again within minutes.

By the usual policy the fourth time is a ticket, which only a person ends.
"""


class RepairProcess:
    """`repair run --simulate`, kept running.

    Attributes:
        ends: how often it ended without being told to.
    """

    def __init__(self, stack: Path) -> None:
        policies = stack / "policies.yaml"
        policies.write_text(_POLICIES, encoding="utf-8")
        run = [sys.executable, "-m", "sovereign_ai.cli", "repair", "run", str(stack), "--simulate"]
        self._command = [*run, "--policies", str(policies)]
        self._log = stack / "repair.log"
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = 0
        self.ends = 0

    def run(self) -> None:
        """Keep it running until the end."""
        while not self._is_over.is_set():
            with self._log.open("a", encoding="utf-8") as log, self._lock:
                self._said = log.tell()
                self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
            self._process.wait()
            if not self._is_over.is_set():
                self.ends += 1

    @property
    def is_over(self) -> bool:
        """Whether it was told to end, and is not started again."""
        return self._is_over.is_set()

    @property
    def pid(self) -> int | None:
        """Return the PID while it works: from its first line on, which says what it watches."""
        process = self._process
        if process is None or process.returncode is not None:
            return None
        return process.pid if self._log.stat().st_size > self._said else None

    def kill(self) -> bool:
        """Kill it at once; False where it does not run."""
        with self._lock:
            if self._process is None or self._process.poll() is not None or self._is_over.is_set():
                return False
            self._process.kill()
            return True

    def end(self) -> None:
        """End it in order."""
        self._is_over.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()


@contextmanager
def repairing(stack: Path) -> Iterator[RepairProcess]:
    """Run the repair controller until the end of the block."""
    repair = RepairProcess(stack)
    thread = threading.Thread(target=repair.run, daemon=True)
    thread.start()
    try:
        yield repair
    finally:
        repair.end()
        thread.join(60)

"""How much memory the processes of a control plane, and those that work on it, take while a fleet works."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

MOST = 8 * 1024**3
"""Bytes that a fleet of 5,000 machines may take."""
INTERVAL = 5.0
"""Seconds between two samples: the kernel adds up the pages of a process at each."""
_KIB = 1024


@dataclass
class MemoryWatch:
    """Keeps the largest sum of what the processes of a state folder took at one moment.

    The size is the proportional one (`Pss` of `/proc/PID/smaps_rollup`, proc(5)): pages that processes share
    count once.

    Attributes:
        state: the state folder; it is in the command line or the environment of each of them.
        peak: bytes by process name at the moment when all together took most.
    """

    state: Path
    peak: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take samples until the end of the block, and one more then."""
        stop = threading.Event()
        thread = threading.Thread(target=self._sample, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _sample(self, stop: threading.Event) -> None:
        is_last = False
        while not is_last:
            is_last = stop.wait(INTERVAL)
            taken = sizes(self.state)
            if taken.total() > self.peak.total():
                self.peak = taken


def sizes(state: Path) -> Counter[str]:
    """Return the bytes that the processes of a state folder take now, by process name."""
    mark = bytes(state)
    taken: Counter[str] = Counter()
    for process in Path("/proc").glob("[0-9]*"):
        # A process may end between two lines.
        with suppress(OSError):
            told = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
            if mark not in told:
                continue
            name = process.joinpath("comm").read_text(encoding="utf-8").strip()
            for line in process.joinpath("smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    taken[name] += int(line.split()[1]) * _KIB
    return taken

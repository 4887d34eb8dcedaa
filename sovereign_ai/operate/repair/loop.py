"""The repair controller at work: a round each second, and cordons as soon as a watch reports a fault.

Two threads: a round may take seconds, with hundreds of pods to count and evict, and no cordon waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sovereign_ai.errors import SovereignError
from sovereign_ai.operate.repair.controller import Done, RepairController
from sovereign_ai.operate.repair.watched import WatchedCluster

_AWAKE = 0.5
"""Seconds after which the cordoning thread looks whether it is to end."""
_GATHER = 0.02
"""Seconds that a change waits for others: of a storm, one look takes many."""
_REST = 4.0
"""A look that led to nothing is followed by a pause that many times as long: a core is left for rounds."""
_JOIN = 30.0


def work(
    controller: RepairController,
    watched: WatchedCluster,
    stop: threading.Event,
    interval: float,
    report: Callable[[tuple[Done, ...]], object],
    fail: Callable[[SovereignError], object],
) -> None:
    """Repair until an event is set.

    Args:
        controller: the controller, which reads from the same watches.
        watched: the watches, at work.
        stop: ends it.
        interval: seconds between two rounds.
        report: receives what was decided; of two threads, one at a time.
        fail: receives why a round was not possible; the next one tries anew.
    """
    reporting = threading.Lock()

    def attempt(act: Callable[[datetime], tuple[Done, ...]]) -> bool:
        """Act, report what was decided, and return whether anything was."""
        try:
            done = act(datetime.now(UTC))
        except SovereignError as error:
            with reporting:
                fail(error)
            return False
        with reporting:
            report(done)
        return bool(done)

    def cordon() -> None:
        while not stop.is_set():
            if not watched.wait(_AWAKE):
                continue
            stop.wait(_GATHER)
            began = time.monotonic()
            if not attempt(controller.cordon):
                stop.wait(_REST * (time.monotonic() - began))

    thread = threading.Thread(target=cordon, name="cordon", daemon=True)
    thread.start()
    try:
        while not stop.is_set():
            attempt(controller.round)
            stop.wait(interval)
    finally:
        stop.set()
        thread.join(_JOIN)

"""Watch the connection to the cluster while the engine works, and end the engine once the connection is lost.

The provider waits for objects with watches that it reopens for as long as it takes, ten minutes and more.
With an expired token, or a server that does not answer, it reports nothing and never ends. So this watch
sends a request to the API server every few seconds. A refusal of the identity does not pass by waiting. A
silence may: a restarted API server is back within half a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sovereign_ai.cluster import require_reachable
from sovereign_ai.cluster.api import Api, StoppedError, UnreachableError, open_cluster, stopping
from sovereign_ai.errors import Problem, SovereignError

_PERIOD_SECONDS = 3.0
_REFUSED_SECONDS, _SILENT_SECONDS = 6.0, 30.0
_MORE_SECONDS = 20.0
"""After this time, an engine that was asked to end is asked a second time, which ends it at once."""


class ConnectionWatch:
    """Sends requests to a cluster until it is stopped.

    Attributes:
        problem: why the engine was ended; None while the cluster answers.
    """

    def __init__(
        self,
        api: Api,
        end: Callable[[], object],
        progress: Callable[[str], object],
        period: float = _PERIOD_SECONDS,
    ) -> None:
        self.problem: Problem | None = None
        self._api, self._end, self._progress, self._period = api, end, progress, period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="way-watch")

    def start(self) -> None:
        """Start the watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the watch, and close its connection."""
        self._stop.set()
        self._thread.join()
        self._api.close()

    def _run(self) -> None:
        """Send a request each period, until the watch is stopped or the connection is given up."""
        lost_since: float | None = None
        while not self._stop.wait(self._period):
            # The loss begins with the request and not with its failure, which may take a timeout.
            began = time.monotonic()
            try:
                # Without this, `stop` would have to wait for the retries of a request.
                with stopping(self._stop):
                    require_reachable(self._api)
            except StoppedError:
                return
            except SovereignError as error:
                if lost_since is None:
                    lost_since = began
                    self._progress(f"the way to the cluster is lost: {error.problems[0].message}")
                if self._is_over(error, time.monotonic() - lost_since):
                    return
            else:
                lost_since = None

    def _is_over(self, error: SovereignError, seconds: float) -> bool:
        """End the engine if the connection has been lost for too long, and return whether it has."""
        limit = _SILENT_SECONDS if isinstance(error, UnreachableError) else _REFUSED_SECONDS
        if seconds < limit:
            return False
        cause = error.problems[0]
        message = f"{cause.message}, for {seconds:.0f} s"
        # Set before the engine ends: its command reads the problem to explain the end.
        self.problem = Problem(cause.code, message, cause.where, cause.hint)
        self._end()
        if not self._stop.wait(_MORE_SECONDS):
            self._end()
        return True


@contextmanager
def watching_connection(
    kubeconfig: Path | None, end: Callable[[], object], progress: Callable[[str], object]
) -> Iterator[Callable[[], Problem | None]]:
    """Watch the connection to a cluster for as long as the block runs.

    Args:
        kubeconfig: the cluster's file; None for an engine without a cluster.
        end: asks the engine to end; a second call ends it at once.
        progress: called with a line when the connection is lost.

    Yields:
        A function that returns why the watch ended the engine; None where it did not.
    """
    if kubeconfig is None:
        yield lambda: None
        return
    watch = ConnectionWatch(open_cluster(kubeconfig), end, progress)
    watch.start()
    try:
        yield lambda: watch.problem
    finally:
        watch.stop()

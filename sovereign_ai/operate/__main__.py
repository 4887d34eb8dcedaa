"""The operator's process: `python -m sovereign_ai.operate FOLDER PORT [CONTAINER]`, started by a supervisor.

With a container it listens in that container's network, where a kind cluster's API server is, and ends with
it. Its supervisor then restarts it, and it waits until the container runs.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.cluster import LIVENESS_SOCKET, OPERATOR, ClusterDir
from sovereign_ai.cluster.kind import listen, wait_for
from sovereign_ai.errors import SovereignError
from sovereign_ai.operate.grant_controller import GrantCluster, Keeper
from sovereign_ai.operate.server import Clock, LivenessServer, OperatorServer
from sovereign_ai.text import clean

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api

PERIOD_SECONDS = 0.5
"""How often grants are checked: a tenth of the five seconds within which an end must take effect."""


def run(folder: Path, port: int, clock: Clock, stop: threading.Event, container: str = "") -> None:
    """Answer queries and keep grants until stopped.

    Args:
        folder: the control plane's folder.
        port: the port of 127.0.0.1 to listen on.
        clock: returns the current moment, UTC.
        stop: set by the caller to end it.
        container: the container in whose network to listen; empty for this machine's.

    Raises:
        SystemExit: the container has ended.
        EnvironmentLacksError: no container engine answers that knows the container.
        OSError: it cannot listen there.
    """
    cluster_dir = ClusterDir(folder.name, folder)
    init = wait_for(container, _say, stop) if container else None
    if container and init is None:
        return
    listening = listen(init, port) if init else None
    servers: list[OperatorServer | LivenessServer] = [
        OperatorServer(cluster_dir, port, clock, _say, listening)
    ]
    if init:
        # The supervisor cannot reach into the container's network, so it probes a Unix socket instead.
        servers.append(LivenessServer(cluster_dir.folder / LIVENESS_SOCKET))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    keeper = Keeper(cluster_dir, _opener(cluster_dir), _say)
    reported = ""
    try:
        while not stop.wait(PERIOD_SECONDS):
            if init is not None and not init.runs():
                raise SystemExit(f"the container {container} has ended")
            trouble = _round(keeper, clock)
            # Once, not in every round: an API server that is down would fill the log.
            if trouble and trouble != reported:
                _say(trouble)
            reported = trouble
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _round(keeper: Keeper, clock: Clock) -> str:
    """Let the keeper do one round, and return what failed; empty if nothing did."""
    try:
        keeper.round(clock())
    except SovereignError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - the keeper must go on: the next round tries what failed
        return f"{type(error).__name__}: {error}"
    return ""


def _opener(cluster_dir: ClusterDir) -> Callable[[], GrantCluster]:
    """Return a function that opens the cluster at its first call, and returns that client from then on."""
    opened: list[Api] = []

    def cluster() -> GrantCluster:
        if not opened:
            from sovereign_ai.cluster.api import open_cluster  # noqa: PLC0415 - late

            opened.append(open_cluster(cluster_dir.identity(OPERATOR)))
        return opened[0]

    return cluster


def _say(line: str) -> None:
    """Write a line to the log, with the time."""
    # A reason that a person wrote may hold control characters.
    sys.stdout.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {clean(line)}\n")
    sys.stdout.flush()


def utc_now() -> datetime:
    """Return the moment by the machine's clock."""
    return datetime.now(UTC)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), utc_now, threading.Event(), *sys.argv[3:])

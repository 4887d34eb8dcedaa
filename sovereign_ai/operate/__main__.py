"""The operator's process: `python -m sovereign_ai.operate FOLDER PORT [CONTAINER]`, started by the plane's supervisor.

With a container it listens in that container's network, where a kind cluster's API server is, and ends with it: its supervisor
starts it again, and it waits until the container runs.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.cluster.kind.inside import listen, wait_for
from sovereign_ai.cluster.operator import LIFE, OPERATOR
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import SovereignError
from sovereign_ai.operate.keeper import Cluster, Keeper
from sovereign_ai.operate.service import Clock, Life, Service

if TYPE_CHECKING:
    from sovereign_ai.cluster.access import Api

PERIOD_SECONDS = 0.5
"""How often grants are looked at: a tenth of the five seconds within which an end must be followed."""


def run(folder: Path, port: int, clock: Clock, stop: threading.Event, container: str = "") -> None:
    """Answer questions and keep grants until told to stop.

    Args:
        folder: the plane's folder.
        port: where to listen on 127.0.0.1.
        clock: gives the moment that counts, UTC.
        stop: set from outside to end it.
        container: in whose network to listen; empty for this machine's.

    Raises:
        SystemExit: the container has ended.
        EnvironmentLacksError: no engine answers that knows of the container.
        OSError: one cannot listen there.
    """
    where = Place(folder.name, folder)
    init = wait_for(container, _say, stop) if container else None
    if container and init is None:
        return
    serving: list[Service | Life] = [Service(where, port, clock, _say, listen(init, port) if init else None)]
    if init:  # the supervisor cannot reach into the container's network
        serving.append(Life(where.folder / LIFE))
    for one in serving:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    keeper = Keeper(where, _opener(where), _say)
    told = ""
    try:
        while not stop.wait(PERIOD_SECONDS):
            if init is not None and not init.runs():
                raise SystemExit(f"the container {container} has ended")
            try:
                keeper.round(clock())
                trouble = ""
            except SovereignError as error:
                trouble = str(error)
            except Exception as error:  # noqa: BLE001 - the keeper must go on: what failed once is tried again
                trouble = f"{type(error).__name__}: {error}"
            if trouble and trouble != told:
                _say(trouble)
            told = trouble
    finally:
        for one in serving:
            one.shutdown()
            one.server_close()


def _opener(where: Place) -> Callable[[], Cluster]:
    """Open the cluster when it is needed first, and once."""
    opened: list[Api] = []

    def cluster() -> Cluster:
        if not opened:
            from sovereign_ai.cluster.access import open_cluster  # noqa: PLC0415 - not before it is needed

            opened.append(open_cluster(where.identity(OPERATOR)))
        return opened[0]

    return cluster


def _say(line: str) -> None:
    """Write a line to the log, with the time."""
    sys.stdout.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}\n")
    sys.stdout.flush()


def utc_now() -> datetime:
    """Give the moment by the machine's clock."""
    return datetime.now(UTC)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), utc_now, threading.Event(), *sys.argv[3:])

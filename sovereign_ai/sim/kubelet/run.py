"""Starts and ends the process that serves the workers of a cluster, under the supervisor of our clusters.

    start(folder, stack, "lab", kubeconfig, {"train-001": "lab-worker"}, progress=print)
    stop(folder)

It needs to be root where kubelets are: their sockets are root's.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import sovereign_ai
from sovereign_ai.cluster.access import open_cluster
from sovereign_ai.cluster.embedded import launch
from sovereign_ai.cluster.ending import end_processes
from sovereign_ai.cluster.process import Process
from sovereign_ai.cluster.state import Place, read_json, write_json
from sovereign_ai.cluster.status import supervisor_pid
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.sim.kubelet import account
from sovereign_ai.sim.kubelet.agent import CONFIG, STATUS
from sovereign_ai.spec.load import load
from sovereign_ai.toolchain.engine.docker import ENGINE_VARIABLES

AGENT, KUBECONFIG = "gpu-agent", "agent.kubeconfig"
_POLL_SECONDS = 0.1
_START_SECONDS = 60.0
_ENDED_AT_START = 3


def start(
    folder: Path,
    stack: Path,
    cluster: str,
    kubeconfig: Path,
    containers: Mapping[str, str],
    *,
    progress: Callable[[str], object] = lambda _line: None,
    wait_seconds: float = _START_SECONDS,
) -> None:
    """Start the process, unless it runs for the same, and wait until every worker's devices are on offer.

    Args:
        folder: where it keeps its configuration, status and logs; made if need be.
        stack: the stack's folder or file.
        cluster: which of the plan's clusters this is.
        kubeconfig: the administrator's; the process gets one of its own.
        containers: machine to the container that plays it.
        progress: told one line a step.
        wait_seconds: how long that may take.

    Raises:
        EnvironmentLacksError: it did not start, or a kubelet did not register it in time.
        UsageError: the stack cannot be read.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    where, api = _place(folder), open_cluster(kubeconfig)
    config = {
        "stack": str(stack.resolve()),
        "digest": load(stack).digest,
        "cluster": cluster,
        "server": api.server,
        "kubeconfig": str((folder / KUBECONFIG).absolute()),
        "containers": dict(containers),
    }
    if supervisor_pid(where) is not None and read_json(folder / CONFIG) == config:
        _wait(folder, wait_seconds)
        return
    end_processes(where)
    for each in (folder, folder / "logs"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / STATUS).unlink(missing_ok=True)
    account.make(api, kubeconfig, folder / KUBECONFIG)
    api.close()
    write_json(folder / CONFIG, config)
    engine = {name: value for name, value in os.environ.items() if name in ENGINE_VARIABLES}
    environment = engine | {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1]),
        "LANG": "C.UTF-8",
    }
    agent = Process(AGENT, (sys.executable, "-m", "sovereign_ai.sim.kubelet.agent", str(folder)), env=environment)
    write_json(where.processes, {"start_seconds": wait_seconds, "processes": [agent.to_data()]})
    progress(f"{cluster}: serving the kubelets of {', '.join(sorted(containers))}")
    launch(where)
    try:
        _wait(folder, wait_seconds)
    except EnvironmentLacksError:
        end_processes(where)
        raise
    progress(f"{cluster}: the devices of {len(containers)} real machines are on offer")


def stop(folder: Path) -> bool:
    """End the process; False if none ran. What kubelets were told is forgotten by them within minutes."""
    return end_processes(_place(folder))


def _place(folder: Path) -> Place:
    """The folder as our supervisor knows it."""
    return Place(folder.name, folder.absolute())


def _wait(folder: Path, wait_seconds: float) -> None:
    """Wait until every worker is ready."""
    deadline = time.monotonic() + wait_seconds
    while True:
        ready = (read_json(folder / STATUS) or {}).get("ready", {})
        if ready and all(ready.values()):
            return
        ended = sum(one["restarts"] for one in (read_json(folder / "status.json") or {}).get("processes", []))
        if ended >= _ENDED_AT_START or time.monotonic() > deadline:
            late = sorted(name for name, well in ready.items() if not well)
            why = (
                f"their server ended {ended} times" if ended else f"not ready after {wait_seconds:g} s: {', '.join(late) or 'every worker'}"
            )
            log = folder / "logs" / f"{AGENT}.log"
            raise EnvironmentLacksError(Problem("gpus-not-offered", f"kubelets have no GPUs: {why}", Where(file=str(log)), "see the log"))
        time.sleep(_POLL_SECONDS)

"""Start and stop of the agent that serves a cluster's workers, under the supervisor of local control planes.

    start(folder, stack, "lab", kubeconfig, {"train-001": "lab-worker"}, progress=print)
    stop(folder)

It needs root where kubelets run: their sockets are root's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import sovereign_ai
from sovereign_ai.cluster import ClusterDir, Process, read_json, write_json
from sovereign_ai.cluster.api import open_cluster
from sovereign_ai.cluster.embedded import launch, stop_processes, supervisor_pid
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.sim.kubelet import account
from sovereign_ai.sim.kubelet.agent import CONFIG, STATUS
from sovereign_ai.spec import load
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling
from sovereign_ai.toolchain.container_engine import ENGINE_VARIABLES

AGENT, KUBECONFIG = "gpu-agent", "agent.kubeconfig"
_POLL_SECONDS = 0.1
_START_SECONDS = 60.0
_ENDED_AT_START = 3
"""Restarts after which waiting is given up: an agent that ends at once will do so the next time."""


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
    """Start the agent, unless it runs as configured, and wait until every worker offers its devices.

    Args:
        folder: the folder of its configuration, status and logs; made if need be.
        stack: the stack's folder or file.
        cluster: which of the plan's clusters this is.
        kubeconfig: the administrator's; the agent gets one of its own.
        containers: machine to the container that plays it.
        progress: called with one line a step.
        wait_seconds: how long that may take.

    Raises:
        EnvironmentLacksError: it did not start, or a kubelet did not register it in time.
        UsageError: the stack cannot be read.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    agent_dir, api = _agent_dir(folder), open_cluster(kubeconfig)
    config = {
        "stack": str(stack.resolve()),
        "digest": load(stack).digest,
        "cluster": cluster,
        "server": api.server,
        "kubeconfig": str((folder / KUBECONFIG).absolute()),
        "containers": dict(containers),
    }
    if supervisor_pid(agent_dir) is not None and read_json(folder / CONFIG) == config:
        _wait(folder, wait_seconds)
        return
    stop_processes(agent_dir)
    for path in (folder, folder / "logs"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The status of an earlier agent would end the wait at once.
    (folder / STATUS).unlink(missing_ok=True)
    account.make(api, kubeconfig, folder / KUBECONFIG)
    api.close()
    write_json(folder / CONFIG, config)
    command = (sys.executable, "-P", "-m", "sovereign_ai.sim.kubelet.agent", str(folder))
    agent = Process(AGENT, command, env=_environment())
    write_json(agent_dir.processes, {"start_seconds": wait_seconds, "processes": [agent.to_data()]})
    progress(f"{cluster}: serving the kubelets of {', '.join(sorted(containers))}")
    launch(agent_dir)
    try:
        _wait(folder, wait_seconds)
    except EnvironmentLacksError:
        stop_processes(agent_dir)
        raise
    progress(f"{cluster}: the devices of {counted(len(containers), 'real machine')} are on offer")


def _environment() -> dict[str, str]:
    """Return the agent's environment: of this process's variables the container engine's alone."""
    environment = {}
    for name in ENGINE_VARIABLES:
        if name in os.environ:
            environment[name] = os.environ[name]
    environment["PATH"] = os.environ.get("PATH", os.defpath)
    # The agent runs this very package, wherever it was imported from.
    environment["PYTHONPATH"] = str(Path(sovereign_ai.__file__).parents[1])
    environment["LANG"] = "C.UTF-8"
    return environment


def stop(folder: Path) -> bool:
    """End the agent; False if none ran. Kubelets drop what it registered within minutes."""
    return stop_processes(_agent_dir(folder))


def _agent_dir(folder: Path) -> ClusterDir:
    """Return the folder as the supervisor's functions take it."""
    return ClusterDir(folder.name, folder.absolute())


def _wait(folder: Path, wait_seconds: float) -> None:
    """Wait until every worker is ready.

    Raises:
        EnvironmentLacksError: some are not ready in time, or the agent ended several times.
    """
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        ready = (read_json(folder / STATUS) or {}).get("ready", {})
        if ready and all(ready.values()):
            return
        restarts = _restarts(folder)
        if restarts >= _ENDED_AT_START or is_last:
            if restarts:
                why = f"their server ended {counted(restarts, 'time')}"
            else:
                late = ", ".join(sorted(name for name, is_ready in ready.items() if not is_ready))
                why = f"not ready after {wait_seconds:g} s: {late or 'every worker'}"
            log = Where(file=str(folder / "logs" / f"{AGENT}.log"))
            message = f"kubelets have no GPUs: {why}"
            raise EnvironmentLacksError(Problem("gpus-not-offered", message, log, "see the log"))


def _restarts(folder: Path) -> int:
    """Return how often the supervisor restarted the agent."""
    status = read_json(folder / "status.json") or {}
    total = 0
    for process in status.get("processes", []):
        total += process["restarts"]
    return total

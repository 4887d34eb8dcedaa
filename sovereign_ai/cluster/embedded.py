"""The embedded control plane: real etcd, API server, controllers and scheduler, and KWOK for nodes.

Five processes of the user's own, on loopback alone, under one small supervisor, ready in seconds
and without a container engine. `up` may be called at any time: it returns what runs, takes up what
a crash left, or starts afresh; two calls at once wait for each other.

    cluster = up("lab", progress=print)
    status("lab").healthy
    down("lab")
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sovereign_ai
from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.ending import STOP_SECONDS, end_processes
from sovereign_ai.cluster.explain import is_port_taken, last_lines, start_failure
from sovereign_ai.cluster.flags import COMPONENTS, listeners, processes
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.operator import OPERATOR, make_operator
from sovereign_ai.cluster.settings import make_settings
from sovereign_ai.cluster.state import Place, choose_ports, place, read_json, record, write_json
from sovereign_ai.cluster.status import ClusterStatus, ComponentStatus, list_clusters, status, status_of, supervisor_pid
from sovereign_ai.cluster.supervisor import ALREADY_RUNNING
from sovereign_ai.errors import EnvironmentLacksError, Problem

__all__ = ["Cluster", "ClusterStatus", "ComponentStatus", "down", "list_clusters", "status", "up"]

_POLL_SECONDS = 0.05
_PORT_TRIES = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running embedded control plane.

    Attributes:
        name: its name.
        folder: where it keeps its state.
        kubeconfig: the administrator's kubeconfig, of mode 0600.
        server: the API server's URL.
        pids: component to process, with the supervisor.
    """

    name: str
    folder: Path
    kubeconfig: Path
    server: str
    pids: Mapping[str, int]

    def to_data(self) -> dict[str, Any]:
        """Give it as plain data, for `--json`."""
        return asdict(self) | {"folder": str(self.folder), "kubeconfig": str(self.kubeconfig)}


def up(
    name: str = "default",
    *,
    progress: Callable[[str], object] = lambda _line: None,
    components: Mapping[str, Path] | None = None,
    wait_seconds: float = 90,
    root: Path | None = None,
) -> Cluster:
    """Start a cluster, or return the one that runs; its data is kept from one run to the next.

    Args:
        name: a DNS label.
        progress: told one line a step.
        components: program files by component; those missing come from the toolchain.
        wait_seconds: how long the start may take.
        root: the folder of all clusters, if not the user's own.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: a program is missing, or the cluster did not become ready; what was
            half-started is ended, and removed if it is new.
    """
    where = place(name, root)
    if sys.platform != "linux":
        raise EnvironmentLacksError(
            Problem("linux-needed", "the embedded control plane needs Linux", hint="use --cluster kubeconfig with a cluster of yours")
        )
    with alone(where, progress, wait_seconds + STOP_SECONDS):
        found = status_of(where)
        if found.supervisor is not None and found.phase in {"starting", "ready"}:
            if not found.healthy:
                progress(f"{name}: waiting for what is being started again")
            return _wait(where, wait_seconds)
        end_processes(where)
        is_new = not where.record.exists()
        programs = _programs(components or {})
        try:
            return _start(where, programs, progress, wait_seconds)
        except BaseException:
            end_processes(where)
            if is_new and where.folder.exists():
                where.remove()
            raise


def down(name: str = "default", *, keep_data: bool = False, root: Path | None = None) -> bool:
    """End a cluster's processes and remove its folder; False if there was nothing to do.

    Args:
        name: the cluster's name.
        keep_data: leave the folder, so that the next `up` finds everything again.
        root: the folder of all clusters, if not the user's own.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: another command holds the cluster for too long, or the folder of
            that name is not a cluster's.
    """
    where = place(name, root)
    if not where.folder.exists():
        return False
    where.insist_on_ours()
    with alone(where, lambda _line: None, STOP_SECONDS):
        had = end_processes(where)
        if not keep_data and where.folder.exists():
            where.remove()
            had = True
    return had


def _start(where: Place, programs: Mapping[str, Path], progress: Callable[[str], object], wait_seconds: float) -> Cluster:
    """Start a supervisor; once more on other ports if somebody took one in the meantime."""
    taken: set[int] = set()
    for attempt in range(_PORT_TRIES):
        where.make()
        with alone(_all_ports(where), progress, wait_seconds):
            ports = choose_ports(where, avoid=frozenset(taken), listeners=listeners(where))
            record(where, ports, programs)
        progress(f"{where.name}: starting {', '.join((*COMPONENTS, OPERATOR))} on 127.0.0.1")
        make_identities(where, ports["kube-apiserver"])
        make_operator(where, ports[OPERATOR])
        make_settings(where)
        plan = [process.to_data() for process in processes(where, ports, programs)]
        write_json(where.processes, {"start_seconds": wait_seconds, "processes": plan})
        launch(where)
        try:
            cluster = _wait(where, wait_seconds)
        except EnvironmentLacksError:
            failure = (read_json(where.status) or {}).get("failure")
            if attempt == _PORT_TRIES - 1 or not failure or not is_port_taken(failure):
                raise
            end_processes(where)
            taken |= {ports[listener] for listener in ports if listener.startswith(failure["name"])}
            continue
        progress(f"{where.name}: ready at {cluster.server}")
        return cluster
    raise AssertionError  # the last attempt returns or raises


def _all_ports(where: Place) -> Place:
    """The lock under which ports are chosen, common to all clusters; its name can be no cluster's."""
    return Place("-ports", where.folder.parent / "-ports")


def launch(where: Place) -> None:
    """Start a detached supervisor for what `processes.json` says.

    Raises:
        EnvironmentLacksError: it did not start.
    """
    where.status.unlink(missing_ok=True)
    log = where.log("supervisor")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1]), "LANG": "C.UTF-8"}
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
        command = [sys.executable, "-m", "sovereign_ai.cluster.supervisor", str(where.folder)]
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=where.folder, env=environment, check=False
        )
    if ended.returncode not in {0, ALREADY_RUNNING}:
        raise start_failure(where.name, {"name": "supervisor", "why": f"ended with status {ended.returncode}", "log": str(log)})


def _wait(where: Place, wait_seconds: float) -> Cluster:
    """Wait until all components are well and pods can be made.

    Raises:
        EnvironmentLacksError: the start failed, or took too long.
    """
    deadline = time.monotonic() + wait_seconds
    importlib.import_module("kubernetes.client")  # while the processes start, not after
    seen = status_of(where)
    while not seen.healthy:
        failure = (read_json(where.status) or {}).get("failure")
        if failure:
            raise start_failure(where.name, failure)
        if supervisor_pid(where) is None and where.status.exists():
            raise start_failure(where.name, {"name": "supervisor", "why": "is gone", "log": str(where.log("supervisor"))})
        if time.monotonic() > deadline:
            raise _too_late(where, seen)
        time.sleep(_POLL_SECONDS)
        seen = status_of(where)
    api = open_cluster(where.kubeconfig)
    while not _has_service_account(api):
        if time.monotonic() > deadline:
            raise _too_late(where, seen)
        time.sleep(_POLL_SECONDS)
    api.close()
    return _cluster(status_of(where))


def _has_service_account(api: Api) -> bool:
    """Tell whether the default service account is there, without which no pod can be made."""
    try:
        return api.get("v1", "ServiceAccount", "default", "default") is not None
    except (ApiError, UnreachableError):
        return False


def _cluster(seen: ClusterStatus) -> Cluster:
    """Give a running cluster from its status."""
    pids = {component.name: component.pid for component in seen.components if component.pid is not None}
    if seen.supervisor is not None:
        pids["supervisor"] = seen.supervisor
    return Cluster(seen.name, seen.folder, seen.kubeconfig, seen.server or "", pids)


def _too_late(where: Place, seen: ClusterStatus) -> EnvironmentLacksError:
    """Say which component is not well yet."""
    unwell = next((component for component in seen.components if not component.healthy), None)
    if unwell is None:
        unwell = ComponentStatus(
            "kube-controller-manager", None, alive=False, restarts=0, healthy=False, log=where.log("kube-controller-manager")
        )
    why = "was not well in time" if last_lines(unwell.log) else "did not start in time"
    return start_failure(where.name, {"name": unwell.name, "why": why, "log": str(unwell.log)})


def _programs(given: Mapping[str, Path]) -> dict[str, Path]:
    """Find the program of every component: the one given, else the toolchain's."""
    programs = {name: Path(path).absolute() for name, path in given.items() if name in {*COMPONENTS, OPERATOR}}
    problems: list[Problem] = []
    for name in COMPONENTS:
        if name not in programs:
            from sovereign_ai.toolchain.install import find  # noqa: PLC0415 - only where it is needed

            try:
                programs[name] = find(name)
            except EnvironmentLacksError as error:
                problems += error.problems
    problems += [
        Problem("tool-missing", f"{name} is not a program that can be run: {path}", hint="run `sovereign-ai tools install`")
        for name, path in sorted(programs.items())
        if not os.access(path, os.X_OK) or path.is_dir()
    ]
    if problems:
        raise EnvironmentLacksError(problems)
    return programs

"""The embedded control plane: real etcd, API server, controllers and scheduler, and KWOK for nodes.

Five processes of the user's own, on loopback only, under one small supervisor, ready in seconds and without a
container engine. `up` may be called at any time: it returns a running cluster, continues with what a crash
left, or starts a new one. Of two calls at once, one waits for the other.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import sovereign_ai
from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.flags import COMPONENTS, listeners, processes
from sovereign_ai.cluster.embedded.flags import components as components_of
from sovereign_ai.cluster.embedded.monitoring import (
    Monitoring,
    make_monitoring,
    monitoring_change,
    monitors,
    set_monitoring,
)
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.process_status import (
    ClusterStatus,
    ComponentStatus,
    list_clusters,
    status,
    status_of,
    supervisor_pid,
)
from sovereign_ai.cluster.embedded.queue_release import release_without_queueing
from sovereign_ai.cluster.embedded.queueing import (
    QUEUE_PROGRAM,
    fair_sharing_of,
    has_queueing,
    keep_queueing,
    make_queue_settings,
    sends_work,
    set_queueing,
)
from sovereign_ai.cluster.embedded.queueing_change import (
    stays_descriptions,
    wanted_fair_sharing,
    wants_queueing,
)
from sovereign_ai.cluster.embedded.replaced_keys import complete_replacement, is_replacing, remove_keys
from sovereign_ai.cluster.embedded.settings import make_settings
from sovereign_ai.cluster.embedded.shutdown import STOP_SECONDS, stop_processes
from sovereign_ai.cluster.embedded.supervisor import ALREADY_RUNNING
from sovereign_ai.cluster.embedded.webhook_controllers import make_controllers
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    running_workload_controllers,
    set_workload_controllers,
)
from sovereign_ai.cluster.embedded.workload_release import release_stopped_controllers
from sovereign_ai.cluster.guard_release import restore_guard_file
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.operator import OPERATOR, make_operator
from sovereign_ai.cluster.removed_clusters import note_removed
from sovereign_ai.cluster.start_errors import is_port_taken, last_lines, start_failure
from sovereign_ai.cluster.state import ClusterDir, choose_ports, cluster_dir_of, read_json, record, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files.writing import open_to_append
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import polling, wait_until

__all__ = ["ClusterStatus", "ComponentStatus", "EmbeddedCluster", "down", "list_clusters", "status", "up"]

_POLL_SECONDS = 0.05
_PORT_TRIES = 3


@frozen_dataclass
class EmbeddedCluster:
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
        """Return plain data, for `--json`."""
        return asdict(self) | {"folder": str(self.folder), "kubeconfig": str(self.kubeconfig)}


def up(
    name: str = "default",
    *,
    progress: Callable[[str], object] = lambda _line: None,
    components: Mapping[str, Path] | None = None,
    wait_seconds: float = 90,
    root: Path | None = None,
    queueing: bool | None = None,
    by_description: bool = False,
    workload_controllers: Sequence[str] | None = None,
    monitoring: Monitoring | None = None,
    multikueue: bool | None = None,
    fair_sharing: Sequence[str] | None = None,
) -> EmbeddedCluster:
    """Start a cluster, or return the one that runs; its data is kept from one run to the next.

    Args:
        name: a DNS label.
        progress: receives one line a step.
        components: program files by component; the others come from the toolchain.
        wait_seconds: how long the start may take.
        root: the folder of all clusters, if not the user's own.
        queueing: whether Kueue is one of its processes; None for as it was. A running cluster for which this
            changes is started anew, with its data.
        by_description: whether a description says `queueing`, and no option: False then takes back only what
            a description asked for.
        workload_controllers: the names of `WORKLOAD_CONTROLLERS` that are its processes, in the order of
            their start; None for as it was.
        monitoring: what watches it; None for as it was.
        multikueue: whether its Kueue sends work to other clusters; None for as it was.
        fair_sharing: the strategies by which Kueue shares idle quota, none for not; None for as it was.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: a program is missing, or the cluster did not become ready; then its processes
            are ended, and a new cluster is removed.
    """
    cluster_dir = cluster_dir_of(name, root)
    if sys.platform != "linux":
        hint = "use --cluster kubeconfig with your own cluster"
        problem = Problem("linux-needed", "the embedded control plane needs Linux", hint=hint)
        raise EnvironmentLacksError(problem)
    with alone(cluster_dir, progress, wait_seconds + STOP_SECONDS):
        before = status_of(cluster_dir)
        with_queueing = wants_queueing(cluster_dir, queueing, by_description=by_description)
        had = tuple(controller.name for controller in running_workload_controllers(cluster_dir))
        workloads = had if workload_controllers is None else tuple(workload_controllers)
        watched = monitoring_change(cluster_dir, monitoring) if monitoring is not None else None
        sends = sends_work(cluster_dir) if multikueue is None else with_queueing and multikueue
        is_same = with_queueing == has_queueing(cluster_dir) and workloads == had
        is_same = is_same and sends == sends_work(cluster_dir)
        is_same = is_same and (watched is None or not watched.is_restart)
        shared = wanted_fair_sharing(cluster_dir, fair_sharing, with_queueing=with_queueing)
        is_same = is_same and shared == fair_sharing_of(cluster_dir)
        is_described = stays_descriptions(cluster_dir, queueing, by_description=by_description)
        if is_same and before.supervisor is not None and before.phase in {"starting", "ready"}:
            if not before.healthy:
                progress(f"{name}: waiting for components that are being restarted")
            if queueing and not is_described:
                keep_queueing(cluster_dir)
            if watched is not None and monitoring is not None:
                set_monitoring(cluster_dir, monitoring)
            cluster = _wait(cluster_dir, wait_seconds)
            # A rotation was interrupted before it stopped anything, or when the new keys were in use.
            _finish(cluster_dir, progress)
            return cluster
        # Before anything is stopped or written: a program that is missing changes nothing.
        watchers = monitors(cluster_dir) if monitoring is None else monitoring.programs
        programs = _programs(components or {}, workloads, with_queueing=with_queueing, watchers=watchers)
        definitions = _queue_definitions() if with_queueing else None
        workload_definitions = _workload_definitions(workloads)
        stop_processes(cluster_dir)
        is_new = not cluster_dir.record.exists()
        try:
            cluster_dir.make()
            if is_replacing(cluster_dir):
                remove_keys(cluster_dir)
            set_queueing(
                cluster_dir,
                definitions,
                by_description=is_described,
                multikueue=sends,
                fair_sharing=shared,
            )
            set_workload_controllers(cluster_dir, workload_definitions)
            if monitoring is not None:
                set_monitoring(cluster_dir, monitoring)
            cluster = _start(cluster_dir, programs, progress, wait_seconds)
        except BaseException:  # Ctrl-C too
            stop_processes(cluster_dir)
            if is_new and cluster_dir.folder.exists():
                cluster_dir.remove()
            raise
        _finish(cluster_dir, progress)
        return cluster


def _finish(cluster_dir: ClusterDir, progress: Callable[[str], object]) -> None:
    """Complete what an earlier command, or this one, began and what needs a control plane that runs."""
    complete_replacement(cluster_dir)
    if released := release_without_queueing(cluster_dir):
        for line in released.lines():
            progress(f"{cluster_dir.name}: {line}")
    for line in release_stopped_controllers(cluster_dir):
        progress(f"{cluster_dir.name}: {line}")


def down(name: str = "default", *, keep_data: bool = False, root: Path | None = None) -> bool:
    """End a cluster's processes and remove its folder.

    Args:
        name: the cluster's name.
        keep_data: leave the folder, so that the next `up` continues with its data.
        root: the folder of all clusters, if not the user's own.

    Returns:
        Whether there was anything to end or remove.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: another command holds the cluster for too long, or the folder of
            that name is not a cluster's.
    """
    cluster_dir = cluster_dir_of(name, root)
    if not cluster_dir.folder.exists():
        return False
    cluster_dir.require_ours()
    with alone(cluster_dir, lambda _line: None, STOP_SECONDS):
        had = stop_processes(cluster_dir)
        if not keep_data and cluster_dir.folder.exists():
            note_removed(cluster_dir)
            cluster_dir.remove()
            had = True
    return had


def _start(
    cluster_dir: ClusterDir,
    programs: Mapping[str, Path],
    progress: Callable[[str], object],
    wait_seconds: float,
) -> EmbeddedCluster:
    """Start a supervisor; try other ports if another process opened one of them in the meantime."""
    occupied: set[int] = set()
    for attempt in range(_PORT_TRIES):
        cluster_dir.make()
        # Two clusters that start at once must not choose the same ports.
        with alone(_all_ports(cluster_dir), progress, wait_seconds):
            ports = choose_ports(cluster_dir, avoid=frozenset(occupied), listeners=listeners(cluster_dir))
            record(cluster_dir, ports, programs)
        names = ", ".join((*components_of(cluster_dir), OPERATOR))
        progress(f"{cluster_dir.name}: starting {names} on 127.0.0.1")
        make_identities(cluster_dir, ports["kube-apiserver"])
        make_operator(cluster_dir, ports[OPERATOR])
        make_queue_settings(cluster_dir, ports)
        make_controllers(cluster_dir, plane_controllers(cluster_dir), ports)
        make_monitoring(cluster_dir, ports)
        make_settings(cluster_dir)
        if line := restore_guard_file(cluster_dir):
            progress(f"{cluster_dir.name}: {line}")
        plan = [process.to_data() for process in processes(cluster_dir, ports, programs)]
        write_json(cluster_dir.processes, {"start_seconds": wait_seconds, "processes": plan})
        launch(cluster_dir)
        try:
            cluster = _wait(cluster_dir, wait_seconds)
        except EnvironmentLacksError:
            failure = (read_json(cluster_dir.status) or {}).get("failure")
            if attempt == _PORT_TRIES - 1 or not failure or not is_port_taken(failure):
                raise
            stop_processes(cluster_dir)
            occupied |= {ports[listener] for listener in ports if listener.startswith(failure["name"])}
            continue
        progress(f"{cluster_dir.name}: ready at {cluster.server}")
        return cluster
    raise AssertionError  # the last attempt returns or raises


def _all_ports(cluster_dir: ClusterDir) -> ClusterDir:
    """Return the lock of all clusters for the choice of ports; no cluster can have its name."""
    return ClusterDir("-ports", cluster_dir.folder.parent / "-ports")


def launch(cluster_dir: ClusterDir) -> None:
    """Start a detached supervisor for the processes in `processes.json`.

    Raises:
        EnvironmentLacksError: it did not start.
    """
    cluster_dir.status.unlink(missing_ok=True)
    log = cluster_dir.log("supervisor")
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1]),
        "LANG": "C.UTF-8",
    }
    with os.fdopen(open_to_append(log), "wb") as output:
        command = [
            sys.executable,
            "-P",
            "-m",
            "sovereign_ai.cluster.embedded.supervisor",
            str(cluster_dir.folder),
        ]
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cluster_dir.folder,
            env=environment,
            check=False,
        )
    if ended.returncode not in {0, ALREADY_RUNNING}:
        why = f"ended with status {ended.returncode}"
        raise start_failure(cluster_dir.name, {"name": "supervisor", "why": why, "log": str(log)})


def _wait(cluster_dir: ClusterDir, wait_seconds: float) -> EmbeddedCluster:
    """Wait until all components are healthy and pods can be created.

    Raises:
        EnvironmentLacksError: the start failed, or took too long.
    """
    began = time.monotonic()
    importlib.import_module("kubernetes.client")  # while the processes start, not after
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        seen = status_of(cluster_dir)
        if seen.healthy:
            break
        failure = (read_json(cluster_dir.status) or {}).get("failure")
        if failure:
            raise start_failure(cluster_dir.name, failure)
        if supervisor_pid(cluster_dir) is None and cluster_dir.status.exists():
            raise start_failure(
                cluster_dir.name,
                {"name": "supervisor", "why": "is gone", "log": str(cluster_dir.log("supervisor"))},
            )
        if is_last:
            raise _too_late(cluster_dir, seen)
    api = open_cluster(cluster_dir.kubeconfig)
    left = wait_seconds - (time.monotonic() - began)
    if not wait_until(partial(_has_service_account, api), left, _POLL_SECONDS):
        raise _too_late(cluster_dir, status_of(cluster_dir))
    api.close()
    return _cluster(status_of(cluster_dir))


def _has_service_account(api: Api) -> bool:
    """Return whether the default service account exists, without which no pod can be created."""
    try:
        return api.get("v1", "ServiceAccount", "default", "default") is not None
    except (ApiError, UnreachableError):
        return False


def _cluster(seen: ClusterStatus) -> EmbeddedCluster:
    """Return a running cluster from its status."""
    pids = {component.name: component.pid for component in seen.components if component.pid is not None}
    if seen.supervisor is not None:
        pids["supervisor"] = seen.supervisor
    return EmbeddedCluster(seen.name, seen.folder, seen.kubeconfig, seen.server or "", pids)


def _too_late(cluster_dir: ClusterDir, seen: ClusterStatus) -> EnvironmentLacksError:
    """Return the error that a component is not healthy in time."""
    unwell = next((component for component in seen.components if not component.healthy), None)
    if unwell is None:
        unwell = ComponentStatus(
            "kube-controller-manager",
            None,
            alive=False,
            restarts=0,
            healthy=False,
            log=cluster_dir.log("kube-controller-manager"),
        )
    why = "was not well in time" if last_lines(unwell.log) else "did not start in time"
    return start_failure(cluster_dir.name, {"name": unwell.name, "why": why, "log": str(unwell.log)})


def _queue_definitions() -> Path:
    """Return the folder with the definitions of Kueue's objects, of the toolchain.

    Raises:
        EnvironmentLacksError: it is not installed.
    """
    from sovereign_ai.toolchain.install import module_files  # noqa: PLC0415 - only where it is needed

    return module_files("kueue", "config/components/crd/bases")


def _workload_definitions(names: Sequence[str]) -> dict[str, Path]:
    """Return the folder with the definitions of each controller's kinds, of the toolchain.

    Raises:
        EnvironmentLacksError: some are not installed.
    """
    from sovereign_ai.toolchain.install import module_files  # noqa: PLC0415 - only where it is needed

    folders: dict[str, Path] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            folders[name] = module_files(name, WORKLOAD_CONTROLLERS[name].definitions)
        except EnvironmentLacksError as error:
            problems += error.problems
    if problems:
        raise EnvironmentLacksError(problems)
    return folders


def _programs(
    given: Mapping[str, Path],
    workloads: Sequence[str] = (),
    *,
    with_queueing: bool = False,
    watchers: Sequence[str] = (),
) -> dict[str, Path]:
    """Return the program of every component: the given one, else the toolchain's."""
    wanted = (*COMPONENTS, *(WORKLOAD_CONTROLLERS[name].program for name in workloads), *watchers)
    if with_queueing:
        wanted = (*wanted, QUEUE_PROGRAM)
    programs = {name: Path(path).absolute() for name, path in given.items() if name in {*wanted, OPERATOR}}
    problems: list[Problem] = []
    for name in wanted:
        if name not in programs:
            from sovereign_ai.toolchain.install import find  # noqa: PLC0415 - only where it is needed

            try:
                programs[name] = find(name)
            except EnvironmentLacksError as error:
                problems += error.problems
    for name, path in sorted(programs.items()):
        if not os.access(path, os.X_OK) or path.is_dir():
            message = f"{name} is not a program that can be run: {path}"
            problems.append(Problem("tool-missing", message, hint="run `sovereign-ai tools install`"))
    if problems:
        raise EnvironmentLacksError(problems)
    return programs

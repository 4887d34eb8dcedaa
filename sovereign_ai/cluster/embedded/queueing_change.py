"""What the next `up` does about controllers on a control plane that exists, and what that costs.

A description that names Kueue, or a controller of workloads, has it started. One that names it no more has it
stopped; Kueue stays where the option `--queueing` had asked for it: the option was given for a control plane,
whatever is deployed to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs, listed, read_queued_jobs
from sovereign_ai.cluster.embedded.queueing import has_queueing, is_by_description, sends_work
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    running_workload_controllers,
    workload_controllers_of,
)
from sovereign_ai.cluster.embedded.workload_release import work_of
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.frozen_dataclass import frozen_dataclass

_MULTIKUEUE = "MultiKueue"


@frozen_dataclass
class QueueingChange:
    """Controllers start or stop with the next `up`.

    Attributes:
        starts: whether Kueue starts; None where it stays as it is.
        jobs: the Jobs that name a queue now.
        started: the titles of the controllers of workloads that start.
        stopped: the title of each that stops, to its work that is left.
    """

    starts: bool | None
    jobs: QueuedJobs
    started: tuple[str, ...] = ()
    stopped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return one line for a person."""
        verbs = []
        for verb, names in (("start", self._starting()), ("stop", self._stopping())):
            if names:
                ending = "s" if len(names) == 1 else ""
                verbs.append(f"{', '.join(names)} {verb}{ending}")
        return "; ".join([f"{' and '.join(verbs)}: the control plane is started anew", *self._costs()])

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "starts": self.starts,
            "controllers": {"start": self._starting(), "stop": self._stopping()},
            "costs": list(self._costs()),
        }

    def _starting(self) -> list[str]:
        """Return the titles of all controllers that start."""
        return [*(["Kueue"] if self.starts else []), *self.started]

    def _stopping(self) -> list[str]:
        """Return the titles of all controllers that stop."""
        return [*(["Kueue"] if self.starts is False else []), *self.stopped]

    def _costs(self) -> Iterator[str]:
        """Yield what happens to the work, a sentence each."""
        jobs = self.jobs
        if self.starts:
            if jobs.running:
                names = listed(jobs.running)
                yield f"running jobs that name a queue are suspended until it has room: {names}"
            # Kueue makes a workload of each, and starts it; one that somebody deactivated has one already.
            if suspended := (*jobs.waiting, *jobs.held):
                names = listed(suspended)
                yield f"suspended ones start once it has room, unless their workload is deactivated: {names}"
        elif self.starts is False:
            if jobs.waiting:
                yield f"jobs that wait for it start: {listed(jobs.waiting)}"
            if jobs.held:
                yield f"suspended jobs that did not wait for it stay so: {listed(jobs.held)}"
        for title, left in self.stopped.items():
            if left:
                yield f"nobody looks after the work of {title} from then on: {listed(left)}"


def wants_queueing(cluster_dir: ClusterDir, asked: bool | None, *, by_description: bool) -> bool:
    """Return whether Kueue is part of a control plane from its next start on.

    Args:
        cluster_dir: the control plane's folder.
        asked: whether it is asked for; None where nobody says.
        by_description: whether a description says so, and no option.
    """
    had = has_queueing(cluster_dir)
    if asked is None:
        return had
    # A description that does not name Kueue takes back only what a description asked for.
    if by_description and not asked:
        return had and not is_by_description(cluster_dir)
    return asked


def is_descriptions(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is, or would be, there for a description alone.

    What an option asked for stays so, also where a description names Kueue later.
    """
    return not has_queueing(cluster_dir) or is_by_description(cluster_dir)


def planned_change(
    cluster_dir: ClusterDir,
    api: Api,
    *,
    described: bool,
    controllers: Collection[str] = (),
    multikueue: bool = False,
) -> QueueingChange | None:
    """Return what a description changes about controllers; None where they stay as they are.

    Args:
        cluster_dir: the folder of the control plane, which runs.
        api: the control plane.
        described: whether the description's platform names Kueue.
        controllers: the names of all controllers of the description's platform.
        multikueue: whether the description has its Kueue send work to other clusters.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    wants_kueue = wants_queueing(cluster_dir, described, by_description=True)
    changes_kueue = wants_kueue != has_queueing(cluster_dir)
    had = {controller.name for controller in running_workload_controllers(cluster_dir)}
    wanted = workload_controllers_of(controllers)
    sends, sent = wants_kueue and multikueue, sends_work(cluster_dir)
    if not changes_kueue and had == set(wanted) and sends == sent:
        return None
    started = tuple(WORKLOAD_CONTROLLERS[name].title for name in wanted if name not in had)
    stopped: dict[str, tuple[str, ...]] = {}
    if sends and not sent:
        started = (*started, _MULTIKUEUE)
    elif sent and not sends:
        stopped[_MULTIKUEUE] = ()
    for controller in running_workload_controllers(cluster_dir):
        if controller.name not in wanted:
            stopped[controller.title] = tuple(work_of(api, controller))
    starts = wants_kueue if changes_kueue else None
    jobs = read_queued_jobs(api) if changes_kueue else QueuedJobs()
    return QueueingChange(starts, jobs, started, stopped)

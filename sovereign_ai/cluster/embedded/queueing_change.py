"""What the next `up` does about controllers on a control plane that exists, and what that costs.

A description that names Kueue, or a controller of workloads, has it started. One that names it no more has it
stopped; Kueue stays where the option `--queueing` had asked for it: the option was given for a control plane,
whatever is deployed to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs, listed, read_queued_jobs
from sovereign_ai.cluster.embedded.queueing import (
    fair_sharing_of,
    has_queueing,
    is_by_description,
    sends_work,
)
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
        fair_sharing: the strategies by which Kueue shares idle quota from then on, none for not; None where
            that stays as it is.
        begins_sharing: whether it shares none now.
    """

    starts: bool | None
    jobs: QueuedJobs
    started: tuple[str, ...] = ()
    stopped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fair_sharing: tuple[str, ...] | None = None
    begins_sharing: bool = False

    def __str__(self) -> str:
        """Return one line for a person."""
        verbs = []
        for verb, names in (("start", self._starting()), ("stop", self._stopping())):
            if names:
                ending = "s" if len(names) == 1 else ""
                verbs.append(f"{', '.join(names)} {verb}{ending}")
        if self.fair_sharing is not None and self.starts is None:
            by = f"by {', '.join(self.fair_sharing)}" if self.fair_sharing else "by no strategy any more"
            verbs.append(f"Kueue shares idle quota {by}")
        return "; ".join([f"{' and '.join(verbs)}: the control plane is started anew", *self._costs()])

    @property
    def is_after_deployment(self) -> bool:
        """Whether it waits for the queues to be deployed: fair sharing needs each of them in a cohort."""
        return self.begins_sharing and self.starts is None and not self.started and not self.stopped

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "starts": self.starts,
            "controllers": {"start": self._starting(), "stop": self._stopping()},
            "fair_sharing": None if self.fair_sharing is None else list(self.fair_sharing),
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


def wants_queueing(cluster_dir: ClusterDir, requested: bool | None, *, by_description: bool) -> bool:
    """Return whether Kueue is part of a control plane from its next start on.

    Args:
        cluster_dir: the control plane's folder.
        requested: whether it is asked for; None where nobody says.
        by_description: whether a description says so, and no option.
    """
    had = has_queueing(cluster_dir)
    if requested is None:
        return had
    # A description that does not name Kueue takes back only what a description asked for.
    if by_description and not requested:
        return had and not is_by_description(cluster_dir)
    return requested


def is_descriptions(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is, or would be, there for a description alone.

    What an option asked for stays so, also where a description names Kueue later.
    """
    return not has_queueing(cluster_dir) or is_by_description(cluster_dir)


def stays_descriptions(cluster_dir: ClusterDir, requested: bool | None, *, by_description: bool) -> bool:
    """Return whether Kueue is there for a description alone from the next start on.

    Args:
        cluster_dir: the control plane's folder.
        requested: whether it is asked for; None where nobody says, and it stays whose it was.
        by_description: whether a description says so, and no option.
    """
    if requested is None:
        return is_by_description(cluster_dir)
    return by_description and is_descriptions(cluster_dir)


def wanted_fair_sharing(
    cluster_dir: ClusterDir, requested: Sequence[str] | None, *, with_queueing: bool
) -> tuple[str, ...]:
    """Return the strategies by which Kueue shares idle quota from the next start on; none for not.

    Args:
        cluster_dir: the control plane's folder.
        requested: those that are asked for; None where nobody says.
        with_queueing: whether Kueue is part of the control plane then.
    """
    if not with_queueing:
        return ()
    return fair_sharing_of(cluster_dir) if requested is None else tuple(requested)


def planned_change(
    cluster_dir: ClusterDir,
    api: Api,
    *,
    described: bool,
    controllers: Collection[str] = (),
    multikueue: bool = False,
    fair_sharing: Sequence[str] = (),
) -> QueueingChange | None:
    """Return what a description changes about controllers; None where they stay as they are.

    Args:
        cluster_dir: the folder of the control plane, which runs.
        api: the control plane.
        described: whether the description's platform names Kueue.
        controllers: the names of all controllers of the description's platform.
        multikueue: whether the description has its Kueue send work to other clusters.
        fair_sharing: the platform's strategies by which idle quota is shared.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    wants_kueue = wants_queueing(cluster_dir, described, by_description=True)
    changes_kueue = wants_kueue != has_queueing(cluster_dir)
    had = {controller.name for controller in running_workload_controllers(cluster_dir)}
    wanted = workload_controllers_of(controllers)
    sends, sent = wants_kueue and multikueue, sends_work(cluster_dir)
    shared = wanted_fair_sharing(cluster_dir, fair_sharing, with_queueing=wants_kueue)
    shared_before = fair_sharing_of(cluster_dir)
    changes_sharing = shared != shared_before
    is_same = not changes_kueue and not changes_sharing and sends == sent
    if is_same and had == set(wanted):
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
    return QueueingChange(
        starts,
        jobs,
        started,
        stopped,
        fair_sharing=shared if changes_sharing else None,
        begins_sharing=changes_sharing and not shared_before,
    )

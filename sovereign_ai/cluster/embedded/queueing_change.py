"""What the next `up` does about Kueue on a control plane that exists, and what that costs.

A description that names Kueue has it started. One that names it no more has it stopped, unless the option
`--queueing` had asked for it: the option was given for a control plane, whatever is deployed to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs, listed, read_queued_jobs
from sovereign_ai.cluster.embedded.queueing import has_queueing, is_by_description
from sovereign_ai.cluster.state import ClusterDir


@dataclass(frozen=True, slots=True)
class QueueingChange:
    """Kueue starts or stops with the next `up`.

    Attributes:
        starts: whether it starts.
        jobs: the Jobs that name a queue now.
    """

    starts: bool
    jobs: QueuedJobs

    def __str__(self) -> str:
        """Return one line for a person."""
        verb = "starts" if self.starts else "stops"
        return "; ".join([f"Kueue {verb}: the control plane is started anew", *self._costs()])

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {"starts": self.starts, "costs": list(self._costs())}

    def _costs(self) -> Iterator[str]:
        """Yield what happens to the Jobs, a sentence each."""
        jobs = self.jobs
        if self.starts:
            if jobs.running:
                names = listed(jobs.running)
                yield f"running jobs that name a queue are suspended until it has room: {names}"
            # Kueue makes a workload of each, and starts it; one that somebody deactivated has one already.
            if suspended := (*jobs.waiting, *jobs.held):
                names = listed(suspended)
                yield f"suspended ones start once it has room, unless their workload is deactivated: {names}"
            return
        if jobs.waiting:
            yield f"jobs that wait for it start: {listed(jobs.waiting)}"
        if jobs.held:
            yield f"suspended jobs that did not wait for it stay so: {listed(jobs.held)}"


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


def planned_change(cluster_dir: ClusterDir, api: Api, *, described: bool) -> QueueingChange | None:
    """Return what a description changes about Kueue; None where it stays as it is.

    Args:
        cluster_dir: the folder of the control plane, which runs.
        api: the control plane.
        described: whether the description's platform names Kueue.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    wanted = wants_queueing(cluster_dir, described, by_description=True)
    if wanted == has_queueing(cluster_dir):
        return None
    return QueueingChange(wanted, read_queued_jobs(api))

"""The embedded control plane behind the interface of every control plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sovereign_ai.cluster.control_plane import Backend, ControlPlaneStatus, Ended, Progress, RunningCluster
from sovereign_ai.cluster.dead_components import DeadComponent, dead_components_of_embedded
from sovereign_ai.cluster.embedded import lifecycle as embedded
from sovereign_ai.cluster.embedded.alerts import ActiveAlert, active_alerts
from sovereign_ai.cluster.embedded.monitoring import (
    MONITORS,
    Monitoring,
    MonitoringChange,
    monitoring_change,
)
from sovereign_ai.cluster.embedded.process_status import ClusterStatus, list_clusters, status
from sovereign_ai.cluster.embedded.queueing import fair_sharing_of
from sovereign_ai.cluster.embedded.queueing_change import QueueingChange, planned_change
from sovereign_ai.cluster.embedded.rotation import rotate
from sovereign_ai.cluster.embedded.workload_controllers import workload_controllers_of
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.plan import Plan
    from sovereign_ai.spec import AIFactory

_START_SECONDS, _MORE_SECONDS = 90.0, 30.0
"""How long a start may take, and how much longer for each controller of workloads, on a busy machine."""


@frozen_dataclass
class EmbeddedControlPlane:
    """A control plane of processes; all its nodes are simulated.

    Attributes:
        name: the cluster's name.
        queueing: whether Kueue is one of its processes; None for what the description says, else as it was.
    """

    name: str
    queueing: bool | None = None

    backend: ClassVar[Backend] = Backend.EMBEDDED
    state_key: ClassVar[str] = ""
    is_local: ClassVar[bool] = True
    is_default: ClassVar[bool] = True
    has_real_nodes: ClassVar[bool] = False
    needs_description: ClassVar[bool] = False

    @property
    def cluster_dir(self) -> ClusterDir:
        """The folder of its local state."""
        return cluster_dir_of(self.name)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.cluster_dir.kubeconfig

    @property
    def options(self) -> list[str]:
        """None: it is meant where no option names another."""
        return []

    def up(
        self,
        progress: Progress,
        description: tuple[AIFactory, Plan] | None = None,
        *,
        changes_queueing: bool = True,
        begins_sharing: bool = True,
    ) -> RunningCluster:
        """Start it, or return the one that runs; with the controllers that the description's platform names.

        For Kueue the option wins. Controllers stop where a description names them no more that had them
        started.
        """
        queueing = self.queueing
        if not changes_queueing and self.cluster_dir.record.exists():
            description = None
        by_description = queueing is None and description is not None
        if description is not None and queueing is None:
            queueing = runs_kueue(description[0])
        workloads, monitoring, multikueue, fair_sharing = None, None, None, None
        if description is not None:
            fair_sharing = description[0].fair_sharing
            workloads = workload_controllers_of(platform_names(description[0]))
            monitoring = monitoring_of(*description, self.name)
            multikueue = is_manager(description[0], self.name)
        if not begins_sharing and not fair_sharing_of(self.cluster_dir):
            fair_sharing = None
        cluster = embedded.up(
            self.name,
            progress=progress,
            queueing=queueing,
            by_description=by_description,
            workload_controllers=workloads,
            monitoring=monitoring,
            multikueue=multikueue,
            fair_sharing=fair_sharing,
            wait_seconds=_START_SECONDS + _MORE_SECONDS * len(workloads or ()),
        )
        data = {
            "name": cluster.name,
            "server": cluster.server,
            "kubeconfig": str(cluster.kubeconfig),
            "folder": str(cluster.folder),
        }
        return RunningCluster(name=self.name, kubeconfig=cluster.kubeconfig, server=cluster.server, data=data)

    def running(self) -> RunningCluster:
        """Return what is needed to connect to one that exists already."""
        kubeconfig = self.kubeconfig
        if not kubeconfig.is_file():
            message = f"there is no embedded cluster {self.name!r}"
            hint = (
                "`sovereign-ai up STACK` makes it and deploys the stack;"
                " for a cluster of yours, write --cluster kubeconfig --kubeconfig FILE"
            )
            raise EnvironmentLacksError(Problem("no-cluster", message, hint=hint))
        return RunningCluster(name=self.name, kubeconfig=kubeconfig)

    def status(self) -> ControlPlaneStatus:
        """Return its status, with a row for each process."""
        return report(status(self.name))

    def rotate(self, progress: Progress) -> bool:
        """Replace its authorities, certificates and token keys; False if it does not run."""
        return rotate(self.name, progress=progress) is not None

    def check_down(self, *, keep_data: bool) -> None:
        """Do nothing: it can be stopped with and without its data."""

    def down(self, progress: Progress, *, keep_data: bool = False) -> Ended:  # noqa: ARG002
        """Stop its processes, and remove its data unless that is kept."""
        if not embedded.down(self.name, keep_data=keep_data):
            return Ended(was_there=False, words="nothing to stop")
        return Ended(was_there=True, words="stopped; its data is kept" if keep_data else "stopped")

    def health(self) -> tuple[DeadComponent, ...]:
        """Return its processes that do not run."""
        return dead_components_of_embedded(status(self.name))

    def operator_hint(self) -> str:
        """Return nothing: the usual command starts its operator."""
        return ""

    def planned_queueing(self, api: Api, factory: AIFactory) -> QueueingChange | None:
        """Return what the next `up` of a description changes about controllers; None for nothing."""
        return planned_change(
            self.cluster_dir,
            api,
            described=runs_kueue(factory),
            controllers=platform_names(factory),
            multikueue=is_manager(factory, self.name),
            fair_sharing=factory.fair_sharing,
        )

    def refuse_unsupported_changes(self, factory: AIFactory, plan: Plan) -> None:
        """Do nothing: its processes start anew with any settings."""

    def planned_monitoring(self, factory: AIFactory, plan: Plan) -> MonitoringChange | None:
        """Return what the next `up` of a description changes about what watches it; None for nothing."""
        return monitoring_change(self.cluster_dir, monitoring_of(factory, plan, self.name))

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """Return the alerts of the Prometheus that watches it."""
        return active_alerts(self.cluster_dir)


def monitoring_of(factory: AIFactory, plan: Plan, cluster: str) -> Monitoring:
    """Return what watches a cluster of a description: programs, rules, and what its machines are.

    Raises:
        KeyError: the plan has no such cluster.
    """
    named = factory.platform.monitoring if factory.platform is not None else ()
    programs = tuple(name for name in MONITORS if name in named)
    if not programs:
        return Monitoring()
    from sovereign_ai.render.monitoring import rules_yaml  # noqa: PLC0415 - only where it is needed

    site = plan.cluster(cluster).site
    return Monitoring(programs, factory.canonical(), {f"{site}.yaml": rules_yaml(factory, plan, site)})


def runs_kueue(factory: AIFactory) -> bool:
    """Return whether a description's platform queues with Kueue."""
    return factory.platform is not None and "kueue" in factory.platform.queueing


def is_manager(factory: AIFactory, cluster: str) -> bool:
    """Return whether a cluster of a description sends work to others."""
    return cluster == factory.name and factory.platform is not None and bool(factory.platform.multikueue)


def platform_names(factory: AIFactory) -> tuple[str, ...]:
    """Return the controllers of a description's platform."""
    return () if factory.platform is None else factory.platform.names()


def make(name: str) -> EmbeddedControlPlane:
    """Return the control plane of a name; nothing is read, started or contacted."""
    return EmbeddedControlPlane(name)


def list_statuses() -> Iterator[ControlPlaneStatus]:
    """Yield the status of each embedded control plane that exists."""
    for cluster in list_clusters():
        yield report(cluster)


def report(cluster: ClusterStatus) -> ControlPlaneStatus:
    """Return a status in the form of every control plane's."""
    rows: list[tuple[object, ...]] = []
    for component in cluster.components:
        health = "healthy" if component.healthy else "unhealthy"
        rows.append((component.name, component.pid or "-", health, component.restarts))
    notes = []
    if rows:
        notes.append(f"logs: {cluster.components[0].log.parent}")
    if cluster.phase == "absent":
        notes.append(
            "next: `sovereign-ai cluster list` lists the clusters;"
            " `sovereign-ai up STACK` makes a stack's own"
        )
    return ControlPlaneStatus(
        name=cluster.name,
        phase=cluster.phase,
        server=cluster.server,
        healthy=cluster.healthy,
        head=["component", "process", "health", "restarts"],
        rows=rows,
        notes=notes,
        data=cluster.to_data(),
    )

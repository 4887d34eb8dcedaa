"""The kind cluster behind the interface of every control plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sovereign_ai.cluster.control_plane import Backend, ControlPlaneStatus, Ended, Progress, RunningCluster
from sovereign_ai.cluster.dead_components import DeadComponent
from sovereign_ai.cluster.kind import lifecycle
from sovereign_ai.cluster.kind.dead_containers import dead_containers
from sovereign_ai.cluster.kind.lifecycle import refuse_unsupported_changes
from sovereign_ai.cluster.kind.machine_status import KindStatus, folder_of, list_kind
from sovereign_ai.cluster.kind.operator import remedy
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.cluster.embedded.alerts import ActiveAlert
    from sovereign_ai.cluster.embedded.monitoring import MonitoringChange
    from sovereign_ai.cluster.embedded.queueing_change import QueueingChange
    from sovereign_ai.plan import Plan
    from sovereign_ai.spec import AIFactory


@frozen_dataclass
class KindControlPlane:
    """A cluster of containers: its first nodes are real, with kubelets; the others are simulated.

    Attributes:
        name: the cluster's name, in kind and in the plan.
    """

    name: str

    backend: ClassVar[Backend] = Backend.KIND
    state_key: ClassVar[str] = "kind"
    is_local: ClassVar[bool] = True
    is_default: ClassVar[bool] = False
    has_real_nodes: ClassVar[bool] = True
    needs_description: ClassVar[bool] = True

    @property
    def cluster_dir(self) -> ClusterDir:
        """The folder of its local state."""
        return folder_of(self.name)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.cluster_dir.kubeconfig

    @property
    def options(self) -> list[str]:
        """The option that names it."""
        return ["--cluster", self.backend]

    def up(
        self,
        progress: Progress,
        description: tuple[AIFactory, Plan] | None = None,
        *,
        changes_queueing: bool = True,  # noqa: ARG002 - Kueue is no part of it
        begins_sharing: bool = True,  # noqa: ARG002 - Kueue is no part of it
    ) -> RunningCluster:
        """Create it from a description, or return the one that runs.

        Raises:
            UsageError: another program created a kind cluster of this name, or this one was created for
                other nodes or ranges.
            EnvironmentLacksError: there is no container engine or no node image, or the nodes did not become
                Ready.
            ValueError: there is no description.
        """
        if description is None:
            raise ValueError("a kind cluster is made from a description")
        factory, plan = description
        return _running(lifecycle.up(factory, plan, self.name, progress=progress))

    def running(self) -> RunningCluster:
        """Return what is needed to connect to one that exists already."""
        return _running(lifecycle.cluster_of(self.name))

    def status(self) -> ControlPlaneStatus:
        """Return its status, with a row for each real node."""
        return report(lifecycle.status(self.name))

    def rotate(self, progress: Progress) -> bool:  # noqa: ARG002
        """Refuse: kubeadm makes its keys, in its containers."""
        message = "kubeadm makes the authorities of a kind cluster, anew with each cluster"
        hint = f"`sovereign-ai cluster down {self.name} --cluster kind`, and `up` again"
        raise UsageError(Problem("not-rotated", message, hint=hint))

    def check_down(self, *, keep_data: bool) -> None:
        """Refuse to keep its data."""
        if keep_data:
            message = "a kind cluster's data goes with its containers"
            raise UsageError(Problem("no-data-kept", message, hint="leave out --keep-data"))

    def down(self, progress: Progress, *, keep_data: bool = False) -> Ended:
        """Remove its containers, and its data with them."""
        self.check_down(keep_data=keep_data)
        was_there = lifecycle.down(self.name, progress=progress)
        return Ended(was_there, "removed" if was_there else "nothing to remove")

    def health(self) -> tuple[DeadComponent, ...]:
        """Return its containers that do not run."""
        return dead_containers(self.cluster_dir)

    def operator_hint(self) -> str:
        """Return the command that gives it a running operator."""
        return remedy(self.cluster_dir)

    def planned_queueing(self, api: Api, factory: AIFactory) -> QueueingChange | None:  # noqa: ARG002
        """Return nothing: Kueue is no part of it."""
        return None

    def refuse_unsupported_changes(self, factory: AIFactory, plan: Plan) -> None:
        """Refuse a description that a standing cluster of containers cannot follow.

        Raises:
            UsageError: a real machine is not described any more, or ranges or settings of nodes are others.
        """
        refuse_unsupported_changes(self.cluster_dir, factory, plan)

    def planned_monitoring(self, factory: AIFactory, plan: Plan) -> MonitoringChange | None:  # noqa: ARG002
        """Return nothing: what watches it is installed as on every cluster."""
        return None

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """Return nothing: this program runs no Prometheus there."""
        return ()


def make(name: str) -> KindControlPlane:
    """Return the control plane of a name; nothing is read, started or contacted."""
    return KindControlPlane(name)


def list_statuses() -> Iterator[ControlPlaneStatus]:
    """Yield the status of each kind cluster that exists."""
    for cluster in list_kind():
        yield report(cluster)


def _running(cluster: lifecycle.KindCluster) -> RunningCluster:
    """Return a cluster in the form of every control plane's."""
    return RunningCluster(
        name=cluster.name,
        kubeconfig=cluster.kubeconfig,
        server=cluster.server,
        machines=cluster.machines,
        image=cluster.image,
        data=cluster.to_data(),
    )


def report(cluster: KindStatus) -> ControlPlaneStatus:
    """Return a status in the form of every control plane's."""
    rows: list[tuple[object, ...]] = []
    for component in cluster.components:
        state = "runs" if component.alive else "stopped"
        health = "ready" if component.healthy else "unhealthy"
        rows.append((component.name, component.container, state, health))
    notes = []
    # None means that the API server asks no operator, so that none is missing.
    if cluster.operator is False:
        notes.append(
            "the operator does not run: no waiver counts, and no access is opened or ended;"
            " `sovereign-ai cluster up --cluster kind STACK` starts it"
        )
    if cluster.foreign:
        notes.append(
            f"somebody else made a kind cluster of this name: {', '.join(cluster.foreign)}; it is left"
            f" alone, and `kind delete cluster --name {cluster.name}` removes it"
        )
    return ControlPlaneStatus(
        name=cluster.name,
        phase=cluster.phase,
        server=cluster.server,
        healthy=cluster.healthy,
        head=["node", "container", "state", "health"],
        rows=rows,
        notes=notes,
        data=cluster.to_data(),
    )

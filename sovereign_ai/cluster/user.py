"""The user's own cluster behind the interface of every control plane: it is used, and never made or ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

from sovereign_ai.cluster.control_plane import Backend, ControlPlaneStatus, Ended, Progress, RunningCluster
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.cluster.dead_components import DeadComponent
    from sovereign_ai.cluster.embedded.alerts import ActiveAlert
    from sovereign_ai.cluster.embedded.monitoring import MonitoringChange
    from sovereign_ai.cluster.embedded.queueing_change import QueueingChange
    from sovereign_ai.cluster.state import ClusterDir
    from sovereign_ai.plan import Plan
    from sovereign_ai.spec import AIFactory


@frozen_dataclass
class UserCluster:
    """A cluster that the user already has.

    Attributes:
        name: the cluster's name in the plan.
        given: the kubeconfig that the user named.
    """

    name: str
    given: Path | None

    backend: ClassVar[Backend] = Backend.KUBECONFIG
    state_key: ClassVar[str] = ""
    is_local: ClassVar[bool] = False
    is_default: ClassVar[bool] = False
    has_real_nodes: ClassVar[bool] = False
    needs_description: ClassVar[bool] = False

    @property
    def cluster_dir(self) -> ClusterDir:
        """Refuse: it has no local state."""
        self._refuse("has no local state")

    @property
    def kubeconfig(self) -> Path:
        """The absolute path of the kubeconfig that the user named."""
        if self.given is None:
            # $KUBECONFIG and ~/.kube/config are not read: the wrong cluster must not be changed by accident.
            message = "--cluster kubeconfig needs --kubeconfig FILE"
            hint = (
                "KUBECONFIG and ~/.kube/config are not read, so that no other cluster is changed by accident"
            )
            raise UsageError(Problem("no-kubeconfig", message, hint=hint))
        if not self.given.is_file():
            message = f"{self.given} does not exist"
            hint = "if it was moved or has another name, name it so: --kubeconfig FILE"
            raise EnvironmentLacksError(Problem("no-kubeconfig", message, hint=hint))
        return self.given.resolve()

    @property
    def options(self) -> list[str]:
        """The options that name it."""
        return ["--cluster", self.backend, "--kubeconfig", str(self.given)]

    def up(
        self,
        progress: Progress,  # noqa: ARG002 - it runs already
        description: tuple[AIFactory, Plan] | None = None,  # noqa: ARG002 - it runs already
        *,
        changes_queueing: bool = True,  # noqa: ARG002 - it is the user's own
        begins_sharing: bool = True,  # noqa: ARG002 - it is the user's own
    ) -> RunningCluster:
        """Return the cluster: it runs already."""
        return self.running()

    def running(self) -> RunningCluster:
        """Return what is needed to connect to it."""
        return RunningCluster(name=self.name, kubeconfig=self.kubeconfig)

    def status(self) -> ControlPlaneStatus:
        """Refuse: nothing is known of its components."""
        self._refuse("is not shown")

    def rotate(self, progress: Progress) -> bool:  # noqa: ARG002
        """Refuse: it is the user's."""
        self._refuse("gets no new authorities")

    def check_down(self, *, keep_data: bool) -> None:  # noqa: ARG002
        """Refuse: it is the user's."""
        self._refuse("is not stopped")

    def down(self, progress: Progress, *, keep_data: bool = False) -> Ended:  # noqa: ARG002
        """Refuse: it is the user's."""
        self._refuse("is not stopped")

    def health(self) -> tuple[DeadComponent, ...]:
        """Return nothing: its components are not known."""
        return ()

    def operator_hint(self) -> str:
        """Return nothing: no operator of this program runs there."""
        return ""

    def planned_queueing(self, api: Api, factory: AIFactory) -> QueueingChange | None:  # noqa: ARG002
        """Return nothing: this program neither installs nor stops Kueue there."""
        return None

    def refuse_unsupported_changes(self, factory: AIFactory, plan: Plan) -> None:
        """Do nothing: what it was made for is not known."""

    def planned_monitoring(self, factory: AIFactory, plan: Plan) -> MonitoringChange | None:  # noqa: ARG002
        """Return nothing: this program neither installs nor stops what watches it."""
        return None

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """Return nothing: this program runs no Prometheus there."""
        return ()

    def _refuse(self, what: str) -> NoReturn:
        """Refuse what is done on local control planes only.

        Raises:
            UsageError: always.
        """
        message = f"a cluster of yours {what} by this program"
        hint = "use your own tools for it, or a local control plane"
        raise UsageError(Problem("no-plane", message, Where(field="cluster"), hint))

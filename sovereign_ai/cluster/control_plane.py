"""The interface of every control plane that a stack can be deployed to, and what it returns.

Nothing outside this package asks which kind a control plane is: what differs is an attribute or a method
here. `backends.py` has the control planes themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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

Progress = Callable[[str], object]


class Backend(StrEnum):
    """The kinds of cluster that a stack can be deployed to: the values of `--cluster`."""

    EMBEDDED = "embedded"
    KIND = "kind"
    KUBECONFIG = "kubeconfig"


class LocalBackend(StrEnum):
    """The kinds of local control plane: the values of `--cluster` where no cluster of the user fits."""

    EMBEDDED = "embedded"
    KIND = "kind"


@frozen_dataclass(kw_only=True)
class RunningCluster:
    """A cluster that can be connected to.

    Attributes:
        name: its name in the plan.
        kubeconfig: the file to connect with.
        server: the API server's URL; empty where it is not known before the connection.
        machines: machines of the plan that are real nodes, to their containers.
        image: the image that probes run on real nodes; empty where any may be.
        data: plain data, for `--json`.
    """

    name: str
    kubeconfig: Path
    server: str = ""
    machines: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@frozen_dataclass(kw_only=True)
class ControlPlaneStatus:
    """The status of a local control plane.

    Attributes:
        name: the cluster's name.
        phase: `absent`, `ready` and what is between.
        server: the API server's URL; None where it has none.
        healthy: whether all of it works.
        head: the columns of its components, for a person.
        rows: its components.
        notes: lines for a person that follow the table.
        data: plain data, for `--json`.
    """

    name: str
    phase: str
    server: str | None
    healthy: bool
    head: list[str]
    rows: list[tuple[object, ...]]
    notes: list[str]
    data: Mapping[str, Any]


@frozen_dataclass
class Ended:
    """What `down` did.

    Attributes:
        was_there: whether there was anything to stop or remove.
        words: what was done, for a person.
    """

    was_there: bool
    words: str


class ControlPlane(Protocol):
    """One control plane, which need not exist yet."""

    @property
    def name(self) -> str:
        """The cluster's name in the plan."""

    @property
    def backend(self) -> Backend:
        """Its kind, the value of `--cluster`."""

    @property
    def state_key(self) -> str:
        """Which Pulumi state belongs to it: the same stack may be deployed to several kinds."""

    @property
    def is_local(self) -> bool:
        """Whether this program starts and stops it, and simulates nodes and GPUs on it."""

    @property
    def is_default(self) -> bool:
        """Whether it is meant where a command has no `--cluster`."""

    @property
    def has_real_nodes(self) -> bool:
        """Whether some of its nodes are real, with kubelets that need root to serve GPUs to."""

    @property
    def needs_description(self) -> bool:
        """Whether it is made from a description, and not from a name alone."""

    @property
    def cluster_dir(self) -> ClusterDir:
        """The folder of its local state.

        Raises:
            UsageError: the name is no DNS label, or the cluster is the user's own.
        """

    @property
    def kubeconfig(self) -> Path:
        """The file to connect with, which exists while the control plane does.

        Raises:
            UsageError: the user named no kubeconfig, or the name is no DNS label.
            EnvironmentLacksError: the user's kubeconfig does not exist.
        """

    @property
    def options(self) -> list[str]:
        """The options that name it in another command."""

    def up(
        self,
        progress: Progress,
        description: tuple[AIFactory, Plan] | None = None,
        *,
        changes_queueing: bool = True,
        begins_sharing: bool = True,
    ) -> RunningCluster:
        """Start it, or return the one that runs.

        Args:
            progress: receives one line a step.
            description: the description and its plan.
            changes_queueing: whether controllers start or stop as the description says where the control
                plane exists already. A deployment does that only when its checks have passed.
            begins_sharing: whether fair sharing, where there is none yet, begins as the description says. A
                deployment lets it begin when the queues are there.

        Raises:
            UsageError: it cannot be made so.
            EnvironmentLacksError: something is missing, or it did not become ready.
        """

    def running(self) -> RunningCluster:
        """Return what is needed to connect to one that exists already.

        Raises:
            UsageError: the options do not name a cluster.
            EnvironmentLacksError: it does not exist.
        """

    def status(self) -> ControlPlaneStatus:
        """Return its status; one that does not exist is `absent`.

        Raises:
            UsageError: the name is no DNS label, or the cluster is the user's own.
            EnvironmentLacksError: it cannot be seen.
        """

    def rotate(self, progress: Progress) -> bool:
        """Replace its authorities, certificates and token keys, and return whether it runs with them.

        Raises:
            UsageError: this program does not make its keys, or the name is no DNS label.
            EnvironmentLacksError: it does not exist, or did not become ready again.
        """

    def check_down(self, *, keep_data: bool) -> None:
        """Check that it can be stopped so.

        Raises:
            UsageError: it cannot keep its data, or it is the user's own.
        """

    def down(self, progress: Progress, *, keep_data: bool = False) -> Ended:
        """Stop it, and remove its data unless that is kept.

        Raises:
            UsageError: it cannot keep its data, or it is the user's own.
            EnvironmentLacksError: it could not be stopped.
        """

    def health(self) -> tuple[DeadComponent, ...]:
        """Return its processes or containers that do not run; none where nothing is known of them.

        Raises:
            EnvironmentLacksError: they cannot be seen.
        """

    def operator_hint(self) -> str:
        """Return the command that starts its operator; empty where the usual command does."""

    def planned_queueing(self, api: Api, factory: AIFactory) -> QueueingChange | None:
        """Return what the next `up` of a description changes about controllers here; None for nothing.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """

    def refuse_unsupported_changes(self, factory: AIFactory, plan: Plan) -> None:
        """Refuse a description for which this control plane would have to be made anew.

        Raises:
            UsageError: it would, and in what the description has outgrown it.
        """

    def planned_monitoring(self, factory: AIFactory, plan: Plan) -> MonitoringChange | None:
        """Return what the next `up` of a description changes about what watches it here; None for nothing."""

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """Return the alerts of the Prometheus that watches it; none where this program runs none.

        Raises:
            EnvironmentLacksError: it gives no answer.
        """


def state_folder_name(state_key: str) -> str:
    """Return the name of the folder of the Pulumi state of a control plane."""
    return f"pulumi-{state_key}" if state_key else "pulumi"


def state_option(state_key: str) -> str:
    """Return what a command line adds to mean the state of a control plane; empty for the usual one."""
    return f" --cluster {state_key}" if state_key else ""

"""The cluster that a command works on: a local control plane, or one that the user already has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.tracing import traced
from sovereign_ai.cluster.backends import control_plane, list_local_kinds
from sovereign_ai.cluster.control_plane import Backend, ControlPlane, LocalBackend, RunningCluster
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Api

_CLUSTER_HELP = f"{list_local_kinds('and')} are local control planes; `kubeconfig` is your cluster."
ClusterOption = Annotated[Backend, typer.Option("--cluster", help=_CLUSTER_HELP)]
LocalClusterOption = Annotated[
    Backend,
    typer.Option(
        "--cluster",
        metavar=f"<{'|'.join(LocalBackend)}>",
        help=f"Which local control plane: {list_local_kinds('or')}.",
    ),
]
"""For a command that says itself why it does nothing on a cluster of the user."""
KubeconfigOption = Annotated[
    Path | None, typer.Option("--kubeconfig", help="Kubeconfig of your cluster, with --cluster kubeconfig.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing your own cluster.")]
StackOption = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="Which of the plan's clusters, where it has several."),
]
_QUEUES = ("kueue.x-k8s.io", "ClusterQueue")


@frozen_dataclass
class Target:
    """A cluster with an open connection.

    Attributes:
        api: the open connection.
        control_plane: the control plane that the options name.
        cluster: the running cluster.
    """

    api: Api
    control_plane: ControlPlane
    cluster: RunningCluster

    @property
    def kubeconfig(self) -> Path:
        """The file that the connection was opened with."""
        return self.cluster.kubeconfig

    def fenced(self, require_hold: Callable[[], object]) -> Target:
        """Return the cluster with writes that come after a check: see `Api.fenced`."""
        return replace(self, api=self.api.fenced(require_hold))

    @property
    def simulated(self) -> bool:
        """Whether this program simulates nodes and GPUs on it."""
        return self.control_plane.is_local

    @property
    def has_real_nodes(self) -> bool:
        """Whether some of its nodes are real."""
        return self.control_plane.has_real_nodes

    @property
    def state_key(self) -> str:
        """Which Pulumi state belongs to the cluster."""
        return self.control_plane.state_key


@traced("open cluster")
def open_target(
    name: str,
    backend: Backend,
    kubeconfig: Path | None,
    progress: Callable[[str], object] = lambda _line: None,
) -> Target:
    """Connect to a cluster that exists already, and restore the guard of a local control plane if it is open.

    Args:
        name: the cluster's name in the plan.
        backend: the kind of cluster.
        kubeconfig: the user's own kubeconfig, for `Backend.KUBECONFIG`.
        progress: receives a line if the guard was restored, or if a request takes long.

    Raises:
        UsageError: the options do not name a cluster.
        EnvironmentLacksError: the cluster does not exist.
    """
    require_one_cluster(backend, kubeconfig)
    plane = control_plane(backend, name, kubeconfig)
    return _connect(plane, plane.running(), progress)


def _connect(plane: ControlPlane, cluster: RunningCluster, progress: Callable[[str], object]) -> Target:
    """Connect to a running cluster, and restore the guard of a local control plane if it is open."""
    from sovereign_ai.cluster.api import open_cluster

    target = Target(open_cluster(cluster.kubeconfig, progress=progress), plane, cluster)
    if plane.is_local:
        restore_guard(target, progress)
    return target


def restore_guard(target: Target, progress: Callable[[str], object]) -> None:
    """Restore the guard of a local control plane.

    A command that died may have left the guard open, or its file may be damaged.

    Args:
        target: the local control plane.
        progress: receives a line if the guard was restored.

    Raises:
        EnvironmentLacksError: the API server did not accept the restored guard.
    """
    from sovereign_ai.cluster import restore_guard

    if line := restore_guard(target.control_plane.cluster_dir, target.api):
        progress(line)


@traced("start cluster")
def start_target(
    stack: Stack, name: str, backend: Backend, kubeconfig: Path | None, output: Output
) -> Target:
    """Connect to a cluster; a local control plane that does not run is started.

    On one that exists its controllers stay as they are until `change_queueing`, and its real nodes until
    `place`.
    """
    from sovereign_ai.cli.real_nodes import start

    plane = control_plane(backend, name, kubeconfig)
    started = start(plane, stack, output, changes_queueing=False, before_deployment=True)
    return _connect(plane, started, output.progress)


@traced("change queueing")
def change_queueing(target: Target, stack: Stack, output: Output) -> bool:
    """Start or stop controllers on a local control plane as described; return whether that was a change.

    It starts the control plane anew and lets jobs run, so it comes after every check that may refuse the
    deployment. Fair sharing begins later (`begin_fair_sharing`).

    Raises:
        ApiError: the API server refused what a controller held to be released.
        EnvironmentLacksError: the control plane did not become ready again, or not under its address.
        UnreachableError: the API server did not answer.
    """
    plane = target.control_plane
    change = plane.planned_queueing(target.api, stack.factory)
    if change is None or change.is_after_deployment:
        return False
    _restart(target, stack, output, begins_sharing=False)
    return True


@traced("begin fair sharing")
def begin_fair_sharing(target: Target, stack: Stack, output: Output) -> bool:
    """Let Kueue share idle quota by the description's strategies; return whether it did not before.

    It comes after the deployment: under fair sharing Kueue 0.17 ends where work waits in a queue without a
    cohort, and only the deployment puts each queue into one.

    Raises:
        ApiError: the API server refused.
        EnvironmentLacksError: the control plane did not become ready again, or not under its address.
        UnreachableError: the API server did not answer.
    """
    if target.control_plane.planned_queueing(target.api, stack.factory) is None:
        return False
    _restart(target, stack, output)
    return True


def _restart(target: Target, stack: Stack, output: Output, *, begins_sharing: bool = True) -> None:
    """Let a control plane run as the description says.

    Raises:
        EnvironmentLacksError: it did not become ready again, or not under its address.
    """
    described = (stack.factory, stack.plan)
    started = target.control_plane.up(output.progress, described, begins_sharing=begins_sharing)
    if started.server != target.api.server:
        message = f"the control plane was started anew, and is at {started.server} now"
        hint = "another program took its port; run the command again"
        raise EnvironmentLacksError(Problem("cluster-moved", message, hint=hint))


@traced("change monitoring")
def change_monitoring(target: Target, stack: Stack, output: Output) -> str:
    """Let a local control plane be watched as described; return what changed in a line, empty for nothing.

    Raises:
        EnvironmentLacksError: the control plane did not become ready again, or not under its address.
    """
    plane = target.control_plane
    change = plane.planned_monitoring(stack.factory, stack.plan)
    if change is None:
        return ""
    _restart(target, stack, output)
    return str(change)


def install_definitions(target: Target, objects: Iterable[Mapping[str, Any]], output: Output) -> None:
    """Install Kueue's custom resource definitions on a local control plane.

    A cluster of the user has its own, and so has a description with manifests of Kueue.

    It is the first write of a deployment, so it comes after every check that may refuse the deployment.

    Args:
        target: the cluster.
        objects: the objects that are about to be deployed.
        output: the command's output.

    Raises:
        ApiError: the API server refused a definition.
        UnreachableError: the API server did not answer.
    """
    if not target.simulated or any(map(_defines_queues, objects)):
        return
    from sovereign_ai.cluster import install_crds
    from sovereign_ai.toolchain.install import module_files

    output.progress("custom resource definitions of Kueue")
    install_crds(target.api, module_files("kueue", "config/components/crd/bases"))


def require_definitions(target: Target, objects: Iterable[Mapping[str, Any]], api: Api) -> None:
    """Refuse a preview on a local control plane whose definitions of Kueue somebody deleted.

    Only `up` installs them, and nothing can be tried of a kind that is not served.

    Args:
        target: the cluster.
        objects: the objects that would be deployed.
        api: the cluster, or a snapshot of it.

    Raises:
        EnvironmentLacksError: a kind of Kueue is not served.
        UnreachableError: the API server did not answer.
    """
    from sovereign_ai.deploy import serves_all

    planned = list(objects)
    queueing = [obj for obj in planned if obj["apiVersion"].startswith(f"{_QUEUES[0]}/")]
    if not target.simulated or any(map(_defines_queues, planned)) or serves_all(api, queueing):
        return
    message = "somebody deleted definitions of Kueue on this control plane, with every object of their kinds"
    hint = "`sovereign-ai up` installs them and makes the objects again; a preview writes nothing"
    raise EnvironmentLacksError(Problem("definitions-gone", message, hint=hint))


def _defines_queues(obj: Mapping[str, Any]) -> bool:
    """Return whether an object defines Kueue's ClusterQueue, which a whole installation of Kueue does."""
    from sovereign_ai.spec import defined_kind

    defined = defined_kind(obj)
    return defined is not None and defined[:2] == _QUEUES


def confirm(target: Target, verb: str, yes: bool, output: Output) -> None:
    """Name a cluster of the user and ask before the first write; a local control plane needs no question.

    Args:
        target: the cluster.
        verb: the action, such as `deploy to`.
        yes: whether the answer is given by an option.
        output: the command's output; with JSON, no question is asked.

    Raises:
        UsageError: the answer was no, or there is no terminal to ask on.
    """
    if target.simulated or yes:
        return
    question = clean(f"{verb} the cluster at {target.api.server} (identity {target.api.identity()})?")
    if output.as_json or not typer.get_text_stream("stdin").isatty():
        message = f"standard input is no terminal to ask on: {question}"
        hint = "name the cluster you mean and add --yes"
        raise UsageError(Problem("unconfirmed", message, hint=hint))
    if not typer.confirm(question, err=True):
        raise UsageError(Problem("unconfirmed", "nothing was changed"))


def require_one_cluster(backend: Backend, kubeconfig: Path | None) -> None:
    """Check that the options name one cluster, before a description is read or a cluster is contacted.

    Raises:
        UsageError: a kubeconfig is named for a local control plane, or none for a cluster of the user.
        EnvironmentLacksError: the kubeconfig does not exist.
    """
    plane = control_plane(backend, "", kubeconfig)
    if not plane.is_local:
        # Asked for here so that a missing one is refused.
        _ = plane.kubeconfig
    elif kubeconfig is not None:
        message = (
            f"--kubeconfig {kubeconfig} names a cluster of yours,"
            f" but this command uses the local {backend} control plane"
        )
        hint = "add --cluster kubeconfig, or leave --kubeconfig out"
        raise UsageError(Problem("which-cluster", message, hint=hint))


def target_options(backend: Backend, kubeconfig: Path | None, name: str | None) -> list[str]:
    """Return the options that name the same cluster in another command that a report suggests."""
    options = control_plane(backend, name or "", kubeconfig).options
    if name:
        options += ["--stack", name]
    return options

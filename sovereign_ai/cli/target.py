"""The cluster that a command works on: embedded, kind, or one that the user already has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api.client import Api
    from sovereign_ai.cluster.health import DeadPart
    from sovereign_ai.cluster.kind.lifecycle import KindCluster


class Backend(StrEnum):
    """The kinds of cluster that a stack can be deployed to."""

    EMBEDDED = "embedded"
    KIND = "kind"
    KUBECONFIG = "kubeconfig"


_CLUSTER_HELP = "`embedded` and `kind` are local control planes; `kubeconfig` is your cluster."
ClusterOption = Annotated[Backend, typer.Option("--cluster", help=_CLUSTER_HELP)]
KubeconfigOption = Annotated[
    Path | None, typer.Option("--kubeconfig", help="Kubeconfig of your cluster, with --cluster kubeconfig.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Answer the question about a cluster of yours with yes.")
]
StackOption = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="Which of the plan's clusters, where it has several."),
]


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster with an open connection.

    Attributes:
        api: the open connection.
        kubeconfig: the file that the connection was opened with.
        simulated: whether this program simulates nodes and GPUs on it.
        kind: the kind cluster, whose first nodes are real; None for any other cluster.
    """

    api: Api
    kubeconfig: Path
    simulated: bool
    kind: KindCluster | None = None

    @property
    def control_plane(self) -> str:
        """Which Pulumi state belongs to the cluster: `kind`, or empty for any other control plane."""
        return "kind" if self.kind else ""


def control_plane_of(backend: Backend) -> str:
    """Return which Pulumi state belongs to a kind of cluster: `kind`, or empty for any other."""
    return "kind" if backend is Backend.KIND else ""


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
    from sovereign_ai.cluster.api.client import open_cluster

    if backend is Backend.KIND:
        from sovereign_ai.cluster.kind.lifecycle import cluster_of

        cluster = cluster_of(name)
        api = open_cluster(cluster.kubeconfig, progress=progress)
        target = Target(api, cluster.kubeconfig, simulated=True, kind=cluster)
        return restore_guard(target, name, progress)
    if backend is Backend.KUBECONFIG:
        path = user_kubeconfig(kubeconfig)
    else:
        from sovereign_ai.cluster.embedded import status

        path = status(name).kubeconfig
    if not path.is_file():
        message = f"there is no embedded cluster {name!r}"
        hint = (
            "`sovereign-ai up STACK` makes it and deploys the stack;"
            " a cluster of yours: --cluster kubeconfig --kubeconfig FILE"
        )
        raise EnvironmentLacksError(Problem("no-cluster", message, hint=hint))
    target = Target(open_cluster(path, progress=progress), path, backend is Backend.EMBEDDED)
    return restore_guard(target, name, progress) if target.simulated else target


def restore_guard(target: Target, name: str, progress: Callable[[str], object]) -> Target:
    """Restore the guard of a local control plane.

    A command that died may have left the guard open, or its file may be damaged.

    Args:
        target: the local control plane.
        name: the cluster's name in the plan.
        progress: receives a line if the guard was restored.

    Raises:
        EnvironmentLacksError: the API server did not accept the restored guard.
    """
    from sovereign_ai.cluster.guard_release import restore_guard
    from sovereign_ai.cluster.kind.status import folder_of
    from sovereign_ai.cluster.state import cluster_dir_of

    cluster_dir = folder_of(name) if target.kind else cluster_dir_of(name)
    if line := restore_guard(cluster_dir, target.api):
        progress(line)
    return target


def find_dead_components(name: str, backend: Backend) -> tuple[DeadPart, ...]:
    """Return the processes or containers of a local control plane that do not run.

    Of a cluster of the user nothing is known, so there are none.

    Raises:
        EnvironmentLacksError: the container engine of a kind cluster does not answer.
    """
    if backend is Backend.KIND:
        from sovereign_ai.cluster.kind.health import dead_containers
        from sovereign_ai.cluster.kind.status import folder_of

        return dead_containers(folder_of(name))
    if backend is Backend.EMBEDDED:
        from sovereign_ai.cluster.embedded import status
        from sovereign_ai.cluster.health import dead_parts_of_embedded

        return dead_parts_of_embedded(status(name))
    return ()


def start_target(
    stack: Stack, name: str, backend: Backend, kubeconfig: Path | None, output: Output
) -> Target:
    """Connect to a cluster; a local control plane that does not run is started."""
    if backend is Backend.KUBECONFIG:
        return open_target(name, backend, kubeconfig, output.progress)
    from sovereign_ai.cluster.api.client import open_cluster

    kind_cluster = None
    if backend is Backend.KIND:
        from sovereign_ai.cli.kind_machines import kind_up

        kind_cluster = kind_up(stack, name, output)
        path = kind_cluster.kubeconfig
    else:
        from sovereign_ai.cluster.embedded import up

        path = up(name, progress=output.progress).kubeconfig
    api = open_cluster(path, progress=output.progress)
    target = Target(api, path, simulated=True, kind=kind_cluster)
    return restore_guard(target, name, output.progress)


def install_definitions(target: Target, output: Output) -> None:
    """Install Kueue's custom resource definitions on a local control plane.

    A cluster of the user has its own.

    It is the first write of a deployment, so it comes after every check that may refuse the deployment.

    Raises:
        ApiError: the API server refused a definition.
        UnreachableError: the API server did not answer.
    """
    if not target.simulated:
        return
    from sovereign_ai.cluster.crds import install_crds
    from sovereign_ai.toolchain.install import module_files

    output.progress("custom resource definitions of Kueue")
    install_crds(target.api, module_files("kueue", "config/components/crd/bases"))


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
    if backend is Backend.KUBECONFIG:
        user_kubeconfig(kubeconfig)
    elif kubeconfig is not None:
        message = (
            f"--kubeconfig {kubeconfig} names a cluster of yours,"
            f" but this command uses the local {backend} control plane"
        )
        hint = "add --cluster kubeconfig, or leave --kubeconfig out"
        raise UsageError(Problem("which-cluster", message, hint=hint))


def target_options(backend: Backend, kubeconfig: Path | None, name: str | None) -> list[str]:
    """Return the options that name the same cluster in another command that a report suggests."""
    options: list[str] = []
    if backend is Backend.KUBECONFIG:
        options += ["--cluster", backend, "--kubeconfig", str(kubeconfig)]
    elif backend is Backend.KIND:
        options += ["--cluster", backend]
    if name:
        options += ["--stack", name]
    return options


def user_kubeconfig(path: Path | None) -> Path:
    """Return the absolute path of the kubeconfig that the user named.

    Raises:
        UsageError: none was named.
        EnvironmentLacksError: the file does not exist.
    """
    if path is None:
        # $KUBECONFIG and ~/.kube/config are not read: the wrong cluster must not be changed by accident.
        message = "--cluster kubeconfig needs --kubeconfig FILE"
        raise UsageError(Problem("no-kubeconfig", message, hint="a cluster is named, never guessed"))
    if not path.is_file():
        raise EnvironmentLacksError(Problem("no-kubeconfig", f"{path} does not exist"))
    return path.resolve()

"""Which cluster a command means: the embedded or the kind one of this stack, or one that the user already has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.access import Api
    from sovereign_ai.cluster.dead import DeadPart
    from sovereign_ai.cluster.kind.plane import KindCluster


class Backend(StrEnum):
    """The kinds of cluster that can be deployed to."""

    EMBEDDED = "embedded"
    KIND = "kind"
    KUBECONFIG = "kubeconfig"


ClusterOption = Annotated[Backend, typer.Option("--cluster", help="`embedded` and `kind` are our own local planes; `kubeconfig` is yours.")]
KubeconfigOption = Annotated[Path | None, typer.Option("--kubeconfig", help="Kubeconfig of your cluster, with --cluster kubeconfig.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Answer the question about a cluster of yours with yes.")]
StackOption = Annotated[str | None, typer.Option("--stack", metavar="NAME", help="Which of the plan's clusters, where it has several.")]


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster that answers.

    Attributes:
        api: the open connection.
        kubeconfig: the file it came from.
        simulated: whether nodes and GPUs on it are ours to simulate.
        kind: the kind cluster that it is, whose first machines are real; None for any other.
    """

    api: Api
    kubeconfig: Path
    simulated: bool
    kind: KindCluster | None = None

    @property
    def plane(self) -> str:
        """Whose Pulumi state is meant: `kind`, or empty for any other plane."""
        return "kind" if self.kind else ""


def running(name: str, backend: Backend, kubeconfig: Path | None) -> Target:
    """Open the cluster, which must be there already.

    Raises:
        UsageError: it is not said which cluster is meant.
        EnvironmentLacksError: it is not there, or does not answer.
    """
    insist_on_one(backend, kubeconfig)
    from sovereign_ai.cluster.access import open_cluster
    from sovereign_ai.cluster.embedded import status

    if backend is Backend.KIND:
        from sovereign_ai.cluster.kind.plane import cluster_of

        found = cluster_of(name)
        return Target(open_cluster(found.kubeconfig), found.kubeconfig, simulated=True, kind=found)
    path = user_kubeconfig(kubeconfig) if backend is Backend.KUBECONFIG else status(name).kubeconfig
    if not path.is_file():
        raise EnvironmentLacksError(
            Problem(
                "no-cluster",
                f"there is no embedded cluster {name!r}",
                hint="`sovereign-ai up STACK` makes it and deploys the stack; a cluster of yours: --cluster kubeconfig --kubeconfig FILE",
            )
        )
    return Target(open_cluster(path), path, backend is Backend.EMBEDDED)


def dead_parts(name: str, backend: Backend) -> tuple[DeadPart, ...]:
    """Name what does not run of a plane of ours; of a cluster of the user's nothing is known.

    Raises:
        EnvironmentLacksError: the engine of a kind cluster does not answer.
    """
    if backend is Backend.KIND:
        from sovereign_ai.cluster.kind.dead import dead_containers
        from sovereign_ai.cluster.kind.status import folder_of

        return dead_containers(folder_of(name))
    if backend is Backend.EMBEDDED:
        from sovereign_ai.cluster.dead import dead_processes
        from sovereign_ai.cluster.embedded import status

        return dead_processes(status(name))
    return ()


def started(stack: Stack, name: str, backend: Backend, kubeconfig: Path | None, output: Output) -> Target:
    """Open the cluster, starting one of ours, with its custom resource definitions, where needed."""
    if backend is Backend.KUBECONFIG:
        return running(name, backend, kubeconfig)
    from sovereign_ai.cluster.access import open_cluster
    from sovereign_ai.cluster.crds import install_crds
    from sovereign_ai.toolchain.install import module_files

    found = None
    if backend is Backend.KIND:
        from sovereign_ai.cli.real import kind_up

        found = kind_up(stack, name, output)
        path = found.kubeconfig
    else:
        from sovereign_ai.cluster.embedded import up

        path = up(name, progress=output.progress).kubeconfig
    api = open_cluster(path)
    output.progress("custom resource definitions of Kueue")
    install_crds(api, module_files("kueue", "config/components/crd/bases"))
    return Target(api, path, simulated=True, kind=found)


def confirm(target: Target, verb: str, yes: bool, output: Output) -> None:
    """Name a cluster of the user's and ask before the first write.

    Raises:
        UsageError: the answer was no, or nobody can be asked.
    """
    if target.simulated or yes:
        return
    question = f"{verb} the cluster at {target.api.server} (identity {target.api.identity()})?"
    if output.as_json or not typer.get_text_stream("stdin").isatty():
        raise UsageError(Problem("unconfirmed", f"nobody can be asked: {question}", hint="name the cluster you mean and add --yes"))
    if not typer.confirm(question, err=True):
        raise UsageError(Problem("unconfirmed", "nothing was changed"))


def insist_on_one(backend: Backend, kubeconfig: Path | None) -> None:
    """See that the options mean one cluster, before anything is looked at or touched.

    Raises:
        UsageError: a kubeconfig is named for a plane of ours, or none for a cluster of the user's.
        EnvironmentLacksError: the kubeconfig is not there.
    """
    if backend is Backend.KUBECONFIG:
        user_kubeconfig(kubeconfig)
    elif kubeconfig is not None:
        message = f"--kubeconfig {kubeconfig} names a cluster of yours, and this command would go to our own {backend} plane"
        raise UsageError(Problem("which-cluster", message, hint="add --cluster kubeconfig, or leave --kubeconfig out"))


def same_options(backend: Backend, kubeconfig: Path | None, name: str | None) -> list[str]:
    """Give the options by which another command means the same cluster."""
    named = ["--stack", name] if name else []
    if backend is Backend.KUBECONFIG:
        return ["--cluster", backend, "--kubeconfig", str(kubeconfig), *named]
    return [*(["--cluster", backend] if backend is Backend.KIND else []), *named]


def user_kubeconfig(path: Path | None) -> Path:
    """Give the file the user named.

    Raises:
        UsageError: none was named, or it is not there.
    """
    if path is None:
        raise UsageError(Problem("no-kubeconfig", "--cluster kubeconfig needs --kubeconfig FILE", hint="a cluster is named, never guessed"))
    if not path.is_file():
        raise EnvironmentLacksError(Problem("no-kubeconfig", f"{path} does not exist"))
    return path.resolve()

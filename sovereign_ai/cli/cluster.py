"""`cluster`: local control planes by themselves, as embedded processes or as kind's containers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli import engine
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, table

Name = Annotated[
    str, typer.Argument(help="The cluster's name; with --cluster kind, the stack's folder does as well.")
]
StackFolder = Annotated[Path, typer.Argument(help="The stack's folder.")]


class LocalControlPlane(StrEnum):
    """The kinds of local control plane."""

    EMBEDDED = "embedded"
    KIND = "kind"


_KINDS = "`embedded` uses processes; `kind` uses containers with real kubelets."
ClusterOption = Annotated[
    LocalControlPlane | None, typer.Option("--cluster", help=_KINDS, show_default="embedded")
]
BackendOption = Annotated[LocalControlPlane | None, typer.Option("--backend", hidden=True)]
"""The old name of `--cluster`, accepted with a note until 0.2."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Start, show and stop local control planes.")
    app.add_typer(group, name="cluster")
    engine.add(group)

    @group.command("up", **example("sovereign-ai cluster up lab"))
    def up(
        name: Name = "default",
        cluster: ClusterOption = None,
        backend: BackendOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Start a control plane, or return at once if it runs; its data is kept over a restart."""
        work = {LocalControlPlane.EMBEDDED: _up, LocalControlPlane.KIND: _up_kind}
        run_command(
            "cluster up", as_json, lambda output: work[_control_plane(output, cluster, backend)](output, name)
        )

    @group.command("status", **example("sovereign-ai cluster status lab"))
    def status(
        name: Name = "default",
        cluster: ClusterOption = None,
        backend: BackendOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show each component: process, health, restarts and log; exit 3 if it is not healthy."""
        work = {LocalControlPlane.EMBEDDED: _status, LocalControlPlane.KIND: _status_kind}
        run_command(
            "cluster status",
            as_json,
            lambda output: work[_control_plane(output, cluster, backend)](output, name),
        )

    @group.command("list", **example("sovereign-ai cluster list"))
    def listed(as_json: Annotated[bool, AsJson] = False) -> None:
        """List the local control planes."""
        run_command("cluster list", as_json, _list)

    @group.command("config", **example("sovereign-ai cluster config stacks/lab > kind-config.yaml"))
    def config(stack: StackFolder = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Print the configuration that kind makes the stack's cluster from."""
        run_command("cluster config", as_json, lambda output: _config(output, stack))

    @group.command("down", **example("sovereign-ai cluster down lab"))
    def down(
        name: Name = "default",
        cluster: ClusterOption = None,
        backend: BackendOption = None,
        keep_data: Annotated[
            bool, typer.Option("--keep-data", help="Stop the processes and keep the data; embedded only.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Stop a control plane and remove its data."""
        work = {LocalControlPlane.EMBEDDED: _down, LocalControlPlane.KIND: _down_kind}
        run_command(
            "cluster down",
            as_json,
            lambda output: work[_control_plane(output, cluster, backend)](output, name, keep_data),
        )


def _control_plane(
    output: Output, cluster: LocalControlPlane | None, backend: LocalControlPlane | None
) -> LocalControlPlane:
    """Return the kind of control plane that the options name.

    Raises:
        UsageError: the old name of the option contradicts the new one.
    """
    from sovereign_ai.errors import Problem, UsageError

    if backend is not None:
        output.progress(
            "note: --backend is now called --cluster, as in every other command; 0.2 drops the old name"
        )
    if cluster is not None and backend not in {None, cluster}:
        message = f"--cluster {cluster} and --backend {backend} contradict each other"
        raise UsageError(Problem("options-conflict", message, hint=f"write --cluster {cluster} alone"))
    return cluster or backend or LocalControlPlane.EMBEDDED


def _up(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import up

    cluster = up(name, progress=output.progress)
    data = {
        "name": cluster.name,
        "server": cluster.server,
        "kubeconfig": str(cluster.kubeconfig),
        "folder": str(cluster.folder),
    }
    lines = [f"{name}: ready at {cluster.server}", f"export KUBECONFIG={cluster.kubeconfig}"]
    output.finish(data, lines)


def _up_kind(output: Output, name: str) -> None:
    from sovereign_ai.cli.kind_machines import kind_up
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(Path(name))
    cluster = kind_up(stack, stack.bundle().cluster, output)
    lines = [f"{cluster.name}: ready at {cluster.server}"]
    lines += table(["machine", "container"], sorted(cluster.machines.items()))
    lines.append(f"export KUBECONFIG={cluster.kubeconfig}")
    output.finish(cluster.to_data(), lines)


def _status(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import status
    from sovereign_ai.errors import ExitCode

    cluster = status(name)
    lines = [_phase_line(name, cluster.phase, cluster.server)]
    rows = []
    for component in cluster.components:
        health = "healthy" if component.healthy else "unhealthy"
        rows.append((component.name, component.pid or "-", health, component.restarts))
    if rows:
        lines += table(["component", "process", "health", "restarts"], rows)
        lines.append(f"logs: {cluster.components[0].log.parent}")
    if cluster.phase == "absent":
        lines.append(
            "next: `sovereign-ai cluster list` lists the clusters;"
            " `sovereign-ai up STACK` makes a stack's own"
        )
    output.finish(cluster.to_data(), lines, ExitCode.OK if cluster.healthy else ExitCode.ENVIRONMENT)


def _status_kind(output: Output, name: str) -> None:
    from sovereign_ai.cluster.kind.lifecycle import status
    from sovereign_ai.errors import ExitCode

    cluster = status(_cluster_name(name))
    lines = [_phase_line(cluster.name, cluster.phase, cluster.server)]
    rows = []
    for component in cluster.components:
        state = "runs" if component.alive else "stopped"
        health = "ready" if component.healthy else "unhealthy"
        rows.append((component.name, component.container, state, health))
    if rows:
        lines += table(["node", "container", "state", "health"], rows)
    # None means that the API server asks no operator, so that none is missing.
    if cluster.operator is False:
        lines.append(
            "the operator does not run: no waiver counts, and no access is opened or ended;"
            " `sovereign-ai cluster up --cluster kind STACK` starts it"
        )
    output.finish(cluster.to_data(), lines, ExitCode.OK if cluster.healthy else ExitCode.ENVIRONMENT)


def _phase_line(name: str, phase: str, server: str | None) -> str:
    """Return a control plane's phase in one line, with its address if it has one."""
    return f"{name}: {phase}" if server is None else f"{name}: {phase} at {server}"


def _config(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.kind.config import kind_config

    stack = open_stack(path)
    text = kind_config(stack.factory, stack.plan, stack.bundle().cluster, str(path))
    output.finish({"config": text}, text.splitlines())


def _list(output: Output) -> None:
    from sovereign_ai.cluster.embedded import list_clusters
    from sovereign_ai.cluster.kind.status import list_kind

    rows = []
    data = []
    for backend, clusters in (("embedded", list_clusters()), ("kind", list_kind())):
        for cluster in clusters:
            rows.append((cluster.name, backend, cluster.phase, cluster.server or "-"))
            data.append(cluster.to_data())
    lines = table(["name", "backend", "phase", "server"], rows) if rows else ["no local control plane"]
    output.finish({"clusters": data}, lines)


def _down(output: Output, name: str, keep_data: bool) -> None:
    from sovereign_ai.cluster.embedded import down

    was_running = down(name, keep_data=keep_data)
    if not was_running:
        line = f"{name}: nothing to stop"
    elif keep_data:
        line = f"{name}: stopped; its data is kept"
    else:
        line = f"{name}: stopped"
    output.finish({"name": name, "ended": was_running}, [line])


def _down_kind(output: Output, name: str, keep_data: bool) -> None:
    from sovereign_ai.cli.kind_machines import kind_down
    from sovereign_ai.errors import Problem, UsageError

    if keep_data:
        message = "a kind cluster's data goes with its containers"
        raise UsageError(Problem("no-data-kept", message, hint="leave out --keep-data"))
    cluster = _cluster_name(name)
    was_removed = kind_down(cluster, output)
    line = f"{cluster}: removed" if was_removed else f"{cluster}: nothing to remove"
    output.finish({"name": cluster, "ended": was_removed}, [line])


def _cluster_name(text: str) -> str:
    """Return a cluster's name from the name itself or from a stack's folder."""
    from sovereign_ai.cli.stack import open_stack

    if (Path(text) / "factory.yaml").is_file():
        return open_stack(Path(text)).bundle().cluster
    return text

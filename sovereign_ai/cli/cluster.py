"""`cluster`: a local control plane by itself, embedded or of containers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli import engine
from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table

Name = Annotated[str, typer.Argument(help="The cluster's name; with --backend kind, the stack's folder does as well.")]
AStack = Annotated[Path, typer.Argument(help="The stack's folder.")]


class Plane(StrEnum):
    """The kinds of local control plane."""

    EMBEDDED = "embedded"
    KIND = "kind"


BackendOption = Annotated[Plane, typer.Option("--backend", help="`embedded` are processes; `kind` are containers with real kubelets.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Start, look at and end local control planes.")
    app.add_typer(group, name="cluster")
    engine.add(group)

    @group.command("up", **example("sovereign-ai cluster up lab"))
    def up(name: Name = "default", backend: BackendOption = Plane.EMBEDDED, as_json: Annotated[bool, AsJson] = False) -> None:
        """Start a control plane, or return at once if it runs; its data is kept over a restart."""
        work = _up if backend is Plane.EMBEDDED else _up_kind
        speak("cluster up", as_json, lambda output: work(output, name))

    @group.command("status", **example("sovereign-ai cluster status lab"))
    def status(name: Name = "default", backend: BackendOption = Plane.EMBEDDED, as_json: Annotated[bool, AsJson] = False) -> None:
        """Show each component: process, health, restarts and log; exit 3 if it is not healthy."""
        work = _status if backend is Plane.EMBEDDED else _status_kind
        speak("cluster status", as_json, lambda output: work(output, name))

    @group.command("list", **example("sovereign-ai cluster list"))
    def listed(as_json: Annotated[bool, AsJson] = False) -> None:
        """List the local control planes."""
        speak("cluster list", as_json, _list)

    @group.command("config", **example("sovereign-ai cluster config stacks/lab > kind-config.yaml"))
    def config(stack: AStack = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Print the configuration that kind makes the stack's cluster from."""
        speak("cluster config", as_json, lambda output: _config(output, stack))

    @group.command("down", **example("sovereign-ai cluster down lab"))
    def down(
        name: Name = "default",
        backend: BackendOption = Plane.EMBEDDED,
        keep_data: Annotated[bool, typer.Option("--keep-data", help="End the processes and keep the data; embedded only.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """End a control plane and remove its data."""
        work = _down if backend is Plane.EMBEDDED else _down_kind
        speak("cluster down", as_json, lambda output: work(output, name, keep_data))


def _up(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import up

    cluster = up(name, progress=output.progress)
    data = {"name": cluster.name, "server": cluster.server, "kubeconfig": str(cluster.kubeconfig), "folder": str(cluster.folder)}
    output.finish(data, [f"{name}: ready at {cluster.server}", f"export KUBECONFIG={cluster.kubeconfig}"])


def _up_kind(output: Output, name: str) -> None:
    from sovereign_ai.cli.real import kind_up
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(Path(name))
    cluster = kind_up(stack, stack.bundle().cluster, output)
    rows = sorted(cluster.machines.items())
    lines = [
        f"{cluster.name}: ready at {cluster.server}",
        *table(["machine", "container"], rows),
        f"export KUBECONFIG={cluster.kubeconfig}",
    ]
    output.finish(cluster.to_data(), lines)


def _status(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import status
    from sovereign_ai.errors import ExitCode

    seen = status(name)
    rows = [(one.name, one.pid or "-", "healthy" if one.healthy else "unwell", one.restarts) for one in seen.components]
    lines = [f"{name}: {seen.phase}{'' if seen.server is None else f' at {seen.server}'}"]
    if rows:
        lines += table(["component", "process", "health", "restarts"], rows)
        lines.append(f"logs: {seen.components[0].log.parent}")
    if seen.phase == "absent":
        lines.append("next: `sovereign-ai cluster list` names those there are; `sovereign-ai up STACK` makes a stack's own")
    output.finish(seen.to_data(), lines, ExitCode.OK if seen.healthy else ExitCode.ENVIRONMENT)


def _status_kind(output: Output, name: str) -> None:
    from sovereign_ai.cluster.kind.plane import status
    from sovereign_ai.errors import ExitCode

    seen = status(_named(name))
    rows = [(one.name, one.container, "runs" if one.alive else "stopped", "ready" if one.healthy else "unwell") for one in seen.components]
    lines = [f"{seen.name}: {seen.phase}{'' if seen.server is None else f' at {seen.server}'}"]
    lines += table(["node", "container", "state", "health"], rows) if rows else []
    if seen.operator is False:
        lines.append(
            "the operator does not run: no waiver counts, and no access is opened or ended; `sovereign-ai cluster up --backend kind STACK` starts it"
        )
    output.finish(seen.to_data(), lines, ExitCode.OK if seen.healthy else ExitCode.ENVIRONMENT)


def _config(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.kind.config import kind_config

    stack = open_stack(path)
    text = kind_config(stack.factory, stack.plan, stack.bundle().cluster, str(path))
    output.finish({"config": text}, text.splitlines())


def _list(output: Output) -> None:
    from sovereign_ai.cluster.embedded import list_clusters
    from sovereign_ai.cluster.kind.status import list_kind

    seen = [("embedded", one) for one in list_clusters()] + [("kind", one) for one in list_kind()]
    rows = [(one.name, backend, one.phase, one.server or "-") for backend, one in seen]
    lines = table(["name", "backend", "phase", "server"], rows) if rows else ["no local control plane"]
    output.finish({"clusters": [one.to_data() for _, one in seen]}, lines)


def _down(output: Output, name: str, keep_data: bool) -> None:
    from sovereign_ai.cluster.embedded import down

    had = down(name, keep_data=keep_data)
    kept = "; its data is kept" if keep_data else ""
    output.finish({"name": name, "ended": had}, [f"{name}: ended{kept}" if had else f"{name}: nothing to end"])


def _down_kind(output: Output, name: str, keep_data: bool) -> None:
    from sovereign_ai.cli.real import kind_down
    from sovereign_ai.errors import Problem, UsageError

    if keep_data:
        raise UsageError(Problem("no-data-kept", "a kind cluster's data goes with its containers", hint="leave out --keep-data"))
    cluster = _named(name)
    had = kind_down(cluster, output)
    output.finish({"name": cluster, "ended": had}, [f"{cluster}: removed" if had else f"{cluster}: nothing to remove"])


def _named(text: str) -> str:
    """Give a cluster's name from itself or from a stack's folder."""
    from sovereign_ai.cli.stack import open_stack

    return open_stack(Path(text)).bundle().cluster if (Path(text) / "factory.yaml").is_file() else text

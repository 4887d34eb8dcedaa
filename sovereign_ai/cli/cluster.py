"""`cluster`: the embedded control plane by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table

Name = Annotated[str, typer.Argument(help="The cluster's name.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Start, look at and end local control planes.")
    app.add_typer(group, name="cluster")

    @group.command("up", **example("sovereign-ai cluster up lab"))
    def up(name: Name = "default", as_json: Annotated[bool, AsJson] = False) -> None:
        """Start a control plane, or return at once if it runs; its data is kept over a restart."""
        speak("cluster up", as_json, lambda output: _up(output, name))

    @group.command("status", **example("sovereign-ai cluster status lab"))
    def status(name: Name = "default", as_json: Annotated[bool, AsJson] = False) -> None:
        """Show each component: process, health, restarts and log; exit 3 if it is not healthy."""
        speak("cluster status", as_json, lambda output: _status(output, name))

    @group.command("list", **example("sovereign-ai cluster list"))
    def listed(as_json: Annotated[bool, AsJson] = False) -> None:
        """List the local control planes."""
        speak("cluster list", as_json, _list)

    @group.command("down", **example("sovereign-ai cluster down lab"))
    def down(
        name: Name = "default",
        keep_data: Annotated[bool, typer.Option("--keep-data", help="End the processes and keep the data.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """End a control plane and remove its data."""
        speak("cluster down", as_json, lambda output: _down(output, name, keep_data))


def _up(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import up

    cluster = up(name, progress=output.progress)
    data = {"name": cluster.name, "server": cluster.server, "kubeconfig": str(cluster.kubeconfig), "folder": str(cluster.folder)}
    output.finish(data, [f"{name}: ready at {cluster.server}", f"export KUBECONFIG={cluster.kubeconfig}"])


def _status(output: Output, name: str) -> None:
    from sovereign_ai.cluster.embedded import status
    from sovereign_ai.errors import ExitCode

    seen = status(name)
    rows = [(one.name, one.pid or "-", "healthy" if one.healthy else "unwell", one.restarts) for one in seen.components]
    lines = [f"{name}: {seen.phase}{'' if seen.server is None else f' at {seen.server}'}"]
    if rows:
        lines += table(["component", "process", "health", "restarts"], rows)
        lines.append(f"logs: {seen.components[0].log.parent}")
    output.finish(seen.to_data(), lines, ExitCode.OK if seen.healthy else ExitCode.ENVIRONMENT)


def _list(output: Output) -> None:
    from sovereign_ai.cluster.embedded import list_clusters

    seen = list_clusters()
    rows = [(one.name, one.phase, one.server or "-") for one in seen]
    output.finish(
        {"clusters": [one.to_data() for one in seen]}, table(["name", "phase", "server"], rows) if rows else ["no local control plane"]
    )


def _down(output: Output, name: str, keep_data: bool) -> None:
    from sovereign_ai.cluster.embedded import down

    had = down(name, keep_data=keep_data)
    kept = "; its data is kept" if keep_data else ""
    output.finish({"name": name, "ended": had}, [f"{name}: ended{kept}" if had else f"{name}: nothing to end"])

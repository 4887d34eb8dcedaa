"""`cluster`: local control planes by themselves, as embedded processes or as kind's containers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli import container_engine
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.cluster.backends import control_plane, explain_local_kinds, with_queueing
from sovereign_ai.cluster.control_plane import Backend, LocalBackend
from sovereign_ai.names import DNS_LABEL

if TYPE_CHECKING:
    from sovereign_ai.cluster.control_plane import ControlPlane

Name = Annotated[
    str, typer.Argument(help="The cluster's name; `up` and --cluster kind take a stack's folder too.")
]


ClusterOption = Annotated[
    LocalBackend | None,
    typer.Option("--cluster", help=f"{explain_local_kinds()} Left out, embedded.", show_default=False),
]
_QUEUEING = (
    "Run Kueue beside it, or stop it; left out, as the stack's platform says, else as it was. Embedded only."
)
BackendOption = Annotated[LocalBackend | None, typer.Option("--backend", hidden=True)]
"""The old name of `--cluster`, accepted with a note until 0.2."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Start, show and stop local control planes.")
    app.add_typer(group, name="cluster")
    container_engine.add(group)

    @group.command("up", **example("sovereign-ai cluster up lab"))
    def up(
        name: Name = "default",
        cluster: ClusterOption = None,
        backend: BackendOption = None,
        queueing: Annotated[bool | None, typer.Option("--queueing/--no-queueing", help=_QUEUEING)] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Start a control plane, or return at once if it runs; its data is kept over a restart."""
        run_command(
            "cluster up",
            as_json,
            lambda output: _up(output, name, _backend(output, cluster, backend), queueing),
        )

    @group.command("status", **example("sovereign-ai cluster status lab"))
    def status(
        name: Name = "default",
        cluster: ClusterOption = None,
        backend: BackendOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show each component: process, health, restarts and log; exit 3 if it is not healthy."""
        run_command(
            "cluster status",
            as_json,
            lambda output: _status(output, name, _backend(output, cluster, backend)),
        )

    @group.command("list", **example("sovereign-ai cluster list"))
    def listed(as_json: Annotated[bool, AsJson] = False) -> None:
        """List the local control planes."""
        run_command("cluster list", as_json, _list)

    @group.command("config", **example("sovereign-ai cluster config stacks/lab > kind-config.yaml"))
    def config(stack: StackArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Print the configuration that kind makes the stack's cluster from."""
        run_command("cluster config", as_json, lambda output: _config(output, stack))

    @group.command("rotate", **example("sovereign-ai cluster rotate lab"))
    def rotate(
        name: Name = "default",
        cluster: ClusterOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Replace all authorities, certificates and token keys.

        The control plane is stopped and started again, and keeps its data. Copies of its kubeconfig,
        break-glass kubeconfigs and tokens of service accounts are refused from then on.
        """
        run_command(
            "cluster rotate", as_json, lambda output: _rotate(output, name, _backend(output, cluster, None))
        )

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
        run_command(
            "cluster down",
            as_json,
            lambda output: _down(output, name, _backend(output, cluster, backend), keep_data),
        )


def _backend(output: Output, cluster: LocalBackend | None, backend: LocalBackend | None) -> Backend:
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
    return Backend(cluster or backend or LocalBackend.EMBEDDED)


def _up(output: Output, name: str, backend: Backend, queueing: bool | None = None) -> None:
    from sovereign_ai.cli.real_nodes import start
    from sovereign_ai.cli.stack import open_stack

    plane = control_plane(backend, name)
    stack = None
    if plane.needs_description or _is_stack_folder(name):
        stack = open_stack(Path(name))
        plane = control_plane(backend, stack.cluster())
    if queueing is not None:
        plane = with_queueing(plane, queueing)
    cluster = start(plane, stack, output)
    lines = [f"{cluster.name}: ready at {cluster.server}"]
    if plane.has_real_nodes:
        lines += table(["machine", "container"], sorted(cluster.machines.items()))
    lines.append(f"export KUBECONFIG={cluster.kubeconfig}")
    output.finish(dict(cluster.data), lines)


def _is_stack_folder(text: str) -> bool:
    """Return whether a text names a folder, and cannot be the name of a cluster.

    What a folder without a description lacks is said where the description is read.
    """
    is_name = re.fullmatch(DNS_LABEL, text) is not None
    return not is_name and Path(text).is_dir()


def _status(output: Output, name: str, backend: Backend) -> None:
    from sovereign_ai.errors import ExitCode

    cluster = _named(name, backend).status()
    lines = [_phase_line(cluster.name, cluster.phase, cluster.server)]
    if cluster.rows:
        lines += table(cluster.head, cluster.rows)
    for note in cluster.notes:
        lines += wrapped(note)
    output.finish(dict(cluster.data), lines, ExitCode.OK if cluster.healthy else ExitCode.ENVIRONMENT)


def _phase_line(name: str, phase: str, server: str | None) -> str:
    """Return a control plane's phase in one line, with its address if it has one."""
    return f"{name}: {phase}" if server is None else f"{name}: {phase} at {server}"


def _config(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.kind import kind_config

    stack = open_stack(path)
    text = kind_config(stack.factory, stack.plan, stack.bundle().cluster, str(path))
    output.finish({"config": text}, text.splitlines())


def _list(output: Output) -> None:
    from sovereign_ai.cluster.backends import list_local

    rows = []
    data = []
    for backend, cluster in list_local():
        rows.append((cluster.name, backend, cluster.phase, cluster.server or "-"))
        data.append(dict(cluster.data))
    lines = table(["name", "cluster", "phase", "server"], rows) if rows else ["no local control plane"]
    output.finish({"clusters": data}, lines)


def _rotate(output: Output, name: str, backend: Backend) -> None:
    plane = _named(name, backend)
    runs = plane.rotate(output.progress)
    lines = [f"{plane.name}: new authorities, certificates and token keys"]
    if runs:
        lines.append(f"export KUBECONFIG={plane.kubeconfig}")
        lines.append("copies of it, break-glass kubeconfigs and tokens from before are refused")
    else:
        lines += wrapped(
            f"it does not run; its next start makes them: `sovereign-ai cluster up {plane.name}`"
        )
    output.finish({"name": plane.name, "running": runs}, lines)


def _down(output: Output, name: str, backend: Backend, keep_data: bool) -> None:
    from sovereign_ai.cli.real_nodes import end

    # Before the description is read for its name.
    control_plane(backend, name).check_down(keep_data=keep_data)
    plane = _named(name, backend)
    ended = end(plane, output, keep_data=keep_data)
    line = f"{plane.name}: {ended.words}"
    output.finish({"name": plane.name, "ended": ended.was_there}, [line])


def _named(text: str, backend: Backend) -> ControlPlane:
    """Return a control plane by its name, or by the folder of the stack that it is made from."""
    from sovereign_ai.cli.stack import open_stack

    plane = control_plane(backend, text)
    is_folder = plane.needs_description and (Path(text) / "factory.yaml").is_file()
    if is_folder or _is_stack_folder(text):
        return control_plane(backend, open_stack(Path(text)).cluster())
    return plane

"""`down`: remove what a stack deployed and what was simulated, and end the local cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, YesOption, confirm, running
from sovereign_ai.cli.up import told


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("down", **example("sovereign-ai down stacks/lab"))
    def down(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        keep_cluster: Annotated[bool, typer.Option("--keep-cluster", help="Leave the local cluster running, empty.")] = False,
        yes: YesOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Remove everything of ours from the cluster; a local cluster is ended as well."""
        speak("down", as_json, lambda output: _down(output, stack, cluster, kubeconfig, name, keep_cluster, yes))


def _down(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, keep: bool, yes: bool) -> None:
    from sovereign_ai.cli.real import kind_down, leave
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.embedded import down as end
    from sovereign_ai.deploy.engine import Engine
    from sovereign_ai.sim.factory import remove

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = running(bundle.cluster, backend, kubeconfig)
    confirm(target, "remove this factory from", yes, output)
    engine = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.plane)
    lines, data = [], {"cluster": bundle.cluster}
    if engine.exists():
        outcome = engine.destroy()
        lines += told(outcome)
        data |= outcome.to_data()
    if target.kind:
        leave(target.api, target.kind)
    if target.simulated:
        remove(target.api, stack.factory, bundle.cluster)
        lines.append("removed the simulated nodes")
    if target.simulated and not keep:
        if target.kind:
            kind_down(bundle.cluster, output)
        else:
            end(bundle.cluster)
        lines.append(f"ended the {backend} cluster {bundle.cluster}")
    output.finish(data, lines)

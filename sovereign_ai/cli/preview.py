"""`preview`: what `up` would change, without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, running
from sovereign_ai.cli.up import told


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("preview", **example("sovereign-ai preview stacks/lab"))
    def preview(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        policy_pack: Annotated[Path | None, typer.Option("--policy-pack", help="Run a Pulumi policy pack as well.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what a deployment would change on a running cluster."""
        speak("preview", as_json, lambda output: _preview(output, stack, cluster, kubeconfig, name, policy_pack))


def _preview(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, pack: Path | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.deploy.engine import Engine
    from sovereign_ai.deploy.gate import gate

    stack = open_stack(path)
    bundle = stack.bundle(name)
    gate(stack.factory, stack.plan, bundle)
    target = running(bundle.cluster, backend, kubeconfig)
    outcome = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.plane).preview(policy_pack=pack)
    steps = [f"{op:>8} {resource}" for op, resource in outcome.steps]
    output.finish({"cluster": bundle.cluster, **outcome.to_data()}, [*steps, *told(outcome)])

"""`env`: the environment in which a plain `pulumi up` in the stack's folder does what `up` does."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, running


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("env", **example('eval "$(sovereign-ai env stacks/lab)" && cd stacks/lab && pulumi up'))
    def env(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print shell lines to evaluate; the stack is made in the state folder if it is new."""
        speak("env", as_json, lambda output: _env(output, stack, cluster, kubeconfig, name))


def _env(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.deploy.engine import Engine
    from sovereign_ai.deploy.place import environment
    from sovereign_ai.deploy.turn import turn

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = running(bundle.cluster, backend, kubeconfig)
    engine = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.plane)
    with turn(stack.folder, output.progress):
        engine.ensure_stack()
    values = environment(bundle.cluster, target.kubeconfig, target.plane)
    output.finish({"environment": values}, [f"export {key}={shlex.quote(value)}" for key, value in sorted(values.items())])

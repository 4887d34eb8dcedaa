"""`env`: the environment in which `pulumi up` in the stack's folder does the same as `sovereign-ai up`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption, open_target
from sovereign_ai.cluster.control_plane import Backend


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("env", **example('eval "$(sovereign-ai env stacks/lab)" && cd stacks/lab && pulumi up'))
    def env(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print shell lines to evaluate; the stack is made in the state folder if it is new."""
        run_command("env", as_json, lambda output: _env(output, stack, cluster, kubeconfig, name))


def _env(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.deploy import Engine, engine_variables, lock_folder

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = open_target(bundle.cluster, backend, kubeconfig)
    engine = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.state_key)
    # `pulumi up` refuses a stack that does not exist; the lock keeps two commands from creating it at once.
    with lock_folder(stack.folder, output.progress):
        engine.ensure_stack()
    variables = engine_variables(bundle.cluster, target.kubeconfig, target.state_key)
    lines = []
    for key, value in sorted(variables.items()):
        lines.append(f"export {key}={shlex.quote(value)}")
    output.finish({"environment": variables}, lines)

"""`up`: deploy a stack through Pulumi, and simulate its machines where the cluster is ours."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import (
    Backend,
    ClusterOption,
    KubeconfigOption,
    StackOption,
    YesOption,
    confirm,
    insist_on_one,
    same_options,
    started,
)

if TYPE_CHECKING:
    from sovereign_ai.deploy.engine import Outcome


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("up", **example("sovereign-ai up stacks/lab"))
    def up(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        yes: YesOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Deploy the stack; what somebody else changed in our objects is put right."""
        speak("up", as_json, lambda output: _up(output, stack, cluster, kubeconfig, name, yes))


def _up(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, yes: bool) -> None:
    from dataclasses import asdict

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.deploy.engine import Engine, ready
    from sovereign_ai.deploy.gate import gate
    from sovereign_ai.deploy.objects import restore
    from sovereign_ai.sim.factory import simulate

    stack = open_stack(path)
    bundle = stack.bundle(name)
    gate(stack.factory, stack.plan, bundle)
    insist_on_one(backend, kubeconfig)
    ready(stack.folder)
    target = started(stack, bundle.cluster, backend, kubeconfig, output)
    confirm(target, "deploy to", yes, output)
    outcome = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.plane).up()
    restored = restore(target.api, bundle.objects, output.progress, fresh={name for _, name in outcome.steps})
    data = {
        "restored": restored,
        "cluster": bundle.cluster,
        "server": target.api.server,
        "objects": len(bundle.objects),
        **outcome.to_data(),
    }
    lines = [*told(outcome), *(f"restored {name}" for name in restored)]
    if target.simulated:
        simulated = simulate(
            target.api, stack.factory, stack.plan, bundle.cluster, progress=output.progress, foreign=target.kind is not None
        )
        data["simulated"] = asdict(simulated)
        lines.append(f"simulated: {simulated.ready} of {simulated.nodes} machines ready, {simulated.slices} device lists")
    if target.kind:
        data["real"] = sorted(target.kind.machines)
        lines.append(f"real: {', '.join(sorted(target.kind.machines))}")
    options = same_options(backend, kubeconfig, name)
    lines.append(f"next: {shlex.join(['sovereign-ai', 'verify', str(path), *options])}")
    output.finish(data, lines)


def told(outcome: Outcome) -> list[str]:
    """Say what a run of the engine did in two lines."""
    changes = ", ".join(f"{number} {op}" for op, number in sorted(outcome.changes.items())) or "no changes"
    return [f"{outcome.verb}: {changes}; {outcome.same} unchanged", f"log: {outcome.log}"]

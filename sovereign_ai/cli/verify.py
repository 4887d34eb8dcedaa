"""`verify`: hold what is really there against the plan, and try what must work and what must not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, dead_parts, running

if TYPE_CHECKING:
    from sovereign_ai.cluster.dead import DeadPart
    from sovereign_ai.verify.verdict import Verdict

_BACK_SECONDS = 5.0
"""How long a supervisor may take to bring back what ended, before that is a finding."""


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("verify", **example("sovereign-ai verify stacks/lab --json"))
    def verify(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        probes: Annotated[bool, typer.Option("--probes/--no-probes", help="Try pods that must run and pods that must be refused.")] = True,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Name what is missing, changed or foreign; exit 1 if anything is."""
        speak("verify", as_json, lambda output: _verify(output, stack, cluster, kubeconfig, name, probes))


def _verify(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, probes: bool) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.access import ApiError, UnreachableError
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify.dead import may_be_dead, verdict_on_dead, with_dead
    from sovereign_ai.verify.verdict import verify as verified

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = running(bundle.cluster, backend, kubeconfig)
    image = target.kind.image if target.kind else ""
    try:
        verdict = verified(
            target.api, stack.factory, stack.plan, bundle, cluster=bundle.cluster, probes=probes, image=image, progress=output.progress
        )
    except (ApiError, UnreachableError) as error:
        dead = dead_parts(bundle.cluster, backend) if may_be_dead(error) else ()
        if not dead:
            raise
        verdict = verdict_on_dead(dead, stack.factory, stack.plan, bundle, cluster=bundle.cluster)
    else:
        verdict = with_dead(verdict, _staying_dead(bundle.cluster, backend, output))
    output.finish(verdict.to_data(), lines(verdict), ExitCode.OK if verdict.ok else ExitCode.FINDINGS)


def _staying_dead(name: str, backend: Backend, output: Output) -> tuple[DeadPart, ...]:
    """Name what does not run of a plane that answers, and does not come back by itself in a moment.

    What was read stays read: if the engine cannot be asked just then, that is said and nothing is called dead.
    """
    from sovereign_ai.errors import EnvironmentLacksError
    from sovereign_ai.toolchain.waiting import until

    try:
        if dead := dead_parts(name, backend):
            output.progress(f"{name}: {', '.join(part.name for part in dead)}: {dead[0].state}; waiting for it to be back by itself")
            until(lambda: not dead_parts(name, backend), _BACK_SECONDS)
            dead = dead_parts(name, backend)
    except EnvironmentLacksError as error:
        output.progress(f"{name}: what runs of the plane itself is unknown: {error.problems[0].message}")
        return ()
    return dead


def lines(verdict: Verdict) -> list[str]:
    """Say what was found: findings first, then each probe, then the count."""
    counts = verdict.counts
    said = [str(finding) + (f"\n    {finding.hint}" if finding.hint else "") for finding in verdict.findings]
    said += [str(probe) for probe in verdict.probes]
    if verdict.unknown:
        rest = f"whatever {counts['objects']} objects and {counts['nodes']} nodes should be is unknown, and nothing was probed"
        return [*said, f"{verdict.cluster}: NOT as planned: its control plane is dead; {rest}; {len(verdict.findings)} findings"]
    passed = sum(probe.status == "passed" for probe in verdict.probes)
    word = "as planned" if verdict.ok else "NOT as planned"
    total = f"{counts['objects']} objects, {counts['ready']} of {counts['nodes']} nodes ready, {counts['devices']} devices"
    return [*said, f"{verdict.cluster}: {word}; {total}; {len(verdict.findings)} findings; {passed} of {len(verdict.probes)} probes passed"]

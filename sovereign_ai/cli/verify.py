"""`verify`: compare the live cluster with the plan, and probe what must work and what must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import recognise_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, laid_out
from sovereign_ai.cli.target import (
    ClusterOption,
    KubeconfigOption,
    StackOption,
    open_target,
    target_options,
)
from sovereign_ai.cli.tracing import traced
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster import DeadComponent
    from sovereign_ai.cluster.control_plane import ControlPlane
    from sovereign_ai.verify import ClusterVerdict, Drift

_RESTART_SECONDS = 5.0
"""How long a supervisor may take to restart a process before its absence is a finding."""


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("verify", **example("sovereign-ai verify stacks/lab --json"))
    def verify(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        probes: Annotated[
            bool,
            typer.Option(
                "--probes/--no-probes", help="Try pods that must run and pods that must be refused."
            ),
        ] = True,
        watch: Annotated[
            bool, typer.Option("--watch", help="Repeat without probes, and print what changes, until Ctrl-C.")
        ] = False,
        interval: Annotated[
            float,
            typer.Option(
                "--interval", min=1, metavar="SECONDS", help="Pause between two observations, with --watch."
            ),
        ] = 10.0,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Name what is missing, changed, foreign or failing; exit 1 if anything is."""
        if watch:
            run_command(
                "verify", as_json, lambda output: _watch(output, stack, cluster, kubeconfig, name, interval)
            )
        else:
            run_command(
                "verify", as_json, lambda output: _verify(output, stack, cluster, kubeconfig, name, probes)
            )


def _verify(
    output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, probes: bool
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    stack = open_stack(path)
    verdict = _verdict(output, stack, backend, kubeconfig, name, probes=probes)
    data = verdict.bound(stack.plan, stack.bundle(verdict.cluster).digest)
    output.finish(data, laid_out(lines(verdict)), ExitCode.OK if verdict.ok else ExitCode.FINDINGS)


@traced("observe and judge")
def _verdict(
    output: Output, stack: Stack, backend: Backend, kubeconfig: Path | None, name: str | None, *, probes: bool
) -> ClusterVerdict:
    """Compare the cluster with the plan; a local control plane that is dead is a finding, and no error."""
    from sovereign_ai.cli.deployment import on_target
    from sovereign_ai.cluster import require_reachable
    from sovereign_ai.cluster.api import ApiError, UnreachableError
    from sovereign_ai.verify import examples, may_be_dead, verdict_on_dead, with_dead
    from sovereign_ai.verify import verify as verified

    bundle = stack.bundle(name)
    cluster = bundle.cluster
    target = open_target(cluster, backend, kubeconfig, output.progress)
    bundle = on_target(output, bundle, target)
    # Probes run pods on real nodes, which have to hold the image already.
    image = target.cluster.image
    try:
        require_reachable(target.api, examples(bundle.objects), ("list",))
        recognise_deployed(
            stack, cluster, target, target_options(backend, kubeconfig, cluster), output.progress
        )
        verdict = verified(
            target.api,
            stack.factory,
            stack.plan,
            bundle,
            cluster=cluster,
            probes=probes,
            image=image,
            progress=output.progress,
        )
    except (ApiError, UnreachableError) as error:
        dead = target.control_plane.health() if may_be_dead(error) else ()
        if not dead:
            raise
        return verdict_on_dead(dead, stack.factory, stack.plan, bundle, cluster=cluster)
    return with_dead(verdict, _permanently_dead(target.control_plane, output))


def _watch(
    output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, interval: float
) -> None:
    """Repeat `verify`, and print new findings, who caused them, and resolved findings.

    Ctrl-C ends it with the exit code of the last observation. With `--json`, each change is one JSON document
    on a line of its own.
    """
    import contextlib
    import time

    import orjson

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    before: frozenset[str] = frozenset()
    code = None
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            # The description is read anew each time: who edits it while this runs sees the difference.
            verdict = _verdict(output, open_stack(path), backend, kubeconfig, name, probes=False)
            resources = {str(finding): finding.resource for finding in verdict.findings}
            now = frozenset(resources)
            first = code is None
            came, went = sorted(now - before), sorted(before - now)
            changed = frozenset(resources[line] for line in came)
            drift = _drift_in(output, path, backend, kubeconfig, name, changed)
            # Before the text: who reads a line and sends Ctrl-C at once gets the exit code of that line.
            code = ExitCode.OK if verdict.ok else ExitCode.FINDINGS
            if first or came or went:
                if output.as_json:
                    text = orjson.dumps(_change_data(verdict, came, went, drift)).decode()
                else:
                    text = "\n".join(_change_lines(verdict, came, went, drift))
                typer.echo(text)
            before = now
            time.sleep(interval)  # noqa: TID251 - the watch goes on until it is interrupted
    # Without a first observation there is no verdict, and so neither success nor findings.
    raise typer.Exit(int(ExitCode.INTERRUPTED if code is None else code))


def _change_data(
    verdict: ClusterVerdict, came: list[str], went: list[str], drift: list[Drift]
) -> Mapping[str, object]:
    """Return a change between two observations as plain data."""
    return {
        "command": "verify",
        "ok": verdict.ok,
        "came": came,
        "went": went,
        "drift": [difference.to_data() for difference in drift],
        "observed_at": verdict.observed_at.isoformat(),
    }


def _change_lines(verdict: ClusterVerdict, came: list[str], went: list[str], drift: list[Drift]) -> list[str]:
    """Return a change between two observations: new findings, their causes, resolved findings, the count."""
    text = [f"+ {line}" for line in came]
    text += [f"    {difference}" for difference in drift]
    text += [f"- {line}" for line in went]
    text.append(lines(verdict)[-1])
    return text


def _drift_in(
    output: Output,
    path: Path,
    backend: Backend,
    kubeconfig: Path | None,
    name: str | None,
    resources: frozenset[str],
) -> list[Drift]:
    """Return who changed some objects; empty for no objects, and where the cluster does not answer."""
    from sovereign_ai.cli.drift import drift_of
    from sovereign_ai.errors import SovereignError

    if not resources:
        return []
    try:
        drift = drift_of(output, path, backend, kubeconfig, name).drift
    except SovereignError:
        return []  # the next observation reports what is wrong with the cluster
    return [difference for difference in drift if difference.resource in resources]


def _permanently_dead(plane: ControlPlane, output: Output) -> tuple[DeadComponent, ...]:
    """Return the components of a local control plane that do not run, and do not restart within seconds.

    The observation of the cluster is kept: if the container engine does not answer, that is reported as
    progress, and no component counts as dead.
    """
    from sovereign_ai.errors import EnvironmentLacksError
    from sovereign_ai.toolchain import wait_until

    try:
        dead = plane.health()
        if dead:
            names = ", ".join(component.name for component in dead)
            output.progress(f"{plane.name}: {names}: {dead[0].state}; waiting for a restart")
            wait_until(lambda: not plane.health(), _RESTART_SECONDS)
            dead = plane.health()
    except EnvironmentLacksError as error:
        reason = error.problems[0].message
        output.progress(f"{plane.name}: which components of the control plane run is unknown: {reason}")
        return ()
    return dead


def lines(verdict: ClusterVerdict) -> list[str]:
    """Return a verdict as lines: findings first, then each probe, then the count."""
    counts = verdict.counts
    text: list[str] = []
    for finding in verdict.findings:
        text.append(str(finding))
        if finding.hint:
            text.append(f"    {finding.hint}")
    text += map(str, verdict.probes)
    number = counted(len(verdict.findings), "finding")
    if verdict.unknown:
        objects_text = counted(counts["objects"], "planned object")
        state = f"the state of {objects_text} and {counted(counts['nodes'], 'planned node')}"
        rest = f"{state} is unknown, and nothing was probed"
        text.append(f"{verdict.cluster}: NOT as planned: its control plane is dead; {rest}; {number}")
        return text
    passed = sum(probe.status == "passed" for probe in verdict.probes)
    word = "as planned" if verdict.ok else "NOT as planned"
    nodes = f"{counts['ready']} of {counted(counts['nodes'], 'node')} ready"
    objects_text = counted(counts["objects"], "object")
    devices_text = counted(counts["devices"], "device")
    total = f"{objects_text}, {nodes}, {devices_text}"
    probes = f"{passed} of {counted(len(verdict.probes), 'probe')} passed" if verdict.probes else "not probed"
    text.append(f"{verdict.cluster}: {word}; {total}; {number}; {probes}")
    return text

"""`drift`: what was changed on a cluster since the deployment, and who changed it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, laid_out, next_line
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.verify import Drift


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("drift", **example("sovereign-ai drift stacks/lab"))
    def drift(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show who changed what; exit 1 if anything differs."""
        run_command("drift", as_json, lambda output: _drift(output, stack, cluster, kubeconfig, name))


@frozen_dataclass
class DriftCheck:
    """The result of comparing a stack's objects with the cluster.

    Attributes:
        cluster: the cluster's name in the plan.
        policy: the description's policy: whether `up` restores drift or reports it.
        drift: the differences.
        objects: how many objects were compared.
        observed_at: when the comparison began, UTC.
    """

    cluster: str
    policy: str
    drift: tuple[Drift, ...]
    objects: int
    observed_at: datetime


def drift_of(
    output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None
) -> DriftCheck:
    """Compare a stack's objects with the cluster.

    Raises:
        EnvironmentLacksError: the cluster does not exist.
        SpecError: every problem of the description.
        UnreachableError: the API server did not answer.
    """
    from sovereign_ai.cli.deployment import DeployOptions, deployment_of, on_target
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cli.target import target_options
    from sovereign_ai.verify import find_drift, observe

    stack = open_stack(path)
    bundle = stack.bundle(name)
    cluster = bundle.cluster
    target = open_deployed(stack, cluster, backend, kubeconfig, output.progress)
    bundle = on_target(output, bundle, target)
    options = target_options(backend, kubeconfig, name)
    deployment = deployment_of(stack, cluster, target, options, DeployOptions())
    # The stack's identity is part of the deployed objects. Without a state, as after it was moved, they carry
    # another one, which is no drift; and who only looks makes none.
    has_state = deployment.stack.held is None or bool(deployment.stack.held)
    objects = (bundle.of_stack(deployment.stack.identity) if has_state else bundle).objects
    observed = observe(target.api, stack.factory, objects)
    drift = find_drift(observed, objects)
    return DriftCheck(cluster, stack.factory.drift, drift, len(objects), observed.observed_at)


def _next_lines(path: Path, policy: str, options: list[str]) -> list[str]:
    """Return what puts the drift back, by the description's policy."""
    if policy == "report":
        detail = "the description says `drift: report`, so that only `--restore` puts it back"
        return [detail, next_line("up", path, "--restore", *options)]
    return ["`up` puts back what was changed or deleted", next_line("up", path, *options)]


def _drift(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None) -> None:
    from sovereign_ai.cli.target import target_options
    from sovereign_ai.errors import ExitCode

    check = drift_of(output, path, backend, kubeconfig, name)
    lines = list(map(str, check.drift))
    if check.drift:
        objects_text = counted(check.objects, "object")
        lines.append(f"{check.cluster}: {counted(len(check.drift), 'difference')} in {objects_text}")
        lines += _next_lines(path, check.policy, target_options(backend, kubeconfig, name))
    else:
        lines.append(f"{check.cluster}: as described")
    data = {
        "cluster": check.cluster,
        "policy": check.policy,
        "drift": [drift.to_data() for drift in check.drift],
        "objects": check.objects,
        "observed_at": check.observed_at.isoformat(),
    }
    output.finish(data, laid_out(lines), ExitCode.FINDINGS if check.drift else ExitCode.OK)

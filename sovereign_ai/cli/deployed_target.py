"""The cluster that a stack was deployed to, for commands that deploy nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.cli.deployment import deployment_of
from sovereign_ai.cli.target import Target, open_target, target_options
from sovereign_ai.cluster.control_plane import Backend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sovereign_ai.cli.stack import Stack


def open_deployed(
    stack: Stack,
    name: str,
    backend: Backend,
    kubeconfig: Path | None,
    progress: Callable[[str], object] = lambda _line: None,
) -> Target:
    """Connect as `open_target` does, and refuse another cluster than the stack was deployed to.

    It is for commands that deploy nothing: they would take what is not there for missing, or change machines
    and jobs of others.

    Args:
        stack: the description and its folder.
        name: the cluster's name in the plan.
        backend: the kind of cluster.
        kubeconfig: the user's own kubeconfig, for `Backend.KUBECONFIG`.
        progress: receives the lines of `open_target` and of `recognise_deployed`.

    Raises:
        UsageError: the options do not name a cluster.
        EnvironmentLacksError: the cluster does not exist, is another one, or does not accept the identity.
        UnreachableError: the API server did not answer.
    """
    from sovereign_ai.cluster import require_reachable

    target = open_target(name, backend, kubeconfig, progress)
    require_reachable(target.api)
    recognise_deployed(stack, name, target, target_options(backend, kubeconfig, name), progress)
    return target


def recognise_deployed(
    stack: Stack,
    name: str,
    target: Target,
    options: Sequence[str],
    progress: Callable[[str], object],
) -> None:
    """Check that an open cluster is the one that the stack was deployed to, as far as that is recorded here.

    Args:
        stack: the description and its folder.
        name: the cluster's name in the plan.
        target: the open cluster.
        options: the options that name the same cluster in another command.
        progress: receives a line where a local control plane was removed and made anew.

    Raises:
        EnvironmentLacksError: it is another one.
        UnreachableError: the API server did not answer.
    """
    from sovereign_ai.deploy import recognised_line

    deployment = deployment_of(stack, name, target, options)
    context = deployment.stack
    if line := recognised_line(target.api, deployment.target, context.record, context.held):
        progress(line)

"""Follow a kubeconfig that was moved, or whose context was renamed, as long as it leads to the same cluster.

The state names the file and the context of the last deployment. Where these lead nowhere any more, only the
cluster can tell whether the file that a command names leads to it: by its identity, which is recorded beside
the state (`cluster_identity.py`). Then the provider in the state gets the new file and context, and stays the
same provider, since its identifier names neither.

Where the old file still leads to a server, nothing is followed: two servers may have one identity, as a
cluster and its copy from a snapshot of etcd.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, current_context
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.target import PROVIDER, StateTarget
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class MovedKubeconfig:
    """A kubeconfig under another path, or with another name of its context, than the state has.

    Attributes:
        folder: the stack's folder, from which the state's paths start.
        old: the file in the state.
        old_context: its context in the state; None where the state has none.
        new: the file that leads to the same cluster.
        context: the file's current context; None where it has none.
        reason: why the old one leads nowhere, in words such as "is gone".
    """

    folder: Path
    old: Path
    old_context: str | None
    new: Path
    context: str | None
    reason: str

    @property
    def line(self) -> str:
        """What a person should know."""
        return (
            f"{_label(self.old, self.old_context)}, by which the stack was deployed, {self.reason}; "
            f"{_label(self.new, self.context)} leads to the same cluster, by its identity"
        )

    def followed(self, resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a state's resources with the new file and context in the provider that had the old ones."""
        return [self._followed(resource) for resource in resources]

    def _followed(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        fresh = dict(resource)
        if fresh["type"] != PROVIDER or not self._is_old(fresh.get("inputs") or {}):
            return fresh
        for part in ("inputs", "outputs"):
            if part in fresh:
                fresh[part] = {**fresh[part], "kubeconfig": str(self.new), "context": self.context}
                if self.context is None:
                    del fresh[part]["context"]
        return fresh

    def _is_old(self, inputs: Mapping[str, Any]) -> bool:
        """Return whether a provider has the old file and context; a secret path is another one."""
        path = inputs.get("kubeconfig")
        if not isinstance(path, str) or self.folder / path != self.old:
            return False
        return inputs.get("context") == self.old_context


def moved_kubeconfig(api: Api, deployment: StackDeployment, state: StateTarget) -> MovedKubeconfig | None:
    """Return how the state's kubeconfig was moved; None where it was not, or leads to another cluster.

    A cluster that does not report its identity is no proof.

    Args:
        api: the cluster that a command names.
        deployment: the stack, with its record, and that cluster.
        state: where the state has its objects.

    Raises:
        UnreachableError: there was no answer.
    """
    new, old = deployment.target.kubeconfig, state.kubeconfig
    if old is None or state.is_on(new) or not state.why_unusable:
        return None
    recorded = deployment.stack.record.cluster(deployment.target.deployment)
    try:
        if recorded is None or api.identity() != recorded.uid:
            return None
    except ApiError:
        return None
    return MovedKubeconfig(state.folder, old, state.context, new, current_context(new), state.why_unusable)


def _label(kubeconfig: Path, context: str | None) -> str:
    """Return a kubeconfig's name for a person, with its context."""
    return f"{kubeconfig}, context {context!r}" if context else str(kubeconfig)

"""Remove a stack with this tool's own client, and its state afterwards, without starting the engine.

The deletion of a namespace deletes everything in it, and takes at least five seconds, however little that is
(namespaceDeletionGracePeriod in pkg/controller/namespace of Kubernetes). So a removal is a few deletions and
one wait, to which the engine and its provider only add their start and their own bookkeeping. Whose each
object is was decided before (`removal.py`), under the lock that is still held.

Namespaces go first: nothing can be created in one from then on, and its five seconds begin. Role bindings
follow, then everything else outside namespaces, and admission policies last, when everything that they judge
is gone. Webhooks go before all. The state is removed when nothing of the stack is left. A removal that fails
drops from the state what is gone; one that is killed leaves the state as it was. The next removal resumes in
both cases.

    if not needs_engine(engine.checkpoint()):
        outcome = remove_directly(engine, api, removal, deployment, progress, wait_seconds=60)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from functools import partial

from sovereign_ai.cluster import KEPT
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.changes import recorded
from sovereign_ai.deploy.control_plane_setup import remove_policies
from sovereign_ai.deploy.definitions import remove_custom
from sovereign_ai.deploy.engine.runs import Engine, PulumiOutcome
from sovereign_ai.deploy.engine.signals import signals_as_interrupt
from sovereign_ai.deploy.live_objects import ObjectKey, delete, list_metadata, read_live
from sovereign_ai.deploy.order import policies_and_bindings
from sovereign_ai.deploy.removal.decision import Removal
from sovereign_ai.deploy.removal.termination import wait_until_gone
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.store import CommandState
from sovereign_ai.errors import EnvironmentLacksError, SovereignError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import WEBHOOKS

_FIRST = ("Namespace", "RoleBinding", "ClusterRoleBinding")
"""Kinds that go before the others, in this order."""
_FREE = frozenset(
    {
        "created",
        "custom",
        "deletedWith",
        "dependencies",
        "id",
        "inputs",
        "modified",
        "outputs",
        "parent",
        "propertyDependencies",
        "provider",
        "sourcePosition",
        "stackTrace",
        "type",
        "urn",
    }
)
"""Fields of a resource in a state that do not change its removal.

Only the engine implements the others, such as `protect`, `retainOnDelete` or a hook.
"""
Progress = Callable[[str], object]


def needs_engine(checkpoint: Checkpoint | None) -> str:
    """Return why only the engine can remove a state's resources; empty for one plain factory.

    Args:
        checkpoint: the state; None where there is none.
    """
    if checkpoint is None:
        return "there is no state"
    if foreign := recorded(checkpoint).foreign:
        return foreign
    if checkpoint.pending:
        return "the last run did not come to its end"
    for resource in checkpoint.resources:
        for name, value in resource.items():
            if value and name not in _FREE:
                return f"{resource['urn'].rpartition('::')[2]} has options of its own"
    return ""


def remove_directly(
    engine: Engine,
    api: Api,
    removal: Removal,
    deployment: StackDeployment,
    progress: Progress,
    wait_seconds: float,
) -> PulumiOutcome:
    """Remove the objects of the state that are this stack's, and then the stack.

    Args:
        engine: the stack, held by this command.
        api: the cluster.
        removal: the result of the check; objects that are left to others are no longer in the state.
        deployment: the stack and its cluster.
        progress: called with a line for each object.
        wait_seconds: how long to wait for a deleted object about which nothing changes.

    Raises:
        DeploymentError: something holds an object, with its finalizer and who set it.
        EnvironmentLacksError: the state's objects are on another cluster, or the guard of the policies could
            not be opened.
        ApiError: the API server refused a deletion.
        UnreachableError: there was no answer.
    """
    if elsewhere := engine.standing().elsewhere(engine.kubeconfig):
        raise EnvironmentLacksError(elsewhere)
    progress("removing what the stack owns")
    with engine.hold("destroy") as state:
        try:
            with signals_as_interrupt():
                _Deletion(api, state, progress, wait_seconds).run(removal, deployment)
        except SovereignError:
            # A cluster that does not answer cannot report what is gone: the state stays as it was.
            with contextlib.suppress(SovereignError):
                _drop_gone(engine, api, deployment)
            raise
        held = deployment.stack.held or {}
        deleted = {str(key): held[key].urn for key in removal.ours}
        outcome = engine.record("destroy", deleted=deleted)
        engine.forget()
    return outcome


@frozen_dataclass
class _Deletion:
    """Deletes objects in order, for as long as this command holds the stack."""

    api: Api
    state: CommandState
    progress: Progress
    wait_seconds: float

    def run(self, removal: Removal, deployment: StackDeployment) -> None:
        """Delete all but the admission policies, and those when all else is gone."""
        # The server of a webhook goes with its namespace, and without it the webhook refuses all deletions.
        self._delete([key for key in removal.ours if key.kind in WEBHOOKS])
        # A controller takes its finalizers off its objects only while it runs.
        gone = remove_custom(
            self.api,
            removal.ours,
            self.progress,
            wait_seconds=self.wait_seconds,
            require_hold=self.state.require_hold,
        )
        going = {key.name for key in removal.ours if key.kind == "Namespace"}
        policies, first, others, inside = [], [], [], []
        for key in removal.ours:
            if key in gone or key.kind in WEBHOOKS:
                continue
            if key.kind in KEPT:
                policies.append(key)
            elif key.kind in _FIRST:
                first.append(key)
            elif key.namespace in going:
                inside.append(key)
            else:
                others.append(key)
        self._delete(sorted(first, key=lambda key: _FIRST.index(key.kind)))
        self._delete(others)
        self._empty(inside, deployment)
        wait_until_gone(self.api, [*first, *others], self.progress, self.wait_seconds)
        # Their namespaces took them along; they are reported all the same.
        for key in inside:
            self.progress(f"delete {key}")
        target = deployment.target
        if target.is_local:
            # The guard refuses the deletion of policies, and is opened only when everything else is gone.
            self.state.require_hold()
            remove_policies(target.name, target.kubeconfig, policies, self.progress)
            return
        unbound, bindings = policies_and_bindings(policies, lambda key: key.kind)
        self._delete(bindings)
        self._delete(unbound)
        wait_until_gone(self.api, policies, self.progress, self.wait_seconds)

    def _empty(self, inside: Collection[ObjectKey], deployment: StackDeployment) -> None:
        """Delete the content of namespaces that are being deleted and hold no pods, where that is permitted.

        A namespace's controller begins after five seconds, in which the API server has nothing else to do. No
        pod can be created there any more. Where pods run, everything stays with them, and on clusters with
        several API servers, of which one may learn of the deletion later, network policies stay in any case.
        """
        kept = frozenset() if deployment.target.is_local else frozenset({"NetworkPolicy"})
        selector = f"{KEYS.stack}={deployment.stack.identity}"
        # Whatever is not deleted here, the controller deletes.
        with contextlib.suppress(ApiError):
            occupied = {pod["metadata"]["namespace"] for pod in list_metadata(self.api, "v1", "Pod")}
            collections = set()
            for key in inside:
                if key.namespace not in occupied and key.kind not in kept:
                    collections.add((key.api_version, key.kind, key.namespace))
            self.api.many(partial(self._delete_all, *which, selector) for which in sorted(collections))

    def _delete_all(self, api_version: str, kind: str, namespace: str, selector: str) -> None:
        """Delete this stack's objects of a kind in a namespace, unless its stack was taken over."""
        self.state.require_hold()
        self.api.delete_all(api_version, kind, namespace, selector)

    def _delete(self, keys: Collection[ObjectKey]) -> None:
        """Delete objects in parallel."""
        for key in keys:
            self.progress(f"delete {key}")
        self.api.many(partial(self._delete_one, key) for key in keys)

    def _delete_one(self, key: ObjectKey) -> bool:
        """Delete one object, unless this process was stopped and its stack was taken over."""
        self.state.require_hold()
        return delete(self.api, key)


def _drop_gone(engine: Engine, api: Api, deployment: StackDeployment) -> None:
    """Drop from the state the resources whose objects are not on the cluster any more."""
    held = deployment.stack.held or {}
    live = read_live(api, held)
    gone = [item.urn for key, item in held.items() if key not in live]
    engine.drop(gone)

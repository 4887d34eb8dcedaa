"""Decide what `down` removes, and what it leaves because it belongs to somebody else.

Pulumi deletes by name whatever the state holds. So the owner of each live object under a name of the state is
decided first (`ownership.py`, with the strict rules): an object of others is dropped from the state and stays
on the cluster. An object that another stack of the same factory has taken over ends the command, since the
whole state is out of date then. Objects that carry the stack's UUID and are not in its state, as after a
crash, are removed too.

    removal = check_removal(api, deployment)      # reads only
    remove_holders(api, removal.orphans, progress)  # objects that a crash had left, and that hold others
    ...                                           # the engine removes what the state holds
    remove_leftovers(api, deployment, progress)   # the other objects that a crash had left
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sovereign_ai.cluster import KEPT
from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.control_plane_setup import remove_policies
from sovereign_ai.deploy.live.cluster_identity import Recognised, recognise
from sovereign_ai.deploy.live.ownership import OWNED, Claim, ObjectOwner, owner_phrase, owners, stack_objects
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, delete, list_metadata, read_live
from sovereign_ai.deploy.removal.kept_in_use import GROUP
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import KIND_ORDER

_NAMESPACE = ("", "Namespace")


@frozen_dataclass
class Removal:
    """The result of the check before a removal.

    Attributes:
        cluster: the cluster, as it was recognised.
        ours: live objects of the state that are this stack's.
        left: live objects under names of the state that are somebody else's, and whose.
        orphans: objects that carry the stack's UUID and are not in its state.
    """

    cluster: Recognised
    ours: tuple[ObjectKey, ...]
    left: Mapping[ObjectKey, str]
    orphans: tuple[ObjectKey, ...]

    @property
    def namespaces(self) -> list[str]:
        """Names of the namespaces that are removed, sorted."""
        going = (*self.ours, *self.orphans)
        return sorted(key.name for key in going if (key.group, key.kind) == _NAMESPACE)

    @property
    def lines(self) -> list[str]:
        """What a person should know, line by line."""
        lines = [self.cluster.line] if self.cluster.line else []
        for key, whose in sorted(self.left.items()):
            line = f"left {key}: it {whose}"
            lines.append(line)
        return lines


def check_removal(api: Api, deployment: StackDeployment) -> Removal:
    """Return what a removal of a stack deletes and what it leaves; nothing is changed.

    Args:
        api: the cluster.
        deployment: the stack and its cluster.

    Raises:
        EnvironmentLacksError: it is another cluster, or another stack of the factory has taken objects over.
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    stack = deployment.stack
    cluster = recognise(api, deployment.target, stack.record, stack.held)
    # The objects of a control plane that was created anew went with the old one.
    held = {} if cluster.remade else (stack.held or {})
    claim = Claim(
        deployment.factory,
        stack.identity,
        held,
        deployment.target.is_local,
        strict=True,
        has_rare_kinds=stack.record.has_rare_kinds(deployment.target.deployment),
    )
    live = read_live(api, held)
    problems: list[Problem] = []
    ours: list[ObjectKey] = []
    left: dict[ObjectKey, str] = {}
    for key, owner in sorted(owners(live, claim).items()):
        if owner is ObjectOwner.OTHER_STACK:
            problems.append(_taken_over_problem(key, live[key], deployment))
        elif owner in OWNED:
            ours.append(key)
        else:
            left[key] = owner_phrase(live[key], owner)
    if problems:
        raise EnvironmentLacksError(problems)
    orphans = sorted(key for key in stack_objects(api, claim) if key not in held)
    return Removal(cluster, tuple(ours), left, tuple(orphans))


def other_stacks(api: Api, deployment: StackDeployment) -> list[str]:
    """Return the UUIDs of other stacks that have namespaces of the same factory on a cluster, sorted.

    A state that was lost or moved leaves the factory there, with its machines.

    Raises:
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={deployment.factory},{KEYS.stack}"
    namespaces = list_metadata(api, "v1", "Namespace", selector=selector)
    stacks = {namespace["metadata"]["labels"][KEYS.stack] for namespace in namespaces}
    return sorted(stacks - {deployment.stack.identity})


def remove_leftovers(api: Api, deployment: StackDeployment, progress: Callable[[str], object]) -> list[str]:
    """Delete the objects that still carry a stack's UUID; a deleted namespace takes its content along.

    Args:
        api: the cluster.
        deployment: the stack and its cluster.
        progress: called with a line for each object.

    Returns:
        Names of the deleted objects, sorted.

    Raises:
        ApiError: the API server refused a deletion.
        EnvironmentLacksError: the guard of a local control plane could not be opened or closed.
        UnreachableError: there was no answer.
    """
    stack = deployment.stack
    claim = Claim(
        deployment.factory,
        stack.identity,
        stack.held or {},
        has_rare_kinds=stack.record.has_rare_kinds(deployment.target.deployment),
    )
    return remove_orphans(api, stack_objects(api, claim), deployment, progress)


def remove_holders(api: Api, orphans: Iterable[ObjectKey], progress: Callable[[str], object]) -> list[str]:
    """Delete the orphans that others wait for: while a queue exists, its flavour and its checks do not go.

    The engine knows nothing of orphans, and waits for what they hold. So these go before it starts.

    Args:
        api: the cluster.
        orphans: objects of a stack that its state does not hold.
        progress: called with a line for each object.

    Returns:
        Names of the deleted objects, sorted.

    Raises:
        ApiError: the API server refused a deletion.
        UnreachableError: there was no answer.
    """
    removed: list[str] = []
    # Whatever names another object comes after it in the order of application.
    for kind in reversed(KIND_ORDER):
        batch = sorted(key for key in orphans if key.kind == kind and key.group == GROUP)
        for key in batch:
            progress(f"delete {key}")
        api.many(partial(delete, api, key) for key in batch)
        removed += map(str, batch)
    return sorted(removed)


def remove_orphans(
    api: Api,
    keys: Iterable[ObjectKey],
    deployment: StackDeployment,
    progress: Callable[[str], object],
) -> list[str]:
    """Delete objects of a stack that its state does not hold; a deleted namespace takes its content along.

    Args:
        api: the cluster.
        keys: which objects, all of them the stack's.
        deployment: the stack and its cluster.
        progress: called with a line for each object.

    Returns:
        Names of the deleted objects, sorted.

    Raises:
        ApiError: the API server refused a deletion.
        EnvironmentLacksError: the guard of a local control plane could not be opened or closed.
        UnreachableError: there was no answer.
    """
    orphans = sorted(keys)
    going = set()
    for key in orphans:
        if (key.group, key.kind) == _NAMESPACE:
            going.add(key.name)
    target = deployment.target
    guarded, others = [], []
    for key in orphans:
        if key.namespace in going:
            continue
        # Only a local control plane has the guard, which refuses the deletion of policies.
        if key.kind in KEPT and target.is_local:
            guarded.append(key)
        else:
            others.append(key)
    for key in others:
        progress(f"delete {key}")
    api.many(partial(delete, api, key) for key in others)
    removed = remove_policies(target.name, target.kubeconfig, guarded, progress)
    return sorted([*removed, *map(str, others)])


def _taken_over_problem(key: ObjectKey, live: Metadata, deployment: StackDeployment) -> Problem:
    """Return the problem of an object in the state that another stack of the factory has taken over."""
    owner = owner_phrase(live, ObjectOwner.OTHER_STACK)
    message = f"it {owner}, and this state still holds it; nothing was removed"
    hint = (
        f"remove it from the state that deploys it now; `sovereign-ai down {deployment.target.folder}"
        f"{deployment.target.options} --forget` drops everything from this one, "
        "`sovereign-ai up --adopt` takes it back"
    )
    return Problem("object-of-other-stack", message, Where(field=str(key)), hint)

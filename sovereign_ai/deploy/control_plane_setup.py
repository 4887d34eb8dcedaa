"""Prepare a local control plane for a deployment: guard its policies, assign keys, list its approvers.

The program does this, and not a command, so that a plain `pulumi up` does the same as `sovereign-ai up`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from sovereign_ai.cluster import ClusterDir, guard_policies, record_approvers, released
from sovereign_ai.cluster.api import open_cluster
from sovereign_ai.cluster.backends import local_control_planes
from sovereign_ai.cluster.keys import levels_of, record_levels
from sovereign_ai.deploy.live_objects import ObjectKey, delete
from sovereign_ai.deploy.order import policies_and_bindings
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import Bundle
from sovereign_ai.spec import AIFactory


def prepare_control_plane(factory: AIFactory, plan: Plan, bundle: Bundle, kubeconfig: Path) -> list[str]:
    """Prepare the local control plane of a kubeconfig for a deployment; do nothing for any other cluster.

    Args:
        factory: the description.
        plan: its plan.
        bundle: the objects that are about to be deployed.
        kubeconfig: the cluster's kubeconfig.

    Returns:
        What changed, a line each for a person.

    Raises:
        EnvironmentLacksError: the API server did not accept the guard of the policies, or a key cannot be
            created.
    """
    cluster_dir = _local_cluster_dir(bundle.cluster, kubeconfig)
    if cluster_dir is None:
        return []
    changes = []
    if record_approvers(cluster_dir, factory.name, factory.approvers):
        changes.append("the operator counts approvals by the keys of the new description")
    if record_levels(cluster_dir, levels_of(factory, plan.cluster(bundle.cluster))):
        changes.append("a new trust level has its key")
    if guard_policies(cluster_dir, open_cluster(kubeconfig), bundle.objects):
        changes.append("the admission policies are guarded")
    return changes


def remove_policies(
    cluster: str, kubeconfig: Path, policies: Iterable[ObjectKey], progress: Callable[[str], object]
) -> list[str]:
    """Delete guarded policies and bindings of a local control plane, with the guard open for just that long.

    The engine cannot do it: the moment of its deletions is not known beforehand, so the guard would have to
    be open before the engine has its lock, and would stay open when the engine refuses or is killed.

    Args:
        cluster: the cluster's name in the plan.
        kubeconfig: its kubeconfig.
        policies: the policies and bindings to delete, all of them this stack's.
        progress: called with a line for each of them.

    Returns:
        Names of the deleted objects.

    Raises:
        EnvironmentLacksError: the API server did not accept the guard, open or closed.
        ApiError: the API server refused a deletion.
        UnreachableError: there was no answer.
    """
    cluster_dir = _local_cluster_dir(cluster, kubeconfig)
    listed = sorted(policies)
    if cluster_dir is None or not listed:
        return []
    api = open_cluster(kubeconfig)
    others, bindings = policies_and_bindings(listed, lambda key: key.kind)
    with released(cluster_dir, api):
        for batch in (bindings, others):
            for key in batch:
                progress(f"delete {key}")
            api.many(partial(delete, api, key) for key in batch)
    return [str(key) for key in (*bindings, *others)]


def is_local(cluster: str, kubeconfig: Path) -> bool:
    """Return whether a kubeconfig leads to a local control plane of this user."""
    return _local_cluster_dir(cluster, kubeconfig) is not None


def _local_cluster_dir(cluster: str, kubeconfig: Path) -> ClusterDir | None:
    """Return the state folder of the local control plane that a kubeconfig leads to.

    None for any other cluster.
    """
    for plane in local_control_planes(cluster):
        if kubeconfig.resolve() == plane.kubeconfig.resolve():
            return plane.cluster_dir
    return None

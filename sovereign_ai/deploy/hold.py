"""What a plane of ours must know before it is deployed to: which policies it keeps, and which namespace stands under which key.

It is told by the program and not by a command, so that a plain `pulumi up` does the same as `sovereign-ai up`.
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.cluster.access import open_cluster
from sovereign_ai.cluster.guard import guard, open_guard
from sovereign_ai.cluster.keys.control import follow_plan
from sovereign_ai.cluster.keys.custody import levels_of
from sovereign_ai.cluster.kind.status import folder_of
from sovereign_ai.cluster.state import Place, place
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.bundle import Bundle
from sovereign_ai.spec.factory import AIFactory


def hold(factory: AIFactory, plan: Plan, bundle: Bundle, kubeconfig: Path) -> list[str]:
    """Tell the plane of ours of this kubeconfig what it must keep from now on; nothing on any other cluster.

    Args:
        factory: the description.
        plan: what follows from it.
        bundle: what is about to be deployed.
        kubeconfig: the cluster's kubeconfig.

    Returns:
        What changed, in words.

    Raises:
        EnvironmentLacksError: the API server did not take the guard of the policies, or a key cannot be made.
    """
    where = _ours(bundle.cluster, kubeconfig)
    if where is None:
        return []
    said = []
    if follow_plan(where, levels_of(factory, plan.cluster(bundle.cluster))):
        said.append("a new trust level has its key")
    if guard(where, open_cluster(kubeconfig), bundle.objects):
        said.append("the admission policies are guarded")
    return said


def release(cluster: str, kubeconfig: Path) -> None:
    """Let the policies of a plane of ours be deleted, before all that is ours is removed; nothing on any other cluster.

    Args:
        cluster: the cluster's name in the plan.
        kubeconfig: its kubeconfig.

    Raises:
        EnvironmentLacksError: the API server did not take that.
    """
    where = _ours(cluster, kubeconfig)
    if where is not None:
        open_guard(where, open_cluster(kubeconfig))


def _ours(cluster: str, kubeconfig: Path) -> Place | None:
    """Give the plane of ours that this kubeconfig leads to, embedded or kind."""
    planes = (place(cluster), folder_of(cluster))
    return next((where for where in planes if kubeconfig.resolve() == where.kubeconfig.resolve()), None)

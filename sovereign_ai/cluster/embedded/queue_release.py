"""Release what Kueue holds, once it runs no more.

Kueue's finalizers keep a queue, a flavor or a workload that something still uses. Only Kueue takes them off:
without it, a pool that is renamed or removed would wait for ever.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.queueing import GROUP_VERSION, has_queueing, queue_settings_file
from sovereign_ai.cluster.state import ClusterDir

_PREFIX = "kueue.x-k8s.io/"
_HELD = ("AdmissionCheck", "ClusterQueue", "Cohort", "LocalQueue", "ResourceFlavor", "Topology", "Workload")
"""Kinds that Kueue sets finalizers on."""


def release_without_queueing(cluster_dir: ClusterDir) -> int:
    """Release what Kueue holds in a control plane that it was part of, and is no more.

    Its settings are removed after that, so that a command which was killed before is made up for by the next.

    Args:
        cluster_dir: the folder of the control plane, which runs.

    Returns:
        The number of objects that were released.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    settings = queue_settings_file(cluster_dir)
    if has_queueing(cluster_dir) or not settings.exists():
        return 0
    api = open_cluster(cluster_dir.kubeconfig)
    try:
        released = release(api)
    finally:
        api.close()
    settings.unlink()
    return released


def release(api: Api) -> int:
    """Take Kueue's finalizers off all objects of its kinds; return how many had one.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    held = []
    for objects in api.many(partial(_served, api, kind) for kind in _HELD):
        for obj in objects:
            finalizers = obj["metadata"].get("finalizers") or []
            others = [finalizer for finalizer in finalizers if not finalizer.startswith(_PREFIX)]
            if others != finalizers:
                held.append((obj, others))
    api.many(partial(_set_finalizers, api, obj, others) for obj, others in held)
    return len(held)


def _served(api: Api, kind: str) -> list[dict[str, Any]]:
    """List the objects of a kind; none where the server does not serve it."""
    try:
        return api.list(GROUP_VERSION, kind)
    except ApiError as error:
        if error.reason == "KindUnknown":
            return []
        raise


def _set_finalizers(api: Api, obj: dict[str, Any], finalizers: list[str]) -> None:
    """Set the finalizers of an object, if nobody has changed it since it was read."""
    meta = obj["metadata"]
    change = {"metadata": {"finalizers": finalizers or None, "resourceVersion": meta["resourceVersion"]}}
    try:
        api.patch(obj["apiVersion"], obj["kind"], meta["name"], change, meta.get("namespace"))
    except ApiError as error:
        # It went in the meantime.
        if error.status != 404:
            raise

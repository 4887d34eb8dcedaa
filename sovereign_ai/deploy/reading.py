"""A single snapshot of the cluster for all checks before a deployment.

Ownership, dry runs and comparison read the same objects; with `reading_of` they share one list of each kind.

    reading = reading_of(api, bundle.objects)
    checked = check_preconditions(reading, bundle.objects, deployment)
    try_out(reading, bundle.objects, place)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api, Snapshot
from sovereign_ai.verify import BY_LABEL, OBSERVED, UNREAD, WORKLOADS


def reading_of(api: Api, objects: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Return a snapshot that lists every kind of a comparison once, with its content.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed; their kinds are read beside those that always are.
    """
    kinds = set(OBSERVED)
    for obj in objects:
        kinds.add((str(obj["apiVersion"]), str(obj["kind"])))
    # A cluster that others use too may have many objects of the remaining kinds, so they are listed by label.
    return Snapshot(api, whole=kinds - BY_LABEL - UNREAD - WORKLOADS)


def serves_all(api: Api, objects: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a cluster, or the one in a snapshot, serves the kind of every object."""
    served = {(resource.api_version, resource.kind) for resource in api.kinds()}
    return all((obj["apiVersion"], obj["kind"]) in served for obj in objects)

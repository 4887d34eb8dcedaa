"""Tell deleted objects that Kueue keeps, since planned objects name them, from those that will go.

Somebody deletes a flavour, a topology or an admission check by hand. Kueue keeps it by a finalizer for as
long as anything names it, and works with it as before. Where what names it is planned too, it never goes:
whoever waited for that would wait for ever. So a deployment goes on with it and says so. Once it has gone
after all, as with its queue, the next deployment makes it again.

An object that has to change is no such case: Kueue reads no change of what is being deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of
from sovereign_ai.verify import difference

Object = Mapping[str, Any]
IN_USE = "kueue.x-k8s.io/resource-in-use"
"""The finalizer by which Kueue keeps what is in use: nobody may remove it but Kueue."""
GROUP = "kueue.x-k8s.io"
"""The group whose objects hold each other by finalizers."""


def kept_in_use(
    api: Api, planned: Iterable[Object], live: Mapping[ObjectKey, Metadata]
) -> dict[ObjectKey, ObjectKey]:
    """Return the planned objects that somebody deleted and that Kueue keeps, each with one that names it.

    Args:
        api: the cluster.
        planned: the objects as the stack deploys them.
        live: the metadata of the live objects under planned names.

    Raises:
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    wanted = {key_of(obj): obj for obj in planned}
    going = {key for key, metadata in live.items() if metadata.get("deletionTimestamp")}
    candidates = {key for key in going if live[key].get("finalizers") == [IN_USE]}
    kept: dict[ObjectKey, ObjectKey] = {}
    # A queue keeps its flavour, and that its topology.
    for _ in range(len(candidates)):
        for key in sorted(candidates - kept.keys()):
            for namer in _namers(key, wanted):
                stays = namer in live and (namer not in going or namer in kept)
                if stays and _is_named(api, key, namer) and _is_as_planned(api, wanted[key]):
                    kept[key] = namer
                    break
    return kept


def _namers(key: ObjectKey, wanted: Mapping[ObjectKey, Object]) -> Iterator[ObjectKey]:
    """Yield the planned objects that name another one, sorted."""
    for namer, obj in sorted(wanted.items(), key=lambda item: item[0]):
        if namer.group == GROUP and (key.kind, key.name) in set(_named_by(obj)):
            yield namer


def _named_by(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield the kind and name of each object that one of Kueue's names and keeps."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "ClusterQueue":
        for group in spec.get("resourceGroups") or ():
            for flavour in group["flavors"]:
                yield "ResourceFlavor", flavour["name"]
        for check in (spec.get("admissionChecksStrategy") or {}).get("admissionChecks") or ():
            yield "AdmissionCheck", check["name"]
    elif obj["kind"] == "ResourceFlavor" and "topologyName" in spec:
        yield "Topology", spec["topologyName"]


def _is_named(api: Api, key: ObjectKey, namer: ObjectKey) -> bool:
    """Return whether the live object names it too, and so keeps it."""
    obj = api.get(namer.api_version, namer.kind, namer.name)
    return obj is not None and (key.kind, key.name) in set(_named_by(obj))


def _is_as_planned(api: Api, planned: Object) -> bool:
    """Return whether every planned field of an object is as planned, while it is being deleted."""
    live = api.get(planned["apiVersion"], planned["kind"], planned["metadata"]["name"])
    if live is None:
        return False
    differences = difference.object_differences(planned, live, None)
    # That it is being deleted is a field that nobody planned, as is whatever others have added.
    return all(found.wanted is None for found in differences)

"""What an object carries when it is deployed: one field manager for Pulumi and for us.

Server-side apply remembers who set which field. With one manager name for every resource, and
force, a deployment owns exactly what the bundle states, and a restoring apply is the very same
statement: it changes nothing where nothing was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sovereign_ai.cluster.access import Api

FIELD_MANAGER = "sovereign-ai"
_SYSTEM = frozenset({FIELD_MANAGER, "kube-apiserver", "kube-controller-manager", "kueue-admission"})
_ANNOTATIONS = {"pulumi.com/patchFieldManager": FIELD_MANAGER, "pulumi.com/patchForce": "true"}


def stated(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give the object as it is handed to Pulumi: with the annotations that name our field manager."""
    meta = dict(obj["metadata"])
    meta["annotations"] = {**meta.get("annotations", {}), **_ANNOTATIONS}
    return {**obj, "metadata": meta}


def resource_name(obj: Mapping[str, Any]) -> str:
    """Give the deterministic resource name, `Kind/namespace/name` or `Kind/name`."""
    meta = obj["metadata"]
    return "/".join(part for part in (obj["kind"], meta.get("namespace", ""), meta["name"]) if part)


def restore(
    api: Api, objects: Sequence[Mapping[str, Any]], progress: Callable[[str], None], *, fresh: Collection[str] = frozenset()
) -> list[str]:
    """Put right what somebody else changed in our objects; give the names of those that were changed.

    Pulumi's refresh compares only the shape of what it once sent, so an entry that somebody adds
    to a list (a peer of a NetworkPolicy, a subject of a binding) would stay. Stating the object
    again by server-side apply takes it out. A field that we never stated stays with whoever set it,
    even so; then the object is replaced by what we state.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: takes a line for each object put right.
        fresh: names of objects that were deployed a moment ago and need no second look.

    Raises:
        ApiError: the API server refused one.
    """
    restored = [name for name in api.many([partial(_restore, api, obj) for obj in objects if resource_name(obj) not in fresh]) if name]
    for name in restored:
        progress(f"restored {name}")
    return sorted(restored)


def _restore(api: Api, obj: Mapping[str, Any]) -> str:
    """State one object again; give its name if that changed it."""
    meta = obj["metadata"]
    before = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    after = api.apply(stated(obj), field_manager=FIELD_MANAGER, force=True)
    if _foreign(after):
        after = api.replace(_ours_alone(obj, after), field_manager=FIELD_MANAGER)
    return "" if before is not None and _content(before) == _content(after) else resource_name(obj)


def _foreign(live: Mapping[str, Any]) -> bool:
    """Tell whether somebody else set a field of the object itself, beyond its metadata and status."""
    return any(
        entry["manager"] not in _SYSTEM and "subresource" not in entry and set(entry.get("fieldsV1", {})) - {"f:metadata", "f:status"}
        for entry in live["metadata"].get("managedFields", ())
    )


def _ours_alone(obj: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Give the object with nothing but what we state: what we do not state goes, and with it who set it."""
    kept = {key: live["metadata"][key] for key in ("uid", "resourceVersion", "finalizers", "ownerReferences") if key in live["metadata"]}
    fields = [entry for entry in live["metadata"].get("managedFields", ()) if entry["manager"] in _SYSTEM or "subresource" in entry]
    whole = stated(obj)
    return {**whole, "metadata": {**whole["metadata"], **kept, "managedFields": fields}}


def _content(live: Mapping[str, Any]) -> dict[str, Any]:
    """Give what an object says, without who said it, when, and what the server thinks of it."""
    meta = {key: value for key, value in live["metadata"].items() if key not in {"managedFields", "resourceVersion", "generation"}}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": meta}

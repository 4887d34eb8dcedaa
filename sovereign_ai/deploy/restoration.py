"""Revert changes that others made to this stack's objects, without the engine.

Applying an object once more by server-side apply takes back what somebody changed in a field of the bundle. A
field that the bundle never had stays with its manager: such an object is replaced as a whole. Where the field
cannot be changed any more, as an entry of a StorageClass's parameters, the object is deleted and made again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, retry_on_conflict, unless_gone
from sovereign_ai.deploy.live.ownership import KEEPS_DATA
from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.objects import (
    CONTROLLERS,
    FIELD_MANAGER,
    is_certificate,
    resource_name,
    stated,
    with_certificates,
)
from sovereign_ai.deploy.removal.replacement import is_valid
from sovereign_ai.deploy.removal.termination import wait_until_gone
from sovereign_ai.errors import DeploymentError, Problem, Where
from sovereign_ai.verify import UNREAD

Progress = Callable[[str], object]
_INVALID = 422
_NEVER_MADE_AGAIN = KEEPS_DATA | {("apiextensions.k8s.io", "CustomResourceDefinition")}
"""Kinds, each with its group, whose objects take others with them."""


def restore(
    api: Api,
    objects: Sequence[Mapping[str, Any]],
    progress: Progress,
    *,
    fresh: Collection[str] = frozenset(),
) -> list[str]:
    """Revert what somebody else changed in some objects; return the names of those that were changed.

    Pulumi's refresh compares only the shape of what it once sent, so an entry that somebody adds to a list (a
    peer of a NetworkPolicy, a subject of a binding) would stay. Applying the object once more by server-side
    apply removes it. A field that the bundle never had still stays with its manager; such an object is
    replaced as a whole.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: called with a line for each object that was restored.
        fresh: names of objects that were deployed a moment ago, and are skipped.

    Raises:
        ApiError: the API server refused one.
    """
    calls = [partial(_restore, api, obj, progress) for obj in objects if resource_name(obj) not in fresh]
    restored = []
    for name in api.many(calls):
        if name:
            restored.append(name)
            progress(f"restored {name}")
    return sorted(restored)


def _restore(api: Api, obj: Mapping[str, Any], progress: Progress) -> str:
    """Apply one object once more; return its name if that changed it, else an empty text."""
    meta = obj["metadata"]
    before = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    # Its controller may write the status at any time, also between the two writes.
    uid = before["metadata"].get("uid") if before else None
    after = retry_on_conflict(partial(_applied, api, obj, uid, progress))
    is_same = before is not None and _content(before) == _content(after)
    return "" if is_same else resource_name(obj)


def _applied(api: Api, obj: Mapping[str, Any], uid: str | None, progress: Progress) -> dict[str, Any]:
    """Apply an object, replace it where that leaves fields of others, and return it as it is then.

    Args:
        api: the cluster.
        obj: the object as it is described.
        uid: of the live one whose owner is known; None where there was none.
        progress: called with a line where it is made again.

    Raises:
        DeploymentError: somebody made it again, so that whose it is has to be decided anew; or something
            holds what has to be made again.
        ApiError: the API server refused; with a conflict where the object changed since it was read.
    """
    meta = obj["metadata"]
    live = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    if live is not None and live["metadata"].get("uid") != uid:
        message = "somebody made it again while it was put back; it stays as it is"
        hint = "run the command again, which decides first whose it is"
        raise DeploymentError(Problem("api-conflict", message, Where(field=resource_name(obj)), hint))
    whole = stated(obj)
    if live is not None and uid:
        # With it, the server neither writes another one of the name nor makes a new one.
        whole["metadata"]["uid"] = uid
    after = api.apply(whole, field_manager=FIELD_MANAGER, force=True)
    # What an empty secret holds is its controller's.
    if (obj["apiVersion"], obj["kind"]) in UNREAD or not _has_foreign_field(after):
        return after
    whole = _without_foreign_fields(obj, after)
    try:
        replaced = unless_gone(partial(api.replace, whole, field_manager=FIELD_MANAGER))
    except ApiError as error:
        if error.status != _INVALID or not _may_be_made_again(api, obj):
            raise
        key = key_of(obj)
        progress(f"replace {key}: a field that somebody set cannot be taken back")
        its_uid = after["metadata"].get("uid", "")
        api.delete(key.api_version, key.kind, key.name, key.namespace or None, uid=its_uid)
        wait_until_gone(api, [key], progress)
        replaced = None
    # A new one has no fields of others.
    return replaced or api.apply(stated(obj), field_manager=FIELD_MANAGER, force=True)


def _may_be_made_again(api: Api, obj: Mapping[str, Any]) -> bool:
    """Return whether an object may be deleted and made again: it takes nothing with it, and is valid."""
    key = key_of(obj)
    return (key.group, key.kind) not in _NEVER_MADE_AGAIN and is_valid(api, obj)


def _is_kept(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of `managedFields` is a controller's, or what this tool applied.

    Anybody can use this tool's name, which applies and does not update.
    """
    is_applied = entry["manager"] != FIELD_MANAGER or entry.get("operation") == "Apply"
    return "subresource" in entry or (entry["manager"] in CONTROLLERS and is_applied)


def _has_foreign_field(live: Mapping[str, Any]) -> bool:
    """Return whether somebody else set a field of the object itself, beyond its metadata and status."""
    for entry in live["metadata"].get("managedFields", ()):
        fields = set(entry.get("fieldsV1", {})) - {"f:metadata", "f:status"}
        if fields and not _is_kept(entry) and not is_certificate(entry):
            return True
    return False


def _without_foreign_fields(obj: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object for a replacement that drops all fields of others, and their field managers."""
    whole = with_certificates(stated(obj), live)
    meta = whole["metadata"]
    # With the resourceVersion the server refuses the replacement if the object changed meanwhile.
    for key in ("uid", "resourceVersion", "finalizers", "ownerReferences"):
        if key in live["metadata"]:
            meta[key] = live["metadata"][key]
    meta["managedFields"] = list(filter(_is_kept, live["metadata"].get("managedFields", ())))
    return whole


def _content(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's content, without its status and what each write changes."""
    content = dict(live)
    content.pop("status", None)
    meta = dict(live["metadata"])
    for key in ("managedFields", "resourceVersion", "generation"):
        meta.pop(key, None)
    content["metadata"] = meta
    return content

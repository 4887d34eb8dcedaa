"""Recreate objects of which the API server refuses to change a field.

The server decides which fields are immutable: if it refuses an update in a dry run, and would accept the
object under another name, then it refuses because of the object's current content. Such an object is deleted
and applied at once, when the admission policies that judge the new one are in force, so that it is missing
for milliseconds. The engine then finds it in its new form. Objects that hold the data of others are recreated
only if that was allowed by name.

    keys = must_be_replaced(api, objects, live, held)     # dry runs alone
    replace(api, [obj for obj in objects if key_of(obj) in keys], progress)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, list_if_served
from sovereign_ai.deploy.dry_run import another_name, states
from sovereign_ai.deploy.live.owned_fields import gives_up
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of
from sovereign_ai.deploy.objects import FIELD_MANAGER, stated
from sovereign_ai.deploy.removal.termination import WAIT_SECONDS, wait_until_gone
from sovereign_ai.deploy.state.objects import Held
from sovereign_ai.names import KEYS
from sovereign_ai.verify import UNREAD

Object = Mapping[str, Any]
_FORBIDDEN, _CONFLICT, _INVALID = 403, 409, 422


def must_be_replaced(
    api: Api,
    objects: Iterable[Object],
    live: Mapping[ObjectKey, Metadata],
    held: Held | None,
) -> list[ObjectKey]:
    """Return the objects that the API server does not accept as an update.

    An immutable field differs only where the description changed, or where somebody recreated the object. All
    other objects are as the state has them, and are not tried.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed, all of them this stack's.
        live: the metadata of those objects that exist.
        held: the objects in the stack's state; None where it cannot be read.

    Raises:
        ApiError: the server failed, or is overloaded.
        UnreachableError: there was no answer.
    """
    known = held or {}
    differing = []
    for obj in objects:
        key = key_of(obj)
        if key not in live:
            continue
        item = known.get(key)
        if item is None or item.uid != live[key].get("uid") or dict(item.inputs) != stated(obj):
            differing.append(obj)
    suspects = _changed(api, differing)
    refused = api.many(partial(_refuses_change, api, obj) for obj in suspects)
    keys = []
    for obj, is_refused in zip(suspects, refused, strict=True):
        if is_refused:
            keys.append(key_of(obj))
    return sorted(keys)


def _changed(api: Api, objects: Sequence[Object]) -> list[Object]:
    """Return those of some live objects that lack something of their new form, or give up something.

    A dry run of an admission policy costs the API server as much as a write: it compiles every expression. A
    command has just applied the policies when the program of its engine comes here.
    """
    contents: dict[ObjectKey, Object] = {}
    for version, kind in sorted({(obj["apiVersion"], obj["kind"]) for obj in objects}):
        is_unread = (version, kind) in UNREAD
        for item in list_if_served(api, version, kind, KEYS.owner, metadata_only=is_unread):
            contents[key_of(item)] = item
    changed = []
    for obj in objects:
        content, wanted = contents.get(key_of(obj)), stated(obj)
        if not states(content, wanted) or gives_up(wanted, content):
            changed.append(obj)
    return changed


def replace(
    api: Api,
    objects: Iterable[Object],
    progress: Callable[[str], object],
    wait_seconds: float = WAIT_SECONDS,
) -> list[str]:
    """Delete objects and apply them at once.

    Args:
        api: the cluster.
        objects: the objects in their new form.
        progress: called with a line for each object, and for each finalizer that holds one.
        wait_seconds: how long to wait for an object that something holds.

    Returns:
        Their names, sorted.

    Raises:
        DeploymentError: something holds an object, with its finalizer and who set it.
        ApiError: the API server refused a deletion or a creation.
        UnreachableError: there was no answer.
    """
    listed = sorted(objects, key=key_of)
    # One after the other, so that each is missing for milliseconds only.
    for obj in listed:
        key = key_of(obj)
        progress(f"replace {key}: a field of it cannot be changed")
        api.delete(key.api_version, key.kind, key.name, key.namespace or None)
        wait_until_gone(api, [key], progress, wait_seconds)
        api.apply(stated(obj), field_manager=FIELD_MANAGER, force=True)
    return [str(key_of(obj)) for obj in listed]


def _refuses_change(api: Api, obj: Object) -> bool:
    """Return whether the API server refuses a change of a live object that it would accept as a new one."""
    try:
        api.apply(stated(obj), field_manager=FIELD_MANAGER, force=True, dry_run=True)
    except ApiError as error:
        return error.status == _INVALID and is_valid(api, obj)
    return False


def is_valid(api: Api, obj: Object) -> bool:
    """Return whether the API server would accept an object under another name."""
    meta = obj["metadata"]
    another = {**obj, "metadata": {**meta, "name": another_name(meta["name"])}}
    try:
        api.create(another, dry_run=True)
    except ApiError as error:
        # The server validates before it calls admission: a policy's refusal proves that the object is valid.
        return error.status in {_FORBIDDEN, _CONFLICT}
    return True

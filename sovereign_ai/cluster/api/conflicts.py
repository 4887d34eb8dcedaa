"""Write an object on the version that was read, and once more where another client changed it in between.

A write that names a resourceVersion never overwrites what somebody did in the meantime. On a cluster that
lives, controllers write all the time, so a conflict of versions is no error of anybody: the object is read
again, and decided on again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sovereign_ai.cluster.api.deadlines import pause
from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.cluster.api.optional_kinds import is_unserved

if TYPE_CHECKING:
    from sovereign_ai.cluster.api.client import Api

T = TypeVar("T")
_NOT_FOUND, _CONFLICT = 404, 409
_MOST, _FIRST_SECONDS, _GROWTH = 10, 0.01, 2.0


def is_outdated(error: ApiError) -> bool:
    """Return whether a server refused a write because the object has another version than the one named.

    A field of another manager is a conflict with causes, and an object that exists has a reason of its own:
    neither goes away by reading once more.

    >>> from sovereign_ai.cluster.api.errors import refusal
    >>> is_outdated(refusal("PUT", "/api/v1/nodes/n1", 409, {"reason": "Conflict"}))
    True
    >>> is_outdated(refusal("POST", "/api/v1/nodes", 409, {"reason": "AlreadyExists"}))
    False
    """
    return error.status == _CONFLICT and error.reason == "Conflict" and not error.causes


def unless_gone(write: Callable[[], T]) -> T | None:
    """Return what a write to an object returns that exists; None where the object is there no more.

    That is so too where its kind went with its definition. Not for what creates an object: there a 404 is
    about the namespace.

    Raises:
        ApiError: the server refused for another reason.
        StoppedError: the call was stopped.
        UnreachableError: there was no answer.
    """
    try:
        return write()
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return None


def delete_as_read(api: Api, api_version: str, kind: str, metadata: Mapping[str, Any]) -> bool:
    """Delete an object that was read before; return False where it is there no more.

    That is so too where another one has its name by now, which stays, and where its kind went with its
    definition.

    Args:
        api: the cluster.
        api_version: `v1` or `group/version`.
        kind: such as `ResourceSlice`.
        metadata: the object's, as it was read; one without a UID is whichever has the name.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    name, namespace, uid = metadata["name"], metadata.get("namespace"), metadata.get("uid") or ""
    try:
        return api.delete(api_version, kind, name, namespace or None, uid=uid)
    except ApiError as error:
        if not is_unserved(api, error, api_version, kind):
            raise
        return False


def patch_as_read(
    api: Api, api_version: str, kind: str, metadata: Mapping[str, Any], change: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Merge a change into an object that was read before; return None where it is there no more.

    That is so too where another one has its name by now, which stays as it is.

    Args:
        api: the cluster.
        api_version: `v1` or `group/version`.
        kind: such as `ResourceSlice`.
        metadata: the object's, as it was read; one without a UID is whichever has the name.
        change: what is merged; a resourceVersion in it is insisted on too.

    Raises:
        ApiError: the server refused; with a conflict where the object has another version.
        UnreachableError: there was no answer.
    """
    name, namespace, uid = metadata["name"], metadata.get("namespace") or None, metadata.get("uid")
    requires = {"uid": uid} if uid else {}
    whole = {**change, "metadata": {**change.get("metadata", {}), **requires}}
    try:
        return api.patch(api_version, kind, name, whole, namespace)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        if not uid or error.status != _CONFLICT:
            raise
        live = api.get(api_version, kind, name, namespace)
        if live is not None and live["metadata"].get("uid") == uid:
            raise
        return None


def retry_on_conflict(attempt: Callable[[], T]) -> T:
    """Return what a function returns that reads an object and writes it; up to ten times on conflicts.

    Args:
        attempt: reads, decides and writes; nothing that it read before a conflict may be used again.

    Raises:
        ApiError: the server refused for another reason, or the object changed each time.
        StoppedError: the call was stopped.
        UnreachableError: there was no answer.
    """
    seconds = _FIRST_SECONDS
    for _ in range(_MOST - 1):
        try:
            return attempt()
        except ApiError as error:
            if not is_outdated(error):
                raise
        pause(seconds)
        seconds *= _GROWTH
    return attempt()

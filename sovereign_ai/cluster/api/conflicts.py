"""Write an object on the version that was read, and once more where another client changed it in between.

A write that names a resourceVersion never overwrites what somebody did in the meantime. On a cluster that
lives, controllers write all the time, so a conflict of versions is no error of anybody: the object is read
again, and decided on again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sovereign_ai.cluster.api.deadlines import pause
from sovereign_ai.cluster.api.errors import ApiError

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

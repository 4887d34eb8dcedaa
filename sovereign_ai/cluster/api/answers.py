"""Check that an answer has the form that only an API server gives: a Kubernetes object, or a list of objects.

A portal's page, JSON of another service, or a truncated answer that happens to be JSON does not mean that
there are no objects. So an answer that is no list of objects is never read as an empty list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.cluster.api.errors import UnreachableError
from sovereign_ai.errors import Problem, Where


def items_of(server: str, path: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a list, or of one page of it.

    Args:
        server: the server's URL.
        path: the path of the request.
        answer: the decoded answer.

    Raises:
        UnreachableError: it is no list of objects.
    """
    if "items" not in answer:
        raise not_an_api_server(server, path, "no list")
    # Go writes an empty list as null in places.
    items = [] if answer["items"] is None else answer["items"]
    if not isinstance(items, list) or not all(map(_is_object, items)):
        raise not_an_api_server(server, path, "no list of objects")
    return items


def require_object(server: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that is an object.

    Args:
        server: the server's URL.
        path: the path of the request.
        answer: the decoded answer.

    Raises:
        UnreachableError: it is none.
    """
    if not _is_object(answer):
        raise not_an_api_server(server, path, "no object")
    return answer


def not_an_api_server(server: str, path: str, what: str, *, sent: bool = False) -> UnreachableError:
    """Return the error that another server answers, or that a proxy changed the API server's answer.

    Args:
        server: the server's URL.
        path: the path of the request.
        what: what the answer holds instead.
        sent: whether the request may have been carried out.
    """
    message = f"{server} answers {path} with {what}, as no API server does"
    hint = "look for a proxy or a portal on the way, and at the server's address in the kubeconfig"
    return UnreachableError(Problem("api-garbled", message, Where(field=path), hint), sent=sent)


def contains_fields(live: object, stated: object) -> bool:
    """Return whether an object has all that is stated; what the server adds, such as defaults, is ignored.

    Lists of mappings may have further entries, since the server adds some, such as the taint of a node that
    is not ready.

    >>> live = {"metadata": {"name": "a", "uid": "1"}, "data": {"k": "v"}}
    >>> contains_fields(live, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    True
    >>> contains_fields({"data": {"k": "other"}}, {"data": {"k": "v"}})
    False
    """
    if isinstance(stated, Mapping):
        if not isinstance(live, Mapping):
            return not stated and live is None
        return all(contains_fields(live.get(key), value) for key, value in stated.items())
    if isinstance(stated, Sequence) and not isinstance(stated, str):
        return _holds_all(live, stated)
    return live == stated


def _holds_all(live: object, stated: Sequence[object]) -> bool:
    """Return whether a list has every entry that is stated, in its order."""
    if not isinstance(live, Sequence) or isinstance(live, str):
        return not stated and live is None
    if not all(isinstance(value, Mapping) for value in stated):
        return list(live) == list(stated)
    # One pass over the live list: an entry that matched, or was passed over, cannot match a later stated one.
    entries = iter(live)
    return all(_advance_to(entries, value) for value in stated)


def _advance_to(entries: Iterator[object], stated: object) -> bool:
    """Consume entries up to one that has all that is stated; return whether there is one."""
    return any(contains_fields(entry, stated) for entry in entries)


def _is_object(value: object) -> bool:
    """Return whether a value is a Kubernetes object: a mapping with metadata, and with a name in it."""
    if not isinstance(value, Mapping):
        return False
    metadata = value.get("metadata")
    return isinstance(metadata, Mapping) and bool(metadata.get("name"))

"""A snapshot of a cluster for several checks in sequence: each kind is listed once, then read from memory.

The checks before a deployment read the same objects in different ways: by name, by label, with and without
content. Each list of a thousand objects costs the API server and this process more than the rest of a check.

    snapshot = Snapshot(api, whole=[("v1", "Namespace")])
    snapshot.list("v1", "Namespace", metadata_only=True)      # sends a request
    snapshot.get("v1", "Namespace", "research")               # does not

A snapshot is as old as its first answers, so it is for checks that follow each other at once. A write through
it clears it.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.discovery import Resource
from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.cluster.api.transport import JSON, Effect

Kind = tuple[str, str]
Query = tuple[str, str, str | None, str | None, bool]
_ABSENT = 404
_OTHER_OPERATORS = frozenset("!()=<>")
"""Characters of selectors beyond a list of `key` and `key=value`; these are left to the server."""


class Snapshot(Api):
    """A cluster as it was at the first request for each kind.

    Attributes:
        api: the cluster itself.
    """

    def __init__(self, api: Api, whole: Iterable[Kind] = ()) -> None:
        """Read nothing yet.

        Args:
            api: the cluster.
            whole: apiVersion and kind of objects that are needed with their content and in all namespaces: a
                list of a part of them reads all of them, once.
        """
        self.api = api
        self._wanted = frozenset(whole)
        self._guard = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._lists: dict[Query, builtins.list[dict[str, Any]] | ApiError] = {}
        self._served: tuple[Resource, ...] | None = None

    @property
    def server(self) -> str:
        """The server's URL."""
        return self.api.server

    @property
    def identity_words(self) -> str:
        """The identity in words, without a secret."""
        return self.api.identity_words

    def forget(self) -> None:
        """Clear the snapshot, so that the next call sends a request."""
        with self._guard:
            self._lists, self._served = {}, None

    def kinds(self) -> tuple[Resource, ...]:
        """Return the kinds that the server served at the first call."""
        with self._lock("kinds"):
            if self._served is None:
                self._served = self.api.kinds()
            return self._served

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,
    ) -> builtins.list[dict[str, Any]]:
        """List objects as `Api.list` does; an answer may hold more than the requested metadata.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        wanted = _labels(label_selector)
        if (api_version, kind) not in self._wanted or wanted is None:
            return self._once((api_version, kind, namespace, label_selector, metadata_only))
        everything = self._once((api_version, kind, None, None, False))
        return [item for item in everything if _matches(item["metadata"], namespace, wanted)]

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        """Return one object; None only where the server reports, or has reported, that it does not exist.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        if (api_version, kind) not in self._wanted:
            return self.api.get(api_version, kind, name, namespace)
        everything = self._once((api_version, kind, None, None, False))
        for item in everything:
            if item["metadata"]["name"] == name and _matches(item["metadata"], namespace, {}):
                return item
        return None

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        *,
        effect: Effect | None = None,
    ) -> dict[str, Any]:
        """Send one request to the cluster, as `Api.request` does."""
        if method != "GET":
            self.forget()
        return self.api.request(method, path, body, query, content_type, effect=effect)

    def create(
        self, obj: Mapping[str, Any], dry_run: bool = False, *, upsert: bool = False
    ) -> dict[str, Any]:
        """Create an object, as `Api.create` does."""
        if dry_run:
            return self.api.create(obj, dry_run=True)
        self.forget()
        return self.api.create(obj, upsert=upsert)

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, **how: Any) -> dict[str, Any]:
        """Apply an object on the server's side, as `Api.apply` does."""
        if not dry_run:
            self.forget()
        return self.api.apply(obj, dry_run=dry_run, **how)

    def replace(self, obj: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """Replace an object, as `Api.replace` does."""
        self.forget()
        return self.api.replace(obj, **how)

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        """Merge a change into an object, as `Api.patch` does."""
        self.forget()
        return self.api.patch(api_version, kind, name, change, namespace)

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Merge an object's status, as `Api.update_status` does."""
        self.forget()
        return self.api.update_status(obj)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        *,
        uid: str = "",
        dry_run: bool = False,
    ) -> bool:
        """Delete an object, as `Api.delete` does."""
        if not dry_run:
            self.forget()
        return self.api.delete(api_version, kind, name, namespace, propagation, uid=uid, dry_run=dry_run)

    def delete_all(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        label_selector: str,
        propagation: str = "Background",
    ) -> None:
        """Delete the objects that a selector chooses, as `Api.delete_all` does."""
        self.forget()
        self.api.delete_all(api_version, kind, namespace, label_selector, propagation)

    def version(self) -> str:
        """Return the server's version."""
        return self.api.version()

    def close(self) -> None:
        """Close idle connections."""
        self.api.close()

    def _once(self, query: Query) -> builtins.list[dict[str, Any]]:
        """Return the answer to one list request, which is sent once for all threads."""
        with self._lock(query):
            if query not in self._lists:
                self._lists[query] = self._fetch(query)
            answer = self._lists[query]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def _fetch(self, query: Query) -> builtins.list[dict[str, Any]] | ApiError:
        """Send a list request; a kind that is not served is an answer too, other refusals are errors."""
        api_version, kind, namespace, label_selector, metadata_only = query
        try:
            return self.api.list(api_version, kind, namespace, label_selector, metadata_only=metadata_only)
        except ApiError as error:
            if error.status != _ABSENT:
                raise
            # A definition may have gone since the kinds were read: whoever asks about it is to learn that.
            self._served = None
            return error

    def _lock(self, what: object) -> threading.Lock:
        """Return the lock of one request, so that different requests do not wait for each other."""
        with self._guard:
            return self._locks.setdefault(what, threading.Lock())


def _labels(selector: str | None) -> dict[str, str | None] | None:
    """Return the labels that a selector requires, None for any value; None where only the server can decide.

    >>> _labels("app=web,tier"), _labels("app!=web"), _labels(None)
    ({'app': 'web', 'tier': None}, None, {})
    """
    wanted: dict[str, str | None] = {}
    for part in selector.split(",") if selector else ():
        key, is_equal, value = part.partition("=")
        if _OTHER_OPERATORS & set(f"{key}{value}") or " " in part:
            return None
        wanted[key] = value if is_equal else None
    return wanted


def _matches(metadata: Mapping[str, Any], namespace: str | None, wanted: Mapping[str, str | None]) -> bool:
    """Return whether an object is in a namespace, or anywhere, and has the required labels."""
    if namespace and metadata.get("namespace") != namespace:
        return False
    labels = metadata.get("labels") or {}
    return all(key in labels and value in {None, labels[key]} for key, value in wanted.items())

"""Read the metadata of live objects under given names, without their content.

A stack is compared with a cluster by name, label, uid and field manager alone. The API server sends just
these (`PartialObjectMetadata`), so that a thousand objects cost a few requests and no secret is read.

    keys = [key_of(obj) for obj in bundle.objects]
    live = read_live(api, keys)     # an object that does not exist has no entry
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, Resource, delete_as_read, is_unserved

Metadata = Mapping[str, Any]

_MOST_NAMESPACES = 20
"""Up to this many namespaces a kind is listed in each of them.

Beyond, one list of all namespaces is cheaper.
"""
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The identity of an object within one cluster.

    Attributes:
        group: the API group; empty for the core group.
        kind: such as `Namespace`.
        namespace: empty for kinds outside namespaces.
        name: the object's name.
        version: the API version in which it is read; no part of its identity.
        uid: of the object that was read under this key; empty for one that is only planned or recorded.
    """

    group: str
    kind: str
    namespace: str
    name: str
    version: str = field(default="v1", compare=False)
    uid: str = field(default="", compare=False, repr=False)

    @property
    def api_version(self) -> str:
        """The apiVersion, `v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """Return `Kind/namespace/name` or `Kind/name`, the name of the stack's resource."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


def key_of(obj: Mapping[str, Any]) -> ObjectKey:
    """Return the key of an object in its YAML form."""
    group, _, version = obj["apiVersion"].rpartition("/")
    meta = obj["metadata"]
    uid = str(meta.get("uid") or "")
    return ObjectKey(group, obj["kind"], meta.get("namespace") or "", meta["name"], version, uid)


def delete(api: Api, key: ObjectKey) -> bool:
    """Delete one object, and return False if it does not exist, or is another one by now.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    metadata = {"name": key.name, "namespace": key.namespace, "uid": key.uid}
    return delete_as_read(api, key.api_version, key.kind, metadata)


def read_live(api: Api, keys: Iterable[ObjectKey]) -> dict[ObjectKey, Metadata]:
    """Read the metadata of those of some objects that exist.

    Args:
        api: the cluster.
        keys: which objects.

    Returns:
        The metadata by key. An object without an entry does not exist: the server answered each list, or
        does not serve the kind.

    Raises:
        ApiError: the server refused a list.
        UnreachableError: there was no answer.
    """
    wanted = set(keys)
    namespaces: dict[tuple[str, str], set[str]] = {}
    for key in wanted:
        namespaces.setdefault((key.api_version, key.kind), set()).add(key.namespace)
    calls = []
    for (version, kind), spaces in sorted(namespaces.items()):
        scopes: Sequence[str | None] = sorted(spaces)
        if spaces == {""} or len(spaces) > _MOST_NAMESPACES:
            scopes = [None]
        for scope in scopes:
            call = partial(list_metadata, api, version, kind, scope)
            calls.append(call)
    live: dict[ObjectKey, Metadata] = {}
    for items in api.many(calls):
        for item in items:
            key = key_of(item)
            if key in wanted:
                live[key] = item["metadata"]
    return live


def list_inside(api: Api, kinds: Iterable[Resource], namespaces: Collection[str]) -> list[dict[str, Any]]:
    """Return all objects of some kinds in some namespaces, by their metadata.

    For many namespaces each kind is listed once: a server has about a hundred kinds, and a list in each of a
    hundred namespaces keeps it busy for longer than their deletion does.

    Args:
        api: the cluster.
        kinds: namespaced kinds; a kind that is served under several versions is listed in one of them.
        namespaces: their names.

    Raises:
        ApiError: the server refused a list.
        UnreachableError: there was no answer.
    """
    wanted = frozenset(namespaces)
    by_group = {(kind.api_version.rpartition("/")[0], kind.kind): kind for kind in kinds}
    objects: list[dict[str, Any]] = []
    for items in api.many(partial(_list_in, api, kind, wanted) for kind in by_group.values()):
        objects += items
    return objects


def _list_in(api: Api, kind: Resource, namespaces: frozenset[str]) -> list[dict[str, Any]]:
    """Return the objects of one kind in some namespaces."""
    if len(namespaces) > _MOST_NAMESPACES:
        try:
            everywhere = list_metadata(api, kind.api_version, kind.kind)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            # An identity that may not list a kind everywhere may still list it in each of these namespaces.
        else:
            return [item for item in everywhere if item["metadata"].get("namespace") in namespaces]
    objects: list[dict[str, Any]] = []
    for name in sorted(namespaces):
        objects += list_metadata(api, kind.api_version, kind.kind, name)
    return objects


def list_metadata(
    api: Api,
    api_version: str,
    kind: str,
    namespace: str | None = None,
    selector: str | None = None,
) -> list[dict[str, Any]]:
    """Return the objects of a kind by their metadata alone; none where the server does not serve the kind.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    try:
        return api.list(api_version, kind, namespace, selector, metadata_only=True)
    except ApiError as error:
        # Such as a kind whose CustomResourceDefinition is not installed yet, or goes at this moment.
        if is_unserved(api, error, api_version, kind):
            return []
        raise

"""Read a cluster for a verdict: list every kind that matters, once.

    observed = observe(api, factory, bundle.objects)
    observed.of("rbac.authorization.k8s.io/v1", "RoleBinding")

Kinds of which users create many objects (ConfigMaps) are listed by the stack's labels; a wanted object that
lost its label is then read by name. A kind that the server does not serve has no objects and is named in
`unserved`. An unreachable server or a missing permission raises an error: neither means that nothing is
there. Where workloads are wanted, the kinds that lead from a pod to a workload are read too; of those that
are not wanted themselves, no more than the metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, is_unserved
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.kinds import BY_LABEL, OBSERVED, OWNERS, UNREAD, Kind

Object = Mapping[str, Any]
_CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@frozen_dataclass
class Observed:
    """A cluster as it was observed.

    Attributes:
        factory: the factory's name.
        objects: (apiVersion, kind) to its objects, sorted by namespace and name.
        unserved: kinds that the server does not serve.
        schemas: (apiVersion, kind) of custom resources to their schema, which holds their defaults.
        requests: the number of requests, where all pages of a list count as one.
        observed_at: when the reading began, UTC; no part of any digest.
    """

    factory: str
    objects: Mapping[Kind, tuple[Object, ...]]
    unserved: tuple[Kind, ...]
    schemas: Mapping[Kind, Object]
    requests: int
    observed_at: datetime

    def of(self, api_version: str, kind: str) -> tuple[Object, ...]:
        """Return the objects of one kind; none where it was not observed or is not served."""
        return self.objects.get((api_version, kind), ())

    def named(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object; None if it was not observed."""
        for obj in self.of(api_version, kind):
            if obj["metadata"]["name"] == name and obj["metadata"].get("namespace", "") == namespace:
                return obj
        return None


def observe(api: Api, factory: AIFactory, wanted: Iterable[Object] = ()) -> Observed:
    """Read a cluster.

    Args:
        api: the cluster.
        factory: the factory whose objects are read, where a kind is listed by label.
        wanted: objects whose kinds are read in addition to `OBSERVED`.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    return observe_kinds(api, factory, list(wanted), OBSERVED)


def observe_kinds(
    api: Api, factory: AIFactory, wanted_objects: Sequence[Object], observed: Sequence[Kind]
) -> Observed:
    """Read some kinds of a cluster, and those of wanted objects.

    Args:
        api: the cluster.
        factory: the factory whose objects are read, where a kind is listed by label.
        wanted_objects: objects whose kinds are read in addition.
        observed: the kinds that are read.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    began = datetime.now(UTC).replace(microsecond=0)
    compared = {*observed, *map(_kind, wanted_objects)}
    kinds = sorted(compared | _owners(wanted_objects))
    # The definitions of custom resources are read too: their schemas hold the defaults that the server adds.
    requested = sorted({_CRD, *kinds})
    unread = UNREAD | (set(OWNERS) - compared)
    answers = api.many([partial(_list_kind, api, kind, factory.name, unread) for kind in requested])
    listed = dict(zip(requested, answers, strict=True))
    objects = {}
    for kind in kinds:
        answer = listed[kind]
        if answer is not None:
            objects[kind] = list(answer)
    unlabelled = []
    for obj in wanted_objects:
        kind = _kind(obj)
        if kind in BY_LABEL and not _contains(objects.get(kind, []), obj):
            unlabelled.append(obj)
    for live in api.many([partial(_read_by_name, api, obj) for obj in unlabelled]):
        if live is not None:
            objects[_kind(live)].append(live)
    sorted_objects: dict[Kind, tuple[Object, ...]] = {}
    for kind, live_objects in objects.items():
        # The server sorts by key in etcd, and objects read by name came last: findings need one order.
        sorted_objects[kind] = tuple(sorted(live_objects, key=_namespace_and_name))
    return Observed(
        factory=factory.name,
        objects=sorted_objects,
        unserved=tuple(kind for kind in kinds if listed[kind] is None),
        schemas=_schemas(listed[_CRD] or []),
        requests=len(requested) + len(unlabelled),
        observed_at=began,
    )


def examples(wanted: Iterable[Object]) -> list[dict[str, str]]:
    """Return one object of each kind that `observe` lists, without its content.

    Args:
        wanted: objects whose kinds are read in addition to `OBSERVED`.
    """
    wanted_objects = list(wanted)
    kinds = {*OBSERVED, *map(_kind, wanted_objects), *_owners(wanted_objects), _CRD}
    return [{"apiVersion": version, "kind": kind} for version, kind in sorted(kinds)]


def _owners(wanted: Iterable[Object]) -> frozenset[Kind]:
    """Return the kinds that lead from a pod to a wanted workload; none where no workload is wanted."""
    return frozenset(OWNERS) if any(_kind(obj) in OWNERS for obj in wanted) else frozenset()


def _list_kind(api: Api, kind: Kind, factory: str, unread: Collection[Kind]) -> list[dict[str, Any]] | None:
    """List one kind; return None if the server does not serve it."""
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}" if kind in BY_LABEL else None
    try:
        return api.list(*kind, label_selector=selector, metadata_only=kind in unread)
    except ApiError as error:
        # Any other refusal is an error: a kind that may not be listed is not a kind without objects.
        if is_unserved(api, error, *kind):
            return None
        raise


def _read_by_name(api: Api, obj: Object) -> dict[str, Any] | None:
    """Read a wanted object that no list by label returned; return None if it does not exist."""
    metadata = obj["metadata"]
    live = api.get(*_kind(obj), metadata["name"], metadata.get("namespace"))
    if live is None:
        return None
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **live}


def _schemas(definitions: Iterable[Object]) -> dict[Kind, Object]:
    """Return the schema of every version of every custom resource; empty for a version without one."""
    schemas: dict[Kind, Object] = {}
    for definition in definitions:
        spec = definition["spec"]
        group, kind = spec["group"], spec["names"]["kind"]
        for version in spec["versions"]:
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            schemas[f"{group}/{version['name']}", kind] = schema
    return schemas


def _kind(obj: Object) -> Kind:
    """Return an object's version and kind."""
    return str(obj["apiVersion"]), str(obj["kind"])


def _namespace_and_name(obj: Object) -> tuple[str, str]:
    """Return an object's namespace and name."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _contains(objects: Iterable[Object], wanted: Object) -> bool:
    """Return whether an object of the same name is among some objects."""
    return _namespace_and_name(wanted) in map(_namespace_and_name, objects)

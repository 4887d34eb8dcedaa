"""Recognise renamed parts of a factory among deletions and creations, and list what each change costs.

Kubernetes has no renames: a tenant with another name is one namespace deleted and another one created, with
everything in the first one lost. A deployment therefore reports which of its deletions belong to which of its
creations, and what the deleted parts contain: running pods, volume claims, volumes of a storage class,
workloads of a queue.

A part that goes and one that comes are the same part renamed if their objects are the same but for the name:

    >>> old = [{"kind": "Role", "metadata": {"name": "r", "namespace": "red"}, "rules": []}]
    >>> new = [{"kind": "Role", "metadata": {"name": "r", "namespace": "blue"}, "rules": []}]
    >>> likeness(old, "red", new, "blue")
    1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Bytes

Object = Mapping[str, Any]
_MOVABLE = {"pool": "pool", "storage": "storage tier", "tenant": "tenant", "zone": "zone"}
"""Prefix of a component label to the word for that kind of part, for the kinds that a description names."""
_FIELDS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}
"""Prefix of a component label to the field of the description that has such parts."""
_ALIKE = 0.5
"""Share of objects that must be the same but for the name.

Half of them, since a tenant's quota and a zone's network policies also name others that may be renamed in the
same change.
"""
_COMPARED = ("rules", "subjects", "roleRef")


@dataclass(frozen=True, slots=True)
class Move:
    """A part of the factory that is renamed or removed.

    Attributes:
        kind: `pool`, `storage tier`, `tenant` or `zone`.
        old: the old name.
        new: the new name; empty for a removal.
        costs: what is lost or interrupted, a sentence each.
    """

    kind: str
    old: str
    new: str
    costs: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line for a person."""
        change = f"{self.kind} {self.old} is removed"
        if self.new:
            change = f"{self.kind} {self.old} is renamed to {self.new}"
        return f"{change}: {'; '.join(self.costs)}" if self.costs else change

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {"kind": self.kind, "old": self.old, "new": self.new, "costs": list(self.costs)}


@dataclass(frozen=True, slots=True)
class Usage:
    """Objects that tenants and controllers created on a cluster, as far as a move can affect them.

    Attributes:
        pods: pods that run.
        claims: volume claims.
        volumes: volumes.
        workloads: Kueue's workloads; empty where Kueue's kinds are not served.
    """

    pods: tuple[Object, ...] = ()
    claims: tuple[Object, ...] = ()
    volumes: tuple[Object, ...] = ()
    workloads: tuple[Object, ...] = ()


def moves(
    live: Iterable[Object], wanted: Iterable[Object], usage: Usage, factory: AIFactory
) -> tuple[Move, ...]:
    """Return the parts that go, each with the part that takes its place.

    Args:
        live: the factory's own live objects, of every kind that a bundle has.
        wanted: the bundle's objects.
        usage: the objects of tenants and controllers.
        factory: the new description; a part of it without objects on this cluster has not gone.

    Returns:
        The moves, sorted by kind and old name.
    """
    before, after = _parts(live), _parts(wanted)
    described = _described(factory)
    added = {name: after[name] for name in after if name not in before}
    result = []
    for component, objects in sorted(before.items()):
        if component in after or component in described:
            continue
        prefix, _, old = component.partition(".")
        new = _successor(prefix, old, objects, added)
        costs = tuple(_costs(prefix, objects, usage))
        result.append(Move(_MOVABLE[prefix], old, new, costs))
        # A new part succeeds one old part only.
        added.pop(f"{prefix}.{new}", None)
    return tuple(sorted(result, key=lambda move: (move.kind, move.old)))


def planned_moves(api: Api, wanted: Iterable[Object], factory: AIFactory) -> tuple[Move, ...]:
    """Return the parts that a deployment would rename or remove on a cluster, with what it costs.

    Args:
        api: the cluster.
        wanted: the bundle's objects.
        factory: the new description.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    listed = list(wanted)
    live = read_parts(api, listed, factory.name)
    # Most deployments move nothing, and do not need the list of every pod.
    if not moves(live, listed, Usage(), factory):
        return ()
    return moves(live, listed, read_usage(api), factory)


def read_usage(api: Api) -> Usage:
    """Read the objects of a cluster that a move could affect.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    kinds = (
        ("v1", "Pod"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "PersistentVolume"),
        ("kueue.x-k8s.io/v1beta2", "Workload"),
    )
    pods, claims, volumes, workloads = api.many(partial(_served, api, *kind) for kind in kinds)
    running = []
    for pod in pods:
        phase = pod.get("status", {}).get("phase")
        if phase not in {"Succeeded", "Failed"}:
            running.append(pod)
    return Usage(tuple(running), tuple(claims), tuple(volumes), tuple(workloads))


def read_parts(api: Api, wanted: Iterable[Object], factory: str) -> list[dict[str, Any]]:
    """List the factory's own live objects of every kind that its bundle has.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    kinds = sorted({(obj["apiVersion"], obj["kind"]) for obj in wanted})
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"
    live: list[dict[str, Any]] = []
    for objects in api.many(partial(_served, api, *kind, selector) for kind in kinds):
        live += objects
    return live


def likeness(old: Iterable[Object], old_name: str, new: Iterable[Object], new_name: str) -> float:
    """Return the share of objects, from 0 to 1, that are the same on both sides but for the part's name."""
    old_texts = {_text(obj, old_name) for obj in old}
    new_texts = {_text(obj, new_name) for obj in new}
    shared = len(old_texts & new_texts)
    # At least 1, so that two empty parts are not alike instead of an error.
    return shared / max(len(old_texts), len(new_texts), 1)


def _served(api: Api, api_version: str, kind: str, selector: str | None = None) -> list[dict[str, Any]]:
    """List the objects of a kind; none where the server does not serve it."""
    try:
        return api.list(api_version, kind, label_selector=selector)
    except ApiError as error:
        if error.reason == "KindUnknown":
            return []
        raise


def _parts(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """Group objects by their component label, as far as a description names the component."""
    parts: dict[str, list[Object]] = {}
    for obj in objects:
        component = (obj["metadata"].get("labels") or {}).get(KEYS.component, "")
        if component.partition(".")[0] in _MOVABLE:
            parts.setdefault(component, []).append(obj)
    return parts


def _described(factory: AIFactory) -> set[str]:
    """Return the component labels of everything in a description that could have objects."""
    components = set()
    for prefix, field in _FIELDS.items():
        for part in getattr(factory, field):
            components.add(f"{prefix}.{part.name}")
    return components


def _successor(prefix: str, old: str, objects: Iterable[Object], added: Mapping[str, list[Object]]) -> str:
    """Return the name of the new part that is most like a part that goes.

    Empty where none is alike enough.
    """
    listed = list(objects)
    best, name = _ALIKE, ""
    for component, others in sorted(added.items()):
        kind, _, new = component.partition(".")
        if kind != prefix:
            continue
        share = likeness(listed, old, others, new)
        # Of several that are equally alike the first one by name, so that the result does not depend on
        # order.
        is_first = share >= best and not name
        if is_first or share > best:
            best, name = share, new
    return name


def _text(obj: Object, name: str) -> str:
    """Return an object as text, without its part's name and without what the server adds."""
    meta = obj["metadata"]
    head = {"kind": obj["kind"], "name": meta["name"], "namespace": meta.get("namespace", "")}
    # The fields of RBAC objects alone: the server fills in defaults in all others, so that they would never
    # be equal.
    body = {key: obj[key] for key in _COMPARED if key in obj}
    text = orjson.dumps([head, body], option=orjson.OPT_SORT_KEYS).decode()
    # The name as a whole word only: the pool `a` is not a part of `data`.
    return re.sub(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", "\0", text)


def _costs(prefix: str, objects: Iterable[Object], usage: Usage) -> Iterable[str]:
    """Yield what is lost or interrupted with a part, a sentence each."""
    namespaces: set[str] = set()
    classes: set[str] = set()
    queues: set[tuple[str | None, str]] = set()
    for obj in objects:
        name = obj["metadata"]["name"]
        if obj["kind"] == "Namespace":
            namespaces.add(name)
        elif obj["kind"] == "StorageClass":
            classes.add(name)
        elif obj["kind"] == "LocalQueue":
            queues.add((obj["metadata"].get("namespace"), name))
    if namespaces:
        yield from _lost_in(namespaces, usage)
    if kept := [volume for volume in usage.volumes if volume["spec"].get("storageClassName") in classes]:
        size = _total(kept, "capacity")
        yield f"{len(kept)} volumes ({size}) keep the old storage class's name, and no new claim can have it"
    # A tenant's queues go with its namespace, which is reported above.
    if prefix == "pool" and (waiting := _waiting_in(queues, usage)):
        yield f"{waiting} workloads lose their queue"


def _waiting_in(queues: set[tuple[str | None, str]], usage: Usage) -> int:
    """Return how many workloads are in some queues, each given by its namespace and its name."""
    count = 0
    for workload in usage.workloads:
        if (_namespace(workload), workload["spec"].get("queueName")) in queues:
            count += 1
    return count


def _lost_in(namespaces: set[str], usage: Usage) -> Iterable[str]:
    """Yield what is deleted with some namespaces, a sentence each."""
    pods = 0
    for pod in usage.pods:
        if _namespace(pod) in namespaces:
            pods += 1
    claims = [claim for claim in usage.claims if _namespace(claim) in namespaces]
    if pods:
        yield f"{pods} running pods end"
    if claims:
        yield f"{len(claims)} volume claims ({_total(claims, 'requests')}) are deleted"
    names = ", ".join(sorted(namespaces))
    yield f"everything else in namespace {names} is deleted"


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace", ""))


def _total(objects: Iterable[Object], field: str) -> str:
    """Return the total storage of volumes (`capacity`) or claims (`requests`), for a person."""
    total = 0
    for obj in objects:
        amounts = obj["spec"].get("capacity")
        if field != "capacity":
            amounts = (obj["spec"].get("resources") or {}).get("requests")
        total += Bytes.from_kubernetes((amounts or {}).get("storage", "0")).count
    return str(Bytes(total))

"""Deployments without a cluster, in any order that the engine may take: what a watcher would see of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.deploy.moves.zone_moves import zone_moves
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import _edges, needs
from sovereign_ai.deploy.removal.withdrawal import _ORDER
from sovereign_ai.render.kubernetes.bundle import Bundle
from tests.daytwo.watcher import _WATCHED, Event

Object = dict[str, Any]
_KINDS = frozenset(kind for _, kind in _WATCHED)
_NAMESPACES_OF_KUBERNETES = frozenset({"Namespace/kube-system", "Namespace/default"})
_ROLES_OF_KUBERNETES = frozenset({"ClusterRole/view", "ClusterRole/edit", "ClusterRole/admin"})


class Replay:
    """A deployment of one bundle over another one, whose events are in an order that a die drew.

    Attributes:
        events: what a watch of the watched kinds shows.
        withdrawn: the objects that are there once what leaves is withdrawn.
    """

    def __init__(self, old: Bundle, new: Bundle, dice: random.Random) -> None:
        self.events: list[Event] = []
        self._dice, self._version = dice, 0
        before, self._wanted = _by_name(old.objects), _by_name(new.objects)
        self._live: dict[str, Object] = {}
        for obj in before.values():
            self._put(obj, is_first=True)
        self._withdraw()
        self.withdrawn = dict(self._live)
        for batch in zone_moves(list(self._live.values()), new.objects):
            for obj in self._shuffled(batch):
                self._put(obj)
        for name in self._linear(self._wanted.values()):
            if self._live.get(name) != self._wanted[name]:
                self._put(self._wanted[name])
        for name in reversed(self._linear(before.values())):
            if name not in self._wanted and name in self._live:
                self._delete(name)
        assert self._live == self._wanted

    def _withdraw(self) -> None:
        """Delete what leaves and policies judge, kind by kind."""
        leaving = {name: obj for name, obj in self._live.items() if name not in self._wanted}
        going = {obj["metadata"]["name"] for obj in leaving.values() if obj["kind"] == "Namespace"}
        for kind in _ORDER:
            of_kind = [name for name, obj in leaving.items() if obj["kind"] == kind]
            for name in self._shuffled(of_kind):
                if name in self._live and (kind == "RoleBinding" or _namespace(leaving[name]) not in going):
                    self._delete(name)

    def _put(self, obj: Object, *, is_first: bool = False) -> None:
        name = resource_name(obj)
        self._note("MODIFIED" if name in self._live else "ADDED", obj, is_first=is_first)
        self._live[name] = obj

    def _delete(self, name: str) -> None:
        """Delete an object, and with a namespace all that is in it, which it takes with it in any order."""
        obj = self._live.pop(name)
        if obj["kind"] == "Namespace":
            self._note("MODIFIED", {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "now"}})
            inside = [
                other for other in self._live if _namespace(self._live[other]) == obj["metadata"]["name"]
            ]
            for other in self._shuffled(inside):
                self._note("DELETED", self._live.pop(other))
        self._note("DELETED", obj)

    def _note(self, verb: str, obj: Object, *, is_first: bool = False) -> None:
        self._version += 1
        if obj["kind"] in _KINDS:
            name = obj["metadata"]["name"]
            event = Event(self._version, obj["kind"], _namespace(obj), name, verb, obj, is_first)
            self.events.append(event)

    def _linear(self, objects: Iterable[Object]) -> list[str]:
        """Return names in an order in which everything comes after what it needs."""
        waiting = {name: set(needed) for name, needed in _edges(objects).items()}
        order: list[str] = []
        while waiting:
            ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
            assert ready, f"these need each other: {sorted(waiting)}"
            order.append(self._dice.choice(ready))
            del waiting[order[-1]]
        return order

    def _shuffled(self, items: Iterable[Any]) -> list[Any]:
        shuffled = list(items)
        self._dice.shuffle(shuffled)
        return shuffled


def dangling(objects: Mapping[str, Object]) -> Iterator[str]:
    """Yield what some objects need and is not among them."""
    known = objects.keys() | _NAMESPACES_OF_KUBERNETES | _ROLES_OF_KUBERNETES
    for name, obj in objects.items():
        for needed in (*needs(obj), *_named(obj)):
            if needed not in known:
                yield f"{name} needs {needed}, which is not there"


def _named(obj: Object) -> Iterator[str]:
    """Yield what an object names, and would have to wait for."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "ClusterQueue":
        for group in spec.get("resourceGroups") or ():
            for flavour in group["flavors"]:
                yield f"ResourceFlavor/{flavour['name']}"
    if obj["kind"] == "ResourceFlavor" and "topologyName" in spec:
        yield f"Topology/{spec['topologyName']}"
    for subject in obj.get("subjects") or ():
        if subject["kind"] == "ServiceAccount":
            yield f"ServiceAccount/{subject['namespace']}/{subject['name']}"


def _by_name(objects: Iterable[Any]) -> dict[str, Object]:
    return {resource_name(obj): obj for obj in objects}


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace", ""))

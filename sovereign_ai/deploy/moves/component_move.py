"""A component of a factory that is renamed, moved or removed, and the objects of others that this affects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes

Object = Mapping[str, Any]
PROPERTIES = frozenset(
    {
        "system",
        "driver",
        "MIG profile",
        "key",
        "protocol",
        "CSI driver",
        "CSI parameters",
        "mount options",
        "nodes",
        "entity",
    }
)
"""What a pool, a storage tier or a tenant has, which is no place: it is changed, and nothing moves."""


@frozen_dataclass
class Move:
    """A component of the factory that is renamed, moved or removed.

    Attributes:
        kind: what it is, such as `pool`, `storage tier`, `tenant`, `zone`, `site`, `key`,
            `registry`, `gateway` or `fabric`.
        old: the old name.
        new: the new name; empty for a removal.
        costs: what is lost or interrupted, a sentence each.
        place: what the component moves between, such as `zone`; empty where it does not move.
        origin: the old place; empty where it does not move.
        target: the new place; empty where it does not move, or is nowhere else.
    """

    kind: str
    old: str
    new: str
    costs: tuple[str, ...]
    place: str = ""
    origin: str = ""
    target: str = ""

    def __str__(self) -> str:
        """Return one line for a person."""
        change = self._change()
        return f"{change}: {'; '.join(self.costs)}" if self.costs else change

    def _change(self) -> str:
        component = f"{self.kind} {self.new or self.old}"
        if self.place in PROPERTIES and not self.target:
            return f"{component} has no {self.place} {self.origin} any more"
        if self.place and not self.target:
            return f"{component} leaves {self.place} {self.origin}"
        if self.place in PROPERTIES:
            return f"{component} changes its {self.place} from {self.origin} to {self.target}"
        if self.place:
            return f"{component} moves from {self.place} {self.origin} to {self.place} {self.target}"
        if self.new:
            # A registry that goes as another one comes is no name of the same.
            verb = "replaced by" if self.kind == "registry" else "renamed to"
            return f"{self.kind} {self.old} is {verb} {self.new}"
        return f"{component} is removed"

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "costs": list(self.costs),
        }
        if self.place:
            data |= {"place": self.place, "origin": self.origin, "target": self.target}
        return data


@frozen_dataclass
class Usage:
    """Objects that tenants and controllers created on a cluster, as far as a move can affect them.

    Attributes:
        pods: pods that run.
        claims: volume claims.
        volumes: volumes.
        workloads: Kueue's workloads; empty where Kueue's kinds are not served.
        controllers: objects with a pod template.
    """

    pods: tuple[Object, ...] = ()
    claims: tuple[Object, ...] = ()
    volumes: tuple[Object, ...] = ()
    workloads: tuple[Object, ...] = ()
    controllers: tuple[Object, ...] = ()

    def outside(self, namespaces: AbstractSet[str]) -> Usage:
        """Return what is in no namespace of a set."""
        kept = {}
        for name in ("pods", "claims", "workloads", "controllers"):
            objects = getattr(self, name)
            kept[name] = tuple(obj for obj in objects if namespace_of(obj) not in namespaces)
        return replace(self, **kept)

    def volumes_of(self, classes: Iterable[str]) -> list[Object]:
        """Return the volumes of some storage classes."""
        wanted = set(classes)
        return [volume for volume in self.volumes if volume["spec"].get("storageClassName") in wanted]

    def pods_in(self, namespaces: Iterable[str]) -> list[Object]:
        """Return the running pods in some namespaces."""
        wanted = set(namespaces)
        return [pod for pod in self.pods if namespace_of(pod) in wanted]


def namespace_of(obj: Object) -> str:
    """Return the namespace of an object; empty where it has none."""
    return str(obj["metadata"].get("namespace", ""))


def total_size(objects: Iterable[Object], field: str) -> str:
    """Return the total storage of volumes (`capacity`) or claims (`requests`), for a person."""
    total = 0
    for obj in objects:
        amounts = obj["spec"].get("capacity")
        if field != "capacity":
            amounts = (obj["spec"].get("resources") or {}).get("requests")
        total += Bytes.from_kubernetes((amounts or {}).get("storage", "0")).count
    return str(Bytes(total))


def losses_in(namespaces: AbstractSet[str], usage: Usage) -> Iterator[str]:
    """Yield what is deleted with some namespaces, a sentence each."""
    claims = [claim for claim in usage.claims if namespace_of(claim) in namespaces]
    if pods := usage.pods_in(namespaces):
        yield counted(len(pods), "running pod ends", "running pods end")
    if claims:
        size = total_size(claims, "requests")
        yield counted(len(claims), f"volume claim ({size}) is deleted", f"volume claims ({size}) are deleted")
    names = ", ".join(sorted(namespaces))
    yield f"everything else in namespace {names} is deleted"


def old_class_costs(classes: Iterable[str], usage: Usage) -> Iterator[str]:
    """Yield what keeps the names of storage classes that go."""
    if kept := usage.volumes_of(classes):
        size = total_size(kept, "capacity")
        tail = "the old storage class's name, and no new claim can have it"
        yield counted(len(kept), f"volume ({size}) keeps {tail}", f"volumes ({size}) keep {tail}")

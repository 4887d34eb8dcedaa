"""Restore resources to a state that the engine dropped although they still exist.

An object in a namespace is deleted with the namespace: the engine sends no request for the object and drops
it from the state before it deletes the namespace. If that deletion then fails, the objects still exist and
the state no longer holds them. A removal that failed therefore restores each resource whose namespace is
still in the state, with the resources that it depends on. One that was deleted after all is restored too:
deleting a missing object is no failure.

    >>> held = {"urn": "a", "deletedWith": "ns", "parent": "part"}
    >>> before = [{"urn": "ns"}, {"urn": "part"}, held, {"urn": "b"}]
    >>> [resource["urn"] for resource in put_back(before, [{"urn": "ns"}])]
    ['ns', 'part', 'a']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from sovereign_ai.deploy.state.checkpoint import Checkpoint

Resource = Mapping[str, Any]


def put_back(before: Sequence[Resource], after: Sequence[Resource]) -> list[Resource]:
    """Return a state's resources after a run that failed, with those that were dropped without a deletion.

    Args:
        before: the state's resources before the run, each after those that it needs, as the engine writes
            them.
        after: those after the run.
    """
    kept = {str(resource["urn"]) for resource in after}
    known = {str(resource["urn"]): resource for resource in before}
    missing: list[str] = []
    for urn, resource in known.items():
        if urn not in kept and resource.get("deletedWith") in kept:
            missing.append(urn)
    restored: set[str] = set()
    while missing:
        urn = missing.pop()
        if urn in restored or urn in kept or urn not in known:
            continue
        restored.add(urn)
        missing += requirements(known[urn])
    # In the order of `before`: the engine refuses a state that lists a resource ahead of one that it needs.
    return [*after, *(resource for resource in before if str(resource["urn"]) in restored)]


def with_dropped(before: Checkpoint, saved: Checkpoint) -> bytes:
    """Return a state's content after a removal that failed, with the resources that were dropped undeleted.

    Args:
        before: the state before the removal.
        saved: the state that its engine saved.
    """
    whole = put_back(before.resources, saved.resources)
    if len(whole) == len(saved.resources):
        return saved.data
    data = orjson.loads(saved.data)
    data["checkpoint"]["latest"]["resources"] = whole
    return orjson.dumps(data, option=orjson.OPT_INDENT_2)


def requirements(resource: Resource) -> Iterator[str]:
    """Yield the URNs without which the engine does not accept a resource in a state."""
    needed: list[Any] = [resource.get("parent"), resource.get("deletedWith")]
    needed += resource.get("dependencies") or ()
    # A reference to a provider is URN::ID.
    needed.append(str(resource.get("provider") or "").rpartition("::")[0])
    for urns in (resource.get("propertyDependencies") or {}).values():
        needed += urns or ()
    for urn in needed:
        if urn:
            yield str(urn)

"""Report each field of a live object that differs from the description, with who changed it and when.

    for change in drifted(observed, bundle.objects):
        change.resource, change.field, change.manager, change.time

The API server records for every field which field manager set it last, and when (`metadata.managedFields`).
It keeps no record of a field that was removed; then `manager` is empty. The same holds for an object that was
deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.verify import difference
from sovereign_ai.verify.findings import Difference, brief, canonical_text, resource
from sovereign_ai.verify.foreign import foreign_objects
from sovereign_ai.verify.observation import Observed

OURS = "sovereign-ai"
"""The field manager of this tool."""
_INDEX = re.compile(r"\[([0-9]+)\]")


@frozen_dataclass
class Drift:
    """One field of one object that differs from the description.

    Attributes:
        kind: `changed`, `missing` or `foreign`.
        resource: `Kind/namespace/name` or `Kind/name`.
        field: the field's path; empty for a whole object.
        old: the described value; None where nothing is described.
        new: the live value; None where there is none.
        manager: the field manager that set it; empty if the API server does not know.
        time: when, as the API server wrote it; empty if it does not know.
    """

    kind: str
    resource: str
    field: str = ""
    old: Any = None
    new: Any = None
    manager: str = ""
    time: str = ""

    def __str__(self) -> str:
        """Return one line."""
        author = self.manager or "somebody unknown"
        if self.time:
            author += f" at {self.time}"
        if not self.field:
            return f"{self.kind} {self.resource}: by {author}"
        return (
            f"{self.kind} {self.resource}: {self.field}: {brief(self.old)} -> {brief(self.new)}, by {author}"
        )

    @property
    def order(self) -> tuple[str, ...]:
        """Sort key: resource, kind, field, and then all that is printed."""
        values = (canonical_text(self.old), canonical_text(self.new))
        return (self.resource, self.kind, self.field, *values, self.manager, self.time)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "kind": self.kind,
            "resource": self.resource,
            "field": self.field,
            "old": self.old,
            "new": self.new,
            "manager": self.manager,
            "time": self.time,
        }


def find_drift(observed: Observed, wanted: Iterable[Mapping[str, Any]]) -> tuple[Drift, ...]:
    """Return every difference between described and live objects, sorted by object and field.

    Args:
        observed: the cluster, read with these objects as wanted ones.
        wanted: the rendered objects.
    """
    rendered = list(wanted)
    live_objects = {}
    live_by_name = {}
    for objects in observed.objects.values():
        for obj in objects:
            live_objects[obj["apiVersion"], resource(obj)] = obj
            live_by_name[resource(obj)] = obj

    drifts: list[Drift] = []
    for obj in rendered:
        live = live_objects.get((obj["apiVersion"], resource(obj)))
        if live is None:
            drifts.append(Drift("missing", resource(obj)))
            continue
        schema = observed.schemas.get((obj["apiVersion"], obj["kind"]))
        drifts += [_changed(obj, live, change) for change in difference.object_differences(obj, live, schema)]
    for finding in foreign_objects(observed, rendered):
        manager, time = _creator(live_by_name[finding.resource])
        drifts.append(Drift("foreign", finding.resource, manager=manager, time=time))
    drifts.sort(key=lambda drift: drift.order)
    return tuple(drifts)


def _changed(obj: Mapping[str, Any], live: Mapping[str, Any], change: Difference) -> Drift:
    """Return the drift of one field, with who set it."""
    manager, time = owner(live, change.field)
    return Drift("changed", resource(obj), change.field, change.wanted, change.found, manager, time)


def owner(live: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Return the field manager that set a field, or the nearest field above or below it, and when.

    Of several managers, the one that set it last counts. This tool's own entries are left out: what it set is
    as described, so somebody else changed the field.

    Returns:
        Manager and time; both empty if the API server knows none.
    """
    deepest = 0
    latest = ("", "")
    for entry in live["metadata"].get("managedFields") or ():
        # Entries of a subresource (status, scale) are written by controllers.
        if "subresource" in entry or entry["manager"] == OURS:
            continue
        depth = _matching_depth(entry.get("fieldsV1") or {}, live, path)
        candidate = (str(entry.get("time", "")), str(entry["manager"]))
        if depth > deepest:
            deepest, latest = depth, candidate
        elif depth and depth == deepest:
            latest = max(latest, candidate)
    time, manager = latest
    return manager, time


def _matching_depth(fields: Mapping[str, Any], value: Any, path: str) -> int:
    """Return how many steps of a path a manager's fields contain.

    Returns:
        0 where the fields end in the middle of the path and the manager has others there.
    """
    depth = 0
    while path:
        if not (set(fields) - {"."}):
            return depth  # the manager owns everything below
        match = _match_step(fields, value, path)
        if match is None:
            return 0
        key, step, path = match
        fields = fields[key]
        value = _value_at(value, step)
        depth += 1
    return depth


def _match_step(fields: Mapping[str, Any], value: Any, path: str) -> tuple[str, str | int, str] | None:
    """Return the key of what a path begins with, that step, and the rest of the path."""
    if isinstance(value, list):
        return _match_item(fields, value, path)
    return _match_field(fields, path)


def _match_field(fields: Mapping[str, Any], path: str) -> tuple[str, str, str] | None:
    """Return the key of the field that a path begins with, the field's name, and the rest of the path."""
    names = [key for key in fields if key.startswith("f:")]
    # Names may hold dots themselves (label keys): the longest is tried first, so that `a` does not match
    # `a.b`.
    for key in sorted(names, key=len, reverse=True):
        name = key[2:]
        for form in (name, f"[{name}]"):
            rest = path.removeprefix(form)
            if rest != path and rest[:1] in {"", ".", "["}:
                return key, name, rest.removeprefix(".")
    return None


def _match_item(fields: Mapping[str, Any], value: list[Any], path: str) -> tuple[str, int, str] | None:
    """Return the key of the list item that a path begins with, its index, and the rest of the path.

    `managedFields` names an item by its key fields (`k:{…}`), its value (`v:…`) or its index (`i:0`).
    """
    match = _INDEX.match(path)
    if match is None:
        return None
    index = int(match[1])
    rest = path[match.end() :].removeprefix(".")
    item = _value_at(value, index)
    for key in fields:
        if _names_item(key, index, item):
            return key, index, rest
    return None


def _names_item(key: str, index: int, item: Any) -> bool:
    """Return whether a key of `managedFields` names the item of a list."""
    if key == f"i:{index}":
        return True
    if key.startswith("v:"):
        return bool(orjson.loads(key[2:]) == item)
    if key.startswith("k:") and isinstance(item, Mapping):
        return bool(orjson.loads(key[2:]).items() <= item.items())
    return False


def _value_at(value: Any, step: str | int) -> Any:
    """Return the value one step further down; None if there is none."""
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _creator(live: Mapping[str, Any]) -> tuple[str, str]:
    """Return the field manager with the oldest entry, and when the object was created."""
    metadata = live["metadata"]
    writes = [
        (str(entry.get("time", "")), str(entry["manager"])) for entry in metadata.get("managedFields") or ()
    ]
    _, manager = min(writes, default=("", ""))
    return manager, str(metadata.get("creationTimestamp", ""))

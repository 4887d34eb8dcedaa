"""What the API server records of who owns which field (`metadata.managedFields`).

A field that this tool owns and a new form leaves out is given up by server-side apply, which the API server
may refuse as it refuses a change: a label of a Deployment's selector, `immutable: true`, a required field.

    >>> fields = {"f:immutable": {}, "f:data": {"f:a": {}}}
    >>> entry = {"manager": "sovereign-ai", "operation": "Apply", "fieldsV1": fields}
    >>> live = {"metadata": {"managedFields": [entry]}}
    >>> gives_up({"data": {"a": "1"}}, live)
    True
    >>> gives_up({"data": {"a": "1"}, "immutable": True}, live)
    False
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.deploy.objects import FIELD_MANAGER

_APART = frozenset({"f:metadata", "f:status"})
"""Labels and annotations may always be given up; the status is the controllers'."""


def gives_up(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Return whether this tool owns a field of a live object that its new form leaves out.

    Args:
        wanted: the new form.
        live: the live object; None where there is none.
    """
    for entry in ((live or {}).get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") != FIELD_MANAGER or entry.get("operation") != "Apply":
            continue
        fields = entry.get("fieldsV1") or {}
        owned = {step: below for step, below in fields.items() if step not in _APART}
        if not all(states_path(wanted, path) for path in leaves(owned)):
            return True
    return False


def leaves(fields: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the fields that a manager owns, in the notation of `fieldsV1`."""
    below = {key: value for key, value in fields.items() if key != "."}
    if not below and path:
        yield path
    for key, value in below.items():
        yield from leaves(value or {}, (*path, key))


def states_path(value: Any, path: tuple[str, ...]) -> bool:
    """Return whether an object states the field at a path: `f:` is a key, `k:` and `v:` are list entries."""
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f":
            if not isinstance(value, Mapping) or name not in value:
                return False
            value = value[name]
        elif not isinstance(value, list):
            # Stated in another shape, such as a quantity: the API server decides in the dry run.
            return True
        elif kind == "k":
            entry = _entry(value, json.loads(name))
            if entry is None:
                return False
            value = entry
        elif kind == "v":
            return json.loads(name) in value
    return True


def _entry(items: list[Any], keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the list entry with some keys; one that it leaves out is the server's default, as a protocol."""
    entries = [item for item in items if isinstance(item, Mapping)]
    for item in entries:
        if keys.items() <= item.items():
            return item
    for item in entries:
        if all(item.get(name, value) == value for name, value in keys.items()):
            return item
    return None

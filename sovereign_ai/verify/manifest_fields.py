"""The differences of a controller's object: what its manifest states, and what somebody else added.

The API server completes objects of any kind by defaults that no table here lists. Nobody owns a default: the
server records for each field which manager set it. So of the fields that a manifest does not state those
count that have an owner other than the controllers of Kubernetes.

Left to controllers are the certificates of webhooks, the content of secrets, which is not even read, and the
rules of a role that aggregates others.

    >>> live = {"spec": {"replicas": 1, "paused": False}, "metadata": {}}
    >>> list(manifest_differences({"spec": {"replicas": 1}}, live))
    []
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.plan import is_namespaced
from sovereign_ai.spec import api_group
from sovereign_ai.verify.equal_values import are_equal
from sovereign_ai.verify.findings import Difference
from sovereign_ai.verify.kinds import UNREAD

_NOT_COMPARED = frozenset({"apiVersion", "kind", "metadata", "status"})
_MANAGERS = frozenset({"clusterrole-aggregation-controller", "kube-apiserver", "kube-controller-manager"})
"""Field managers that may own fields which no manifest states: controllers of Kubernetes, by design.

Not this tool's own: it states all that it owns, and anybody can write under its name.
"""
_OURS = "sovereign-ai"
_AUTHORITY = "caBundle"
"""The field with the authority of a webhook's certificate, which its controller or cert-manager writes."""
_TRUE_IF_LEFT_OUT = frozenset(
    {"allowPrivilegeEscalation", "automountServiceAccountToken", "enableServiceLinks", "hostUsers"}
)
"""Fields of Kubernetes 1.37 that mean `true` where they are left out, and that no default completes."""


def is_applied(metadata: Mapping[str, Any]) -> bool:
    """Return whether this tool has written an object, by its metadata; anybody can copy labels."""
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == _OURS and entry.get("operation") == "Apply":
            return True
    return False


def manifest_differences(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the fields in which a live object is not what its manifest makes of it.

    Args:
        wanted: the object as it was rendered.
        live: the object as it was read.
    """
    if (wanted.get("apiVersion"), wanted.get("kind")) in UNREAD:
        return
    is_custom = is_namespaced(api_group(wanted), str(wanted.get("kind"))) is None
    stated = {name: value for name, value in wanted.items() if name not in _NOT_COMPARED}
    if "aggregationRule" in stated:
        stated.pop("rules", None)
    for name, value in sorted(stated.items()):
        yield from _stated_differences(value, live.get(name), name, is_custom=is_custom)
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") in _MANAGERS or "subresource" in entry:
            continue
        for step, below in sorted((entry.get("fieldsV1") or {}).items()):
            name = step.removeprefix("f:")
            if name not in _NOT_COMPARED and not (name == "rules" and "aggregationRule" in wanted):
                yield from _added(below, name, stated.get(name), live.get(name))


def _stated_differences(wanted: Any, live: Any, path: str, *, is_custom: bool) -> Iterator[Difference]:
    """Yield the stated values below a path that the live object does not have."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in sorted(wanted.items()):
            yield from _stated_differences(value, live.get(name), f"{path}.{name}", is_custom=is_custom)
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, value in enumerate(wanted):
            yield from _stated_differences(value, live[index], f"{path}[{index}]", is_custom=is_custom)
    elif not _are_equal(wanted, live, path, is_custom=is_custom):
        yield Difference(path, wanted, live)


def _are_equal(wanted: Any, live: Any, path: str, *, is_custom: bool) -> bool:
    """Return whether a live value is what a stated one becomes.

    The server leaves out many fields of its own kinds that are false or 0. In a custom object it keeps them.
    """
    if live is None:
        if isinstance(wanted, bool | int) and not wanted:
            return not is_custom and path.rpartition(".")[2] not in _TRUE_IF_LEFT_OUT
        return wanted in ("", [], {}, None)
    return are_equal(wanted, live, path)


def _paths(fields: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the path of every field in the notation of `fieldsV1`."""
    for step, below in fields.items():
        if step == ".":
            continue
        if step.startswith("f:"):
            inner = f"{path}.{step[2:]}" if path else step[2:]
        else:
            inner = path if path.endswith("[]") else f"{path}[]"
        yield inner
        yield from _paths(below or {}, inner)


def _added(fields: Any, path: str, wanted: Any, live: Any) -> Iterator[Difference]:
    """Yield the fields that somebody else owns and that the manifest does not state.

    Args:
        fields: what the manager owns below the path, in the notation of `fieldsV1`.
        path: the path.
        wanted: the stated value; None where none is stated.
        live: the live value.
    """
    if path.rpartition(".")[2] == _AUTHORITY or live is None:
        return
    below = {step: inner for step, inner in (fields or {}).items() if step != "."}
    if not below:
        # A stated value was compared as such.
        if wanted is None:
            yield Difference(path, None, live)
        return
    for step, inner in sorted(below.items()):
        if step.startswith("f:"):
            name = step[2:]
            yield from _added(inner, f"{path}.{name}", _member(wanted, name), _member(live, name))
        elif step.startswith(("k:", "v:")):
            index = _position(live, step)
            if index is None:
                continue
            number = _position(wanted, step)
            stated = wanted[number] if number is not None else None
            if stated is None and not _is_only_authority(inner):
                yield Difference(f"{path}[{index}]", None, live[index])
            elif stated is not None:
                yield from _added(inner, f"{path}[{index}]", stated, live[index])


def _is_only_authority(fields: Any) -> bool:
    """Return whether a manager owns no more of a list item than the authority of a webhook."""
    steps = [step for step in _paths(fields or {}, "") if not step.endswith("clientConfig")]
    return bool(steps) and all(step.endswith(_AUTHORITY) for step in steps)


def _member(value: Any, name: str) -> Any:
    """Return a member of a mapping; None where the value is none."""
    return value.get(name) if isinstance(value, Mapping) else None


def _position(items: Any, step: str) -> int | None:
    """Return the position of the list item that a step of `fieldsV1` names; None where there is none."""
    if not isinstance(items, list):
        return None
    wanted = json.loads(step[2:])
    for index, item in enumerate(items):
        if step.startswith("v:") and item == wanted:
            return index
        if step.startswith("k:") and isinstance(item, Mapping) and _has_keys(item, wanted):
            return index
    return None


def _has_keys(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Return whether a list item has some keys; one that it leaves out counts as the server's default."""
    return all(item.get(name, "TCP" if name == "protocol" else None) == value for name, value in keys.items())

"""Conversion of a resource's properties to a plain Kubernetes object; unknown values become `UNKNOWN`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from sovereign_ai.rules import UNKNOWN

_OWN = frozenset({"id", "urn"})
"""Properties that Pulumi adds to each resource, besides those that begin with two underscores."""


def to_plain(props: Mapping[str, Any], resource_type: str) -> dict[str, Any]:
    """Return the object; its apiVersion and kind are those of the type unless the properties state them.

    `kubernetes:core/v1:Pod` is `v1` `Pod`, `kubernetes:apps/v1:Deployment` is `apps/v1` `Deployment`.
    A patch resource (`...Patch`) is judged as what it patches.
    """
    _, version, kind = resource_type.split(":", 2)
    obj: dict[str, Any] = {"apiVersion": version.removeprefix("core/"), "kind": kind.removesuffix("Patch")}
    for key, value in plain_properties(props).items():
        if key not in _OWN and not key.startswith("__"):
            obj[key] = value
    return obj


def plain_properties(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a mapping without its proxy."""
    return {str(key): _item(value, key) for key in value}


def _item(holder: Any, key: Any) -> Any:
    """Return a copy of one value; the proxy raises an error for an unknown one."""
    try:
        value = holder[key]
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return plain_properties(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_item(value, position) for position in range(len(value))]
    return value

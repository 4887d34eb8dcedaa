"""From a resource's properties to a plain Kubernetes object; what is not known yet becomes `UNKNOWN`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from sovereign_ai.rules.plain import UNKNOWN

_OWN = ("__", "id", "urn")


def to_plain(props: Mapping[str, Any], resource_type: str) -> dict[str, Any]:
    """Give the object; its apiVersion and kind are the type's where the properties do not say.

    `kubernetes:core/v1:Pod` is `v1` `Pod`, `kubernetes:apps/v1:Deployment` is `apps/v1` `Deployment`.
    A patch resource (`...Patch`) is judged as what it patches.
    """
    _, version, kind = resource_type.split(":", 2)
    obj = {"apiVersion": version.removeprefix("core/"), "kind": kind.removesuffix("Patch")}
    return obj | {key: value for key, value in _mapping(props).items() if not key.startswith(_OWN)}


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping out of its proxy."""
    return {str(key): _item(value, key) for key in value}


def _item(holder: Any, key: Any) -> Any:
    """Copy one value; the proxy raises where it is not known."""
    try:
        value = holder[key]
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_item(value, position) for position in range(len(value))]
    return value

"""Defaulting: what the API server and the bundle's mutating policy do, for places that have no API server.

The API server makes names. The policy fills in what a plain pod leaves out, so a pod is judged as it would be
stored. The renderer writes the same in CEL (`render/kubernetes/admission.py`). A test on a real API server
compares the two.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.rules.context import Context

_GENERATED = "xxxxx"
"""Stands for the five letters and digits that the API server adds to `generateName`."""


_LABELLED_AS_ITS_PODS = frozenset({"Job", "ReplicationController"})
"""Kinds that the API server gives the labels of their pods where they have none of their own.

Source: `SetDefaults_Job` and `SetDefaults_ReplicationController` of Kubernetes 1.37 (pkg/apis/batch/v1 and
pkg/apis/core/v1, defaults.go), read 2026-12-01.
"""


def as_stored(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the name and labels that it is stored with, before any policy is asked."""
    metadata = obj.get("metadata", {})
    if not isinstance(metadata, dict):
        return obj
    if obj.get("kind") in _LABELLED_AS_ITS_PODS and not metadata.get("labels"):
        metadata = {**metadata, **_labels_of_pods(obj)}
    prefix = metadata.get("generateName")
    if prefix and isinstance(prefix, str) and not metadata.get("name"):
        metadata = {**metadata, "name": f"{prefix}{_GENERATED}"}
    return {**obj, "metadata": metadata}


def admitted(pod: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the pod with its zone's node selector and toleration, if it names none; other pods unchanged.

    A pod of the wrong shape is returned unchanged, for the rules to refuse.
    """
    spec = pod.get("spec")
    namespace = pod.get("metadata", {}).get("namespace")
    zone = context.zone_of(namespace) if isinstance(namespace, str) else ""
    if not zone or not isinstance(spec, dict):
        return pod
    selector = spec.get("nodeSelector", {})
    tolerations = spec.get("tolerations", [])
    if not isinstance(selector, dict) or not _is_list_of_mappings(tolerations):
        return pod
    defaulted = dict(spec)
    # The pod's own labels win: a selector of another zone is refused by a rule, not repaired.
    defaulted["nodeSelector"] = {**_default_selector(zone, context), **selector}
    defaulted["tolerations"] = _with_zone_toleration(tolerations, zone)
    return {**pod, "spec": defaulted}


def _labels_of_pods(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the member `labels` of an object's pod template; nothing if it has none."""
    value: Any = obj
    for step in ("spec", "template", "metadata"):
        value = value.get(step) if isinstance(value, dict) else None
    labels = value.get("labels") if isinstance(value, dict) else None
    return {"labels": labels} if isinstance(labels, dict) and labels else {}


def _is_list_of_mappings(value: Any) -> bool:
    """Return whether a value is a list of mappings."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _default_selector(zone: str, context: Context) -> dict[str, str]:
    """Return the node labels that a pod of a zone selects unless it names them itself."""
    selector = {KEYS.zone: zone}
    countries = dict(context.jurisdictions).get(zone, ())
    # With several countries the choice is the user's, so none is filled in.
    if len(countries) == 1:
        selector[KEYS.jurisdiction] = countries[0]
    return selector


def _with_zone_toleration(tolerations: list[dict[str, Any]], zone: str) -> list[dict[str, Any]]:
    """Return tolerations with that of the zone's taint, unless one is about that taint already."""
    if any(toleration.get("key") == KEYS.namespace_zone for toleration in tolerations):
        return tolerations
    toleration = {"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"}
    return [*tolerations, toleration]

"""What the bundle's mutating policy does to a pod, for places that have no API server.

The policy fills in what a plain pod leaves out, so a pod is judged as it would be stored. The
renderer writes the same in CEL (`render/kubernetes/admission.py`); a test on a real API server
holds the two together.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.rules.context import Context


def admitted(pod: dict[str, Any], context: Context) -> dict[str, Any]:
    """Give the pod with its zone's selector and toleration where it names none; other pods as they are.

    A pod of the wrong shape is given back untouched, for the rules to refuse.
    """
    spec, namespace = pod.get("spec"), pod.get("metadata", {}).get("namespace")
    zone = context.zone_of(namespace) if isinstance(namespace, str) else ""
    if not zone or not isinstance(spec, dict):
        return pod
    selector, tolerations = spec.get("nodeSelector", {}), spec.get("tolerations", [])
    if not isinstance(selector, dict) or not isinstance(tolerations, list) or not all(isinstance(one, dict) for one in tolerations):
        return pod
    countries = dict(context.jurisdictions).get(zone, ())
    wished = {KEYS.zone: zone, **({KEYS.jurisdiction: countries[0]} if len(countries) == 1 else {})}
    if not any(one.get("key") == KEYS.namespace_zone for one in tolerations):
        tolerations = [*tolerations, {"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"}]
    return {**pod, "spec": {**spec, "nodeSelector": {**wished, **selector}, "tolerations": tolerations}}

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
    """Give the pod with its zone's selector and toleration where it names none; other pods as they are."""
    zone = context.zone_of(pod.get("metadata", {}).get("namespace", ""))
    countries = dict(context.jurisdictions).get(zone, ())
    spec = pod.get("spec")
    if not zone or not isinstance(spec, dict):
        return pod
    wished = {KEYS.zone: zone, **({KEYS.jurisdiction: countries[0]} if len(countries) == 1 else {})}
    selector = {**wished, **spec.get("nodeSelector", {})}
    tolerations = list(spec.get("tolerations", []))
    if not any(one.get("key") == KEYS.namespace_zone for one in tolerations):
        tolerations.append({"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"})
    return {**pod, "spec": {**spec, "nodeSelector": selector, "tolerations": tolerations}}

"""What pods claim (DRA), as numbers of the extended resource against which Kueue counts it.

Kueue counts a claim that is made from a template and asks for a number of devices of a class that its
settings map to a resource (0.17.0, pkg/dra/claims.go). What it does not count keeps the whole workload out
of its queue. The classes are those of whole GPUs, which the embedded control plane's Kueue counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.catalog.vendors import vendors
from sovereign_ai.verify.pod_requests import Object, amount_of, field_of

Templates = Sequence[Object]
"""ResourceClaimTemplates of a cluster."""
_NOT_COUNTED = ("selectors", "adminAccess", "firstAvailable")


def count_claims(workload: Object, templates: Templates) -> Object:
    """Return a workload whose pods ask for what they claim; claims that are not counted stay as they are.

    What is counted is added to the overhead of the pods, which belongs to no container: a topology needs room
    for it too, so that Kueue 0.17 never lets claims onto nodes that do not count their devices as well.

    Args:
        workload: a Workload of Kueue.
        templates: those of the cluster.
    """
    namespace = str(workload["metadata"].get("namespace", ""))
    pod_sets = []
    for pod_set in workload["spec"].get("podSets") or ():
        pod_sets.append(_with_counted(pod_set, namespace, templates))
    return {**workload, "spec": {**workload["spec"], "podSets": pod_sets}}


def uncounted_claim(workload: Object, templates: Templates) -> str:
    """Return why Kueue does not count a claim of a workload; empty where it counts all of them."""
    namespace = str(workload["metadata"].get("namespace", ""))
    for pod_set in workload["spec"].get("podSets") or ():
        for claim in field_of(pod_set, "template", "spec", "resourceClaims") or ():
            _, problem = _devices(claim, namespace, templates)
            if problem:
                return problem
    return ""


def _with_counted(pod_set: Object, namespace: str, templates: Templates) -> Object:
    """Return a pod set whose pods ask for what they claim."""
    spec = field_of(pod_set, "template", "spec") or {}
    counted: Counter[str] = Counter()
    left = []
    for claim in spec.get("resourceClaims") or ():
        devices, problem = _devices(claim, namespace, templates)
        counted.update(devices)
        if problem:
            left.append(claim)
    if not counted:
        return pod_set
    overhead = dict(spec.get("overhead") or {})
    for resource, number in counted.items():
        overhead[resource] = str(amount_of(overhead.get(resource)) + number)
    changed = {**spec, "overhead": overhead, "resourceClaims": left}
    return {**pod_set, "template": {**pod_set["template"], "spec": changed}}


def _devices(claim: Object, namespace: str, templates: Templates) -> tuple[Mapping[str, int], str]:
    """Return what a pod's claim asks for by resource, and why it is not counted; empty if it is."""
    name = claim.get("resourceClaimTemplateName")
    if not name:
        return {}, f"claim {claim['name']} is no template's, and Kueue counts no claim that exists already"
    template = _template(str(name), namespace, templates)
    if template is None:
        return {}, f"namespace {namespace} has no ResourceClaimTemplate {name!r}"
    devices = field_of(template, "spec", "spec", "devices") or {}
    for part in ("constraints", "config"):
        if devices.get(part):
            return {}, f"ResourceClaimTemplate {name} has {part}, which Kueue does not count"
    return _counted(str(name), devices.get("requests") or ())


def _counted(name: str, requests: Iterable[Object]) -> tuple[Mapping[str, int], str]:
    """Return the devices of a template's requests by resource, and why one is not counted."""
    resources = _resource_of_class()
    counted: Counter[str] = Counter()
    for request in requests:
        exactly = request.get("exactly") or {}
        for part in _NOT_COUNTED:
            if request.get(part) or exactly.get(part):
                return {}, f"ResourceClaimTemplate {name} has {part}, which Kueue does not count"
        if exactly.get("allocationMode", "ExactCount") != "ExactCount":
            return {}, f"ResourceClaimTemplate {name} asks for all devices, and Kueue counts numbers"
        device_class = str(exactly.get("deviceClassName"))
        if device_class not in resources:
            known = ", ".join(sorted(resources))
            return {}, f"Kueue counts no device class {device_class!r}; it counts {known}"
        counted[resources[device_class]] += int(exactly.get("count") or 1)
    return counted, ""


def _resource_of_class() -> dict[str, str]:
    """Return device class to the resource against which it counts."""
    resources = {}
    for vendor in vendors():
        if vendor.dra and vendor.dra.whole_class.resource:
            resources[vendor.dra.whole_class.name] = vendor.dra.whole_class.resource
    return resources


def _template(name: str, namespace: str, templates: Templates) -> Object | None:
    """Return the template of a name in a namespace; None where there is none."""
    for template in templates:
        metadata = template["metadata"]
        if (metadata.get("namespace"), metadata["name"]) == (namespace, name):
            return template
    return None

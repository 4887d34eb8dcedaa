"""The deployed form and the names of objects.

Server-side apply records which field manager set which field. With one manager name for Pulumi and for this
tool, and with force, a deployment owns exactly the fields of the bundle. Applying an object once more changes
nothing unless somebody else has changed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.render.kubernetes import AWAITED, WEBHOOKS, is_of_platform

FIELD_MANAGER = "sovereign-ai"
CONTROLLERS = frozenset({FIELD_MANAGER, "kube-apiserver", "kube-controller-manager", "kueue-admission"})
"""Field managers that may own fields of this tool's objects: the tool itself, and controllers by design."""
_ANNOTATIONS = {"pulumi.com/patchFieldManager": FIELD_MANAGER, "pulumi.com/patchForce": "true"}


def stated(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object in the form for Pulumi: with the annotations that name this tool's field manager."""
    meta = dict(obj["metadata"])
    # Copies, since the bundle's objects are shared and never change.
    meta["annotations"] = {**meta.get("annotations", {}), **_ANNOTATIONS}
    if is_of_platform(obj) and AWAITED not in meta["annotations"]:
        # The provider waits for ten minutes until every pod is ready, which nothing here needs.
        meta["annotations"]["pulumi.com/skipAwait"] = "true"
    return {**obj, "metadata": meta}


def resource_name(obj: Mapping[str, Any]) -> str:
    """Return the deterministic name of an object's resource, `Kind/namespace/name` or `Kind/name`."""
    meta = obj["metadata"]
    return "/".join(part for part in (obj["kind"], meta.get("namespace", ""), meta["name"]) if part)


def object_name(resource: str) -> str:
    """Return the object's part of a resource's name, which the deployment's name may precede.

    >>> object_name("lab/Namespace/research"), object_name("lab/Role/research/tenant-admin")
    ('Namespace/research', 'Role/research/tenant-admin')
    >>> object_name("Namespace/research")
    'Namespace/research'
    """
    parts = resource.split("/")
    # A namespace has no capital letter and a kind begins with one: so the second last part shows whether it
    # is a kind.
    length = 2 if len(parts) < 3 or parts[-2][:1].isupper() else 3
    return "/".join(parts[-length:])


def is_certificate(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of `managedFields` is about no field but certificates of webhooks.

    A controller makes the certificate of its webhook, or cert-manager does, and writes its authority into the
    objects that have the API server ask the webhook.
    """
    leaves = set(_leaves(entry.get("fieldsV1") or {}))
    return bool(leaves) and leaves <= {"f:caBundle"}


def _leaves(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the last step of each field in the notation of `fieldsV1`, without metadata and status."""
    for step, below in fields.items():
        if step in {".", "f:metadata", "f:status"}:
            continue
        if below and set(below) != {"."}:
            yield from _leaves(below)
        elif not step.startswith("k:"):
            yield step


def with_certificates(obj: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the authorities of webhooks that the live object has and this one leaves open."""
    if obj["kind"] in WEBHOOKS:
        known = {entry["name"]: entry for entry in live.get("webhooks") or ()}
        webhooks = []
        for entry in obj.get("webhooks") or ():
            client = entry.get("clientConfig") or {}
            held = (known.get(entry.get("name")) or {}).get("clientConfig") or {}
            webhooks.append({**entry, "clientConfig": _with_authority(client, held)})
        return {**obj, "webhooks": webhooks}
    webhook = ((obj.get("spec") or {}).get("conversion") or {}).get("webhook") or {}
    if is_of_platform(obj) and webhook:
        spec, held = obj["spec"], (live.get("spec") or {}).get("conversion") or {}
        theirs = (held.get("webhook") or {}).get("clientConfig") or {}
        client = _with_authority(webhook.get("clientConfig") or {}, theirs)
        conversion = {**spec["conversion"], "webhook": {**webhook, "clientConfig": client}}
        return {**obj, "spec": {**spec, "conversion": conversion}}
    return dict(obj)


def _with_authority(client: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return a client configuration with the live one's authority where it has none itself."""
    authority = {"caBundle": held["caBundle"]} if held.get("caBundle") else {}
    return {**authority, **client}

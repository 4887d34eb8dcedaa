"""The deployed form and the names of objects, and the reversal of changes that others made to them.

Server-side apply records which field manager set which field. With one manager name for Pulumi and for this
tool, and with force, a deployment owns exactly the fields of the bundle. Applying an object once more changes
nothing unless somebody else has changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.api import retry_on_conflict, unless_gone
from sovereign_ai.errors import DeploymentError, Problem, Where
from sovereign_ai.render.kubernetes import AWAITED, WEBHOOKS, is_of_platform
from sovereign_ai.verify import UNREAD

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api

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


def restore(
    api: Api,
    objects: Sequence[Mapping[str, Any]],
    progress: Callable[[str], None],
    *,
    fresh: Collection[str] = frozenset(),
) -> list[str]:
    """Revert what somebody else changed in some objects; return the names of those that were changed.

    Pulumi's refresh compares only the shape of what it once sent, so an entry that somebody adds to a list (a
    peer of a NetworkPolicy, a subject of a binding) would stay. Applying the object once more by server-side
    apply removes it. A field that the bundle never had still stays with its manager; such an object is
    replaced as a whole.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: called with a line for each object that was restored.
        fresh: names of objects that were deployed a moment ago, and are skipped.

    Raises:
        ApiError: the API server refused one.
    """
    calls = [partial(_restore, api, obj) for obj in objects if resource_name(obj) not in fresh]
    restored = []
    for name in api.many(calls):
        if name:
            restored.append(name)
            progress(f"restored {name}")
    return sorted(restored)


def _restore(api: Api, obj: Mapping[str, Any]) -> str:
    """Apply one object once more; return its name if that changed it, else an empty text."""
    meta = obj["metadata"]
    before = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    # Its controller may write the status at any time, also between the two writes.
    uid = before["metadata"].get("uid") if before else None
    after = retry_on_conflict(partial(_applied, api, obj, uid))
    is_same = before is not None and _content(before) == _content(after)
    return "" if is_same else resource_name(obj)


def _applied(api: Api, obj: Mapping[str, Any], uid: str | None) -> dict[str, Any]:
    """Apply an object, replace it where that leaves fields of others, and return it as it is then.

    Args:
        api: the cluster.
        obj: the object as it is described.
        uid: of the live one whose owner is known; None where there was none.

    Raises:
        DeploymentError: somebody made it again, so that whose it is has to be decided anew.
        ApiError: the API server refused; with a conflict where the object changed since it was read.
    """
    meta = obj["metadata"]
    live = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
    if live is not None and live["metadata"].get("uid") != uid:
        message = "somebody made it again while it was put back; it stays as it is"
        hint = "run the command again, which decides first whose it is"
        raise DeploymentError(Problem("api-conflict", message, Where(field=resource_name(obj)), hint))
    whole = stated(obj)
    if live is not None and uid:
        # With it, the server neither writes another one of the name nor makes a new one.
        whole["metadata"]["uid"] = uid
    after = api.apply(whole, field_manager=FIELD_MANAGER, force=True)
    # What an empty secret holds is its controller's.
    if (obj["apiVersion"], obj["kind"]) in UNREAD or not _has_foreign_field(after, _is_kept(obj)):
        return after
    replaced = unless_gone(
        partial(api.replace, _without_foreign_fields(obj, after), field_manager=FIELD_MANAGER)
    )
    # A new one has no fields of others.
    return replaced or api.apply(stated(obj), field_manager=FIELD_MANAGER, force=True)


def _is_of_controller(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of `managedFields` is this tool's or a controller's."""
    return entry["manager"] in CONTROLLERS or "subresource" in entry


def _is_of_controller_or_applied(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is a controller's, or what this tool applied; anybody can use its name."""
    is_applied = entry["manager"] != FIELD_MANAGER or entry.get("operation") == "Apply"
    return _is_of_controller(entry) and is_applied


def _is_kept(obj: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Return the function that decides which entries of `managedFields` an object keeps."""
    return _is_of_controller_or_applied if is_of_platform(obj) else _is_of_controller


def _has_foreign_field(live: Mapping[str, Any], is_kept: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Return whether somebody else set a field of the object itself, beyond its metadata and status."""
    for entry in live["metadata"].get("managedFields", ()):
        fields = set(entry.get("fieldsV1", {})) - {"f:metadata", "f:status"}
        if fields and not is_kept(entry) and not is_certificate(entry):
            return True
    return False


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


def _without_foreign_fields(obj: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object for a replacement that drops all fields of others, and their field managers."""
    whole = with_certificates(stated(obj), live)
    meta = whole["metadata"]
    # With the resourceVersion the server refuses the replacement if the object changed meanwhile.
    for key in ("uid", "resourceVersion", "finalizers", "ownerReferences"):
        if key in live["metadata"]:
            meta[key] = live["metadata"][key]
    meta["managedFields"] = list(filter(_is_kept(obj), live["metadata"].get("managedFields", ())))
    return whole


def _content(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's content, without its status and what each write changes."""
    content = dict(live)
    content.pop("status", None)
    meta = dict(live["metadata"])
    for key in ("managedFields", "resourceVersion", "generation"):
        meta.pop(key, None)
    content["metadata"] = meta
    return content

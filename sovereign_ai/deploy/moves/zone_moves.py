"""Bring namespaces into other zones without opening, for a moment, what neither description opens.

A way between two namespaces is open where the policies of both permit it, by the zones of both. While one of
them has its new zone already and the other has not, a policy of the old description may meet one of the new:
a tenant that leaves `restricted` for `vault` may still reach `open`, which another tenant enters at the same
time, although neither description lets these two speak. So the policies that change in a namespace that moves
are closed first; then the namespaces get their new zones, and then the policies their new content. Everything
that such a namespace lets pass is then in the new description, or was the same in the old one.

The engine then finds all of them in their new form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.moves.successors import tenancy_of
from sovereign_ai.deploy.objects import FIELD_MANAGER, resource_name, stated
from sovereign_ai.names import KEYS, OWNER

Object = Mapping[str, Any]
_NAMESPACE, _POLICY = "Namespace", "NetworkPolicy"


def zone_moves(live: Iterable[Object], wanted: Iterable[Object]) -> tuple[list[Object], ...]:
    """Return what is applied for the namespaces that get another zone, each list after the one before it.

    Args:
        live: the live namespaces and network policies.
        wanted: the bundle's objects.
    """
    there = {resource_name(obj): obj for obj in live}
    listed = list(wanted)
    namespaces = []
    for obj in listed:
        before = there.get(resource_name(obj))
        if obj["kind"] == _NAMESPACE and before is not None and tenancy_of(before)[1] != tenancy_of(obj)[1]:
            namespaces.append(obj)
    moving = {obj["metadata"]["name"] for obj in namespaces}
    policies = []
    for obj in listed:
        before = there.get(resource_name(obj))
        is_in_moving = obj["kind"] == _POLICY and obj["metadata"]["namespace"] in moving
        if is_in_moving and before is not None and before["spec"] != obj["spec"]:
            policies.append(obj)
    return list(map(_closed, policies)), namespaces, policies


def move_between_zones(
    api: Api, objects: Iterable[Object], progress: Callable[[str], object], *, live: Api | None = None
) -> None:
    """Apply the namespaces that get another zone, and the policies in them that change.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: called with a line for each namespace.
        live: where the objects that exist are read, such as a snapshot; left out, from the cluster.

    Raises:
        ApiError: the API server refused one.
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    reading, selector = live or api, f"{KEYS.owner}={OWNER}"
    there = reading.list("v1", _NAMESPACE, label_selector=selector)
    there += reading.list("networking.k8s.io/v1", _POLICY, label_selector=selector)
    closed, namespaces, policies = zone_moves(there, listed)
    uids = {resource_name(obj): obj["metadata"].get("uid") for obj in there}
    for obj in namespaces:
        name, zone = obj["metadata"]["name"], tenancy_of(obj)[1]
        progress(f"namespace {name} enters zone {zone}")
    for batch in (closed, namespaces, policies):
        api.many(
            partial(api.apply, _as_read(obj, uids), field_manager=FIELD_MANAGER, force=True) for obj in batch
        )


def _as_read(obj: Object, uids: Mapping[str, str | None]) -> dict[str, Any]:
    """Return an object that the server takes for the live one alone: whose another one is, nobody asked."""
    uid = uids[resource_name(obj)]
    whole = stated(obj)
    if uid:
        whole["metadata"]["uid"] = uid
    return whole


def _closed(policy: Object) -> Object:
    """Return a network policy that permits nothing in the directions that it is about."""
    spec = {key: value for key, value in policy["spec"].items() if key not in {"ingress", "egress"}}
    return {**policy, "spec": spec}

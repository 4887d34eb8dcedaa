"""Delete objects that a description no longer contains, while the policies that permitted them still hold.

The Pulumi engine deletes last, when the new policies are in force already. The new policies bind the
namespaces of the new description only, so a removed namespace would be outside every policy until it is gone.
Objects that admission policies judge are therefore deleted here, before the policies change: role bindings
first, then network policies, then the rest; namespaces last, and they are waited for. The engine's own
deletion of the same objects then only drops them from its state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, delete_as_read
from sovereign_ai.deploy.objects import FIELD_MANAGER, resource_name
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.rules import KINDS
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling

Object = Mapping[str, Any]
_ORDER = (
    # A webhook whose server is gone refuses whatever it is asked about.
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ClusterRoleBinding",
    "RoleBinding",
    "NetworkPolicy",
    "Role",
    "ServiceAccount",
    "StorageClass",
    "Namespace",
    "FlowSchema",
    "PriorityLevelConfiguration",
)
"""Kinds that the renderer writes and admission policies judge, in the order of their deletion.

A test compares them with the kinds of every rendered bundle.
"""
_WAIT_SECONDS = 300.0
_POLL_SECONDS = 0.25
_QUIET_SECONDS = 2.0
_MOST_NAMED = 5


def withdrawn(api: Api, objects: Iterable[Object], factory: str) -> list[dict[str, Any]]:
    """Return a factory's live objects that its bundle does not contain and that admission policies judge.

    An object counts only if it carries the factory's labels and was applied by this tool: anybody can write
    labels.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        factory: the factory's name.

    Returns:
        The objects in the order of their deletion.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    kept: set[str] = set()
    stacks: set[str | None] = {None}
    for obj in objects:
        kept.add(resource_name(obj))
        stacks.add(_stack_of(obj))
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"
    lists = api.many(partial(api.list, *_version_and_kind(kind), label_selector=selector) for kind in _ORDER)
    leaving: list[dict[str, Any]] = []
    for live in lists:
        for obj in live:
            if resource_name(obj) in kept or not is_applied_by_tool(obj):
                continue
            # Another stack of a factory of this name may have objects of its own on the cluster.
            if _stack_of(obj) in stacks:
                leaving.append(obj)
    return leaving


def withdraw(
    api: Api,
    objects: Iterable[Object],
    progress: Callable[[str], object],
    *,
    wait_seconds: float = _WAIT_SECONDS,
) -> list[str]:
    """Delete objects in the given order, and wait until the namespaces among them are gone.

    Args:
        api: the cluster.
        objects: what `withdrawn` returned.
        progress: called with a line for each deletion, and when namespaces take longer than two seconds.
        wait_seconds: how long namespaces may take.

    Returns:
        Names of the deleted objects, `Kind/namespace/name`, sorted.

    Raises:
        DeploymentError: a namespace is still there after that time, with what holds it.
        ApiError: the API server refused a deletion.
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    names = []
    going = {}
    for obj in listed:
        names.append(resource_name(obj))
        if obj["kind"] == "Namespace":
            going[obj["metadata"]["name"]] = obj["metadata"].get("uid")
    deleted = deleted_singly(listed)
    for kind in _ORDER:
        batch = [obj for obj in deleted if obj["kind"] == kind]
        for obj in batch:
            progress(f"delete {resource_name(obj)}")
        api.many(partial(_delete, api, obj) for obj in batch)
    _wait(api, going, progress, wait_seconds)
    return sorted(names)


def deleted_singly(leaving: Iterable[Object]) -> list[Object]:
    """Return those of the leaving objects that are deleted by themselves, and not with their namespace."""
    listed = list(leaving)
    namespaces = {obj["metadata"]["name"] for obj in listed if obj["kind"] == "Namespace"}
    deleted = []
    for obj in listed:
        # A namespace's deletion deletes its content too, but in no order: role bindings must end first.
        if obj["kind"] == "RoleBinding" or obj["metadata"].get("namespace") not in namespaces:
            deleted.append(obj)
    return deleted


def _stack_of(obj: Object) -> str | None:
    """Return the UUID of the stack that an object carries; None where it carries none."""
    labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return labels.get(KEYS.stack)


def is_applied_by_tool(obj: Object) -> bool:
    """Return whether an object was written by server-side apply under this tool's field manager."""
    for entry in obj["metadata"].get("managedFields", ()):
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            return True
    return False


def _version_and_kind(kind: str) -> tuple[str, str]:
    known = KINDS[kind]
    return (f"{known.api_group}/{known.version}" if known.api_group else known.version), kind


def _delete(api: Api, obj: Object) -> bool:
    return delete_as_read(api, obj["apiVersion"], obj["kind"], obj["metadata"])


def _wait(
    api: Api, going: Mapping[str, str | None], progress: Callable[[str], object], wait_seconds: float
) -> None:
    """Wait until namespaces are gone; one that somebody makes under such a name meanwhile is another.

    Args:
        api: the cluster.
        going: the UIDs of the namespaces, by name.
        progress: called once, where they take longer than two seconds.
        wait_seconds: how long they may take.

    Raises:
        DeploymentError: some are not gone in time.
    """
    began = time.monotonic()
    is_quiet = True
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        namespaces = api.many(partial(api.get, "v1", "Namespace", name) for name in sorted(going))
        left = []
        for namespace in namespaces:
            if namespace and namespace["metadata"].get("uid") == going[namespace["metadata"]["name"]]:
                left.append(namespace)
        if not left:
            return
        if is_last:
            raise DeploymentError(_stuck(namespace, wait_seconds) for namespace in left)
        if is_quiet and time.monotonic() - began > _QUIET_SECONDS:
            is_quiet = False  # reported once
            shown = ", ".join(namespace["metadata"]["name"] for namespace in left[:_MOST_NAMED])
            progress(f"waiting until {counted(len(left), 'namespace is', 'namespaces are')} gone: {shown}")


def _stuck(namespace: Object, wait_seconds: float) -> Problem:
    """Return a problem with what holds a deleted namespace, as the namespace controller reports it."""
    name = namespace["metadata"]["name"]
    conditions = namespace.get("status", {}).get("conditions") or ()
    # The controller keeps a condition for each obstacle; those with the status `False` are out of the way.
    reasons = [condition.get("message", "") for condition in conditions if condition.get("status") == "True"]
    reason = " ".join(reasons) or "no reason given"
    message = f"namespace {name} is still Terminating after {wait_seconds:g} s: {reason}"
    return Problem("namespace-terminating", message, hint="remove what holds it, then run the command again")

"""The manifests of all controllers together: each object once, in a namespace of the platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import is_reserved_namespace
from sovereign_ai.spec.manifest import (
    MOST_OBJECTS,
    OTHERS_NAMESPACE,
    api_group,
    check_manifest,
    defined_kind,
    manifest_key,
    manifest_title,
)

if TYPE_CHECKING:
    from typing import Any

    from sovereign_ai.spec.platform import Platform


def check_manifests(platform: Platform, namespaces: Mapping[str, str]) -> Iterator[Problem]:
    """Refuse objects of a wrong form, objects that stand twice, and objects in namespaces of others.

    Args:
        platform: the platform.
        namespaces: the namespace that the catalogue names for each controller.
    """
    placed: dict[str, Mapping[str, Any]] = {}
    for index, controller in enumerate(platform.controllers):
        for number, manifest in enumerate(controller.manifests):
            placed[f"platform.controllers[{index}].manifests[{number}]"] = manifest
    if len(placed) > MOST_OBJECTS:
        message = f"the manifests hold more than {MOST_OBJECTS:,} objects together"
        yield Problem("too-large", message, Where(field="platform.controllers"), "mirror only what is needed")
        return
    formed: dict[str, Mapping[str, Any]] = {}
    for field, obj in placed.items():
        problems = list(check_manifest(obj, field))
        yield from problems
        if not problems:
            formed[field] = obj
    yield from _check_repeats(formed)
    own = {controller.namespace or namespaces.get(controller.name, "") for controller in platform.controllers}
    yield from _check_namespaces(formed, own)


def _check_repeats(placed: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Refuse an object that stands twice, and a kind that is defined twice."""
    seen: dict[object, str] = {}
    for field, obj in placed.items():
        # The group does not count: a resource of Pulumi is named by kind, namespace and name.
        first = seen.setdefault(manifest_key(obj), field)
        if first != field:
            message = f"{manifest_title(obj)} is in the manifests twice; the first is {first}"
            hint = "keep one of the two: two objects of one kind and name cannot be deployed together"
            yield Problem("duplicate-name", message, Where(field=field), hint)
            continue
        defined = defined_kind(obj)
        if defined and seen.setdefault(defined[:2], field) != field:
            message = f"{manifest_title(obj)} defines {defined[1]} of {defined[0]} a second time"
            yield Problem("duplicate-name", message, Where(field=field), "keep one of the two")


def _check_namespaces(placed: Mapping[str, Mapping[str, Any]], own: set[str]) -> Iterator[Problem]:
    """Refuse objects in namespaces that are neither the controllers' own nor Kubernetes' own.

    Args:
        placed: the objects by their fields.
        own: the namespaces that the controllers are installed into.
    """
    brought = set(own)
    for field, obj in placed.items():
        if (api_group(obj), obj["kind"]) != ("", "Namespace"):
            continue
        name = obj["metadata"]["name"]
        if is_reserved_namespace(name) and name not in own:
            message = f"the namespace {name!r} is the cluster's own"
            yield Problem("foreign-namespace", message, Where(field=field), "take it out")
        brought.add(name)
    for field, obj in placed.items():
        namespace = obj["metadata"].get("namespace")
        if namespace is None or namespace == OTHERS_NAMESPACE or namespace in brought:
            continue
        listed = ", ".join(sorted(name for name in brought if name))
        message = f"{manifest_title(obj)} lies in a namespace that is no controller's"
        hint = f"render the chart with `--namespace`; the controllers are in {listed or 'no namespace yet'}"
        where = Where(field=f"{field}.metadata.namespace")
        yield Problem("foreign-namespace", message, where, hint)

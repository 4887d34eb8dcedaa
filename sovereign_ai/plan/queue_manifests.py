"""Kueue's own manifests: what starts it, and the configurations that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import MANIFESTS, parse
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.manifests import PlannedManifest, plan_manifests
from sovereign_ai.spec import AIFactory, api_group

KUEUE = "kueue"
"""Its name in the catalogue."""
_IMAGE = re.compile(r"(?:.*/)?kueue(?:[:@].*)?", re.DOTALL)
_CONFIGURATION = "config.kueue.x-k8s.io/"


@frozen_dataclass
class ManifestNote:
    """Something about an object of a controller that is allowed and should be reviewed.

    Attributes:
        field: the object's field of the description.
        text: what it is, and what to do.
    """

    field: str
    text: str


def kueue_manifests(factory: AIFactory) -> list[PlannedManifest]:
    """Return the manifests of Kueue that a description brings."""
    manifests: list[PlannedManifest] = []
    for manifest in plan_manifests(factory):
        if manifest.controller == KUEUE:
            manifests.append(manifest)
    return manifests


def kueue_managers(
    manifests: list[PlannedManifest],
) -> Iterator[tuple[PlannedManifest, Mapping[str, Any]]]:
    """Yield each container that is Kueue's controller, with the Deployment that it is of."""
    for manifest in manifests:
        if (api_group(manifest.obj), manifest.obj["kind"]) != ("apps", "Deployment"):
            continue
        containers = _at(manifest.obj, "spec", "template", "spec", "containers")
        for container in containers if isinstance(containers, list) else ():
            if isinstance(container, Mapping) and _is_manager(container):
                yield manifest, container


def kueue_configurations(
    manifests: list[PlannedManifest],
) -> Iterator[tuple[PlannedManifest, str, Mapping[str, Any]]]:
    """Yield each configuration of Kueue, with its ConfigMap and the name of its entry there."""
    for manifest in manifests:
        if (api_group(manifest.obj), manifest.obj["kind"]) != ("", "ConfigMap"):
            continue
        data = manifest.obj.get("data")
        for name, text in data.items() if isinstance(data, Mapping) else ():
            configuration = _configuration(text, name)
            if configuration:
                yield manifest, name, configuration


def _is_manager(container: Mapping[str, Any]) -> bool:
    """Return whether a container is Kueue's controller, by its name or its image as they are published."""
    return container.get("name") == "manager" or bool(_IMAGE.fullmatch(str(container.get("image", ""))))


def _configuration(text: object, name: str) -> Mapping[str, Any]:
    """Return a configuration of Kueue; empty for any other text."""
    if not isinstance(text, str) or _CONFIGURATION not in text:
        return {}
    try:
        data = parse(text, name, MANIFESTS, tabs=True, lenient=True).data
    except SovereignError:
        return {}
    is_configuration = isinstance(data, Mapping) and str(data.get("apiVersion")).startswith(_CONFIGURATION)
    return data if is_configuration else {}


def _at(value: Any, *path: str) -> Any:
    """Return what stands at a path of names; None where nothing does."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

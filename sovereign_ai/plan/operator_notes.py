"""What is noted of operators whose manifests define what they are told, and say nothing of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sovereign_ai.plan.manifests import PlannedManifest, plan_manifests
from sovereign_ai.plan.queue_manifests import ManifestNote
from sovereign_ai.spec import AIFactory, defined_kind

_POLICIES: Mapping[str, str] = MappingProxyType(
    {"gpu-operator": "ClusterPolicy", "network-operator": "NicClusterPolicy"}
)
"""Operators by the kind without which they install nothing."""


def idle_operators(factory: AIFactory) -> Iterator[ManifestNote]:
    """Yield each operator whose manifests bring the definition of its policy, and no policy."""
    definitions: dict[str, PlannedManifest] = {}
    brought: set[str] = set()
    for manifest in plan_manifests(factory):
        policy = _POLICIES.get(manifest.controller)
        defined = defined_kind(manifest.obj)
        if defined is not None and defined[1] == policy:
            definitions[manifest.controller] = manifest
        if manifest.obj["kind"] in _POLICIES.values():
            brought.add(manifest.obj["kind"])
    for name, manifest in definitions.items():
        if _POLICIES[name] not in brought:
            text = (
                f"the manifests of {name} define {_POLICIES[name]} and bring none, so it installs nothing; "
                f"`sovereign-ai platform settings STACK {name}` writes one from the plan"
            )
            yield ManifestNote(manifest.field, text)

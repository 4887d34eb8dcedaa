"""Flux' objects: a GitRepository for each cluster, and a Kustomization for each phase.

Field names and types after the CRDs of source-controller 1.9.1 (source.toolkit.fluxcd.io/v1, 2026-06) and
kustomize-controller 1.9.4 (kustomize.toolkit.fluxcd.io/v1, 2026-07). The controller applies server-side and
has no other way. Each phase waits until every object of the one before is ready.

Each cluster's own Flux reads the cluster's own file. No cluster holds the credentials of another, which may
stand under another law.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.names import label
from sovereign_ai.render.delivery.phases import PHASES, phases_of
from sovereign_ai.render.delivery.repository import Repository
from sovereign_ai.render.delivery.retention import annotated, is_kept
from sovereign_ai.render.kubernetes.bundle import Bundle

_NAMESPACE = "flux-system"
_KEPT = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
_TAKEN_AWAY = frozenset({"access", "local-queues"})
"""Phases whose objects go with their Kustomization: rights. What limits and protects stays."""


def folders(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    """Yield a folder for each phase with its objects.

    A phase without objects has a folder too: were it missing, its Kustomization would fail, and the last role
    binding of a tenant who is gone would stay.
    """
    phases = phases_of(bundle.objects)
    for index, (name, _) in enumerate(PHASES):
        objects = [_kept(obj) for obj, phase in zip(bundle.objects, phases, strict=True) if phase == index]
        yield f"{bundle.cluster}/{_folder(index, name)}", Bundle(bundle.cluster, tuple(objects))


def _folder(index: int, name: str) -> str:
    """Return the folder of a phase, which sorts as the phases do."""
    return f"{index + 1:02}-{name}"


def _kept(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the annotation that keeps it, where it is to stay."""
    return annotated(obj, _KEPT) if is_kept(obj) else obj


def objects(cluster: str, repository: Repository) -> list[dict[str, Any]]:
    """Return a cluster's GitRepository and its Kustomizations, in the order of their phases.

    Args:
        cluster: the cluster's name.
        repository: where the files are committed.
    """
    result = [_source(cluster, repository)]
    before = ""
    for index, (phase, _) in enumerate(PHASES):
        path = repository.below(cluster, _folder(index, phase))
        result.append(_kustomization(cluster, phase, path, before))
        before = phase
    return result


def _source(cluster: str, repository: Repository) -> dict[str, Any]:
    """Return the GitRepository of a cluster."""
    spec: dict[str, Any] = {
        "url": repository.url,
        "ref": _reference(repository),
        "interval": "5m",
        "timeout": "60s",
    }
    if repository.secret:
        spec["secretRef"] = {"name": repository.secret}
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": cluster, "namespace": _NAMESPACE},
        "spec": spec,
    }


def _reference(repository: Repository) -> dict[str, str]:
    """Return the revision in the field that its form belongs to."""
    if repository.is_commit:
        return {"commit": repository.revision}
    if repository.revision.startswith("refs/"):
        return {"name": repository.revision}
    return {"branch": repository.revision}


def _kustomization(cluster: str, phase: str, path: str, before: str) -> dict[str, Any]:
    """Return the Kustomization of a phase.

    Args:
        cluster: the cluster's name.
        phase: the phase's name.
        path: its folder, from the root of the repository.
        before: the phase that comes before it; empty for the first.
    """
    spec: dict[str, Any] = {
        "sourceRef": {"kind": "GitRepository", "name": cluster},
        "path": f"./{path}",
        "interval": "10m",
        "retryInterval": "1m",
        "timeout": "5m",
        # The next phase begins when every object of this one is ready.
        "wait": True,
        "prune": True,
        # An object that cannot be changed is not made anew: that would delete what is in it.
        "force": False,
        "deletionPolicy": "MirrorPrune" if phase in _TAKEN_AWAY else "Orphan",
    }
    if before:
        spec["dependsOn"] = [{"name": label(cluster, before)}]
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        # Flux writes the name into a label of every object, which has at most 63 characters.
        "metadata": {"name": label(cluster, phase), "namespace": _NAMESPACE},
        "spec": spec,
    }

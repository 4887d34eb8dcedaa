"""A cluster's objects, in the order in which they are applied.

bundle = render(factory, plan, "lab")
bundle.digest, len(bundle.objects), sorted(bundle.by_component())
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import yaml

from sovereign_ai.errors import Problem, SpecError, nearest
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes import admission, base, devices, network, queues, storage, tenants
from sovereign_ai.rules.context import factory_context
from sovereign_ai.spec.factory import AIFactory

_ORDER = (
    "Namespace",
    "ValidatingAdmissionPolicy",
    "MutatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicyBinding",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "DeviceClass",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ConfigMap",
    "Topology",
    "ResourceFlavor",
    "ClusterQueue",
    "LocalQueue",
)


@dataclass(frozen=True)
class Bundle:
    """The objects of one cluster.

    Attributes:
        cluster: the cluster's name.
        objects: plain mappings, in the order in which they are applied.
    """

    cluster: str
    objects: tuple[dict[str, Any], ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the objects' canonical JSON, hexadecimal."""
        return hashlib.sha256(orjson.dumps(self.objects, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def custom_groups(self) -> tuple[str, ...]:
        """API groups that a bare API server does not serve: their CRDs must be there first."""
        groups = {obj["apiVersion"].rpartition("/")[0] for obj in self.objects}
        return tuple(sorted(group for group in groups if group.endswith(".x-k8s.io")))

    def by_component(self) -> dict[str, tuple[dict[str, Any], ...]]:
        """Give the objects by their component label, components sorted, objects in their order."""
        found: dict[str, list[dict[str, Any]]] = {}
        for obj in self.objects:
            found.setdefault(obj["metadata"]["labels"][KEYS.component], []).append(obj)
        return {name: tuple(found[name]) for name in sorted(found)}

    def to_yaml(self) -> str:
        """Write all objects as one YAML stream."""
        return _yaml(self.objects)

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write one file a component and a kustomization.yaml that lists them.

        Files that an earlier run left for components that are gone are removed; others are not touched.

        Args:
            folder: made where it is missing.

        Returns:
            The files, sorted.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        texts = {f"{name}.yaml": _yaml(objects) for name, objects in self.by_component().items()}
        listing = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(texts)}
        for name in _listed(folder / "kustomization.yaml") - set(texts):
            (folder / name).unlink(missing_ok=True)
        for name, text in {**texts, "kustomization.yaml": _yaml([listing])}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return tuple(sorted(folder / name for name in [*texts, "kustomization.yaml"]))


def render(factory: AIFactory, plan: Plan, cluster: str | None = None) -> Bundle:
    """Render the objects of one cluster.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: the cluster's name; may be left out where the plan has one.

    Raises:
        SpecError: no such cluster, or several and none named.
    """
    names = [one.name for one in plan.clusters]
    if cluster is None and len(names) == 1:
        cluster = names[0]
    if cluster not in names:
        raise SpecError(
            Problem(
                "unknown-cluster",
                f"the plan has {len(names)} clusters, and {cluster!r} is none of them",
                hint=nearest(cluster or "", names),
            )
        )
    here = plan.cluster(cluster)
    context = factory_context(factory, plan, cluster)
    objects = [
        *base.objects(factory, plan, here),
        *admission.objects(factory, context),
        *devices.objects(factory, here),
        *storage.objects(factory, plan, here),
        *tenants.objects(factory, plan, here),
        *network.objects(factory, here),
        *queues.objects(factory, here),
    ]
    return Bundle(cluster, tuple(sorted(objects, key=_order)))


def _order(obj: Mapping[str, Any]) -> tuple[int, str, str]:
    """Sort by kind in the order of application, then by namespace and name."""
    metadata = obj["metadata"]
    return (_ORDER.index(obj["kind"]), metadata.get("namespace", ""), metadata["name"])


def _yaml(objects: Any) -> str:
    """Write a YAML stream, keys in the order of Kubernetes' own habit."""
    return yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=True, default_flow_style=False, allow_unicode=True, width=1_000_000, explicit_start=True
    )


class _Dumper(yaml.SafeDumper):
    """Writes repeated parts out, without anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Never refer back to an earlier part."""
        return True


def _listed(kustomization: Path) -> set[str]:
    """Give the files that an earlier run of ours listed; none where there is no such list."""
    try:
        data = yaml.safe_load(kustomization.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return set()
    names = data.get("resources") if isinstance(data, dict) else None
    return {name for name in names or [] if isinstance(name, str) and name.endswith(".yaml") and "/" not in name}

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

from sovereign_ai.errors import Problem, SpecError, UsageError, Where, nearest
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.folder import put, refuse_others, remove
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
_LIST = "kustomization.yaml"
_LISTS = (_LIST, "kustomization.yml", "Kustomization")
"""Names under which kustomize looks for its list; two of them in one folder are an error to it."""


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

        Files that an earlier run left for components that are gone are removed; others are not touched. What an earlier run
        left is what its kustomization lists, which bears a digest: one of somebody else's, or changed since, is refused.

        Args:
            folder: made where it is missing.

        Returns:
            The files, sorted.

        Raises:
            UsageError: a kustomization or another file is in the way that no earlier run wrote; nothing is written then.
            OSError: the folder cannot be written.
        """
        texts = {f"{name}.yaml": _yaml(objects) for name, objects in self.by_component().items()}
        listing = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(texts)}
        files = {_LIST: _marked(_yaml([listing])), **texts}
        ours = _earlier(folder)
        refuse_others(folder, files, ours)
        folder.mkdir(parents=True, exist_ok=True)
        remove(folder, ours - set(files))
        for name, text in files.items():
            put(folder, name, text.encode())
        return tuple(sorted(folder / name for name in files))


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


def _marked(listing: str) -> str:
    """Put our mark above a kustomization: who wrote it, and the digest by which a change of another hand shows."""
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return f"# Written by `sovereign-ai render`, as are the files it lists; sha256 of what follows: {digest}\n{listing}"


def _earlier(folder: Path) -> frozenset[str]:
    """Give the files that an earlier run of ours left, by its kustomization; none where there is no kustomization.

    Raises:
        UsageError: a kustomization that no run of ours wrote, or that was changed since.
    """
    texts = {name: (folder / name).read_text(encoding="utf-8", errors="replace") for name in _LISTS if (folder / name).is_file()}
    foreign = [name for name, text in texts.items() if name != _LIST or text != _marked(text.partition("\n")[2])]
    if foreign:
        message = "no earlier run wrote this kustomization, or it was changed since"
        hint = "name another folder, undo what was changed in it, or remove it and those of its files that `render` wrote"
        raise UsageError(Problem("not-ours", message, Where(str(folder / name)), hint) for name in foreign)
    return frozenset(line.removeprefix("- ") for text in texts.values() for line in text.splitlines() if line.startswith("- ")) | set(texts)

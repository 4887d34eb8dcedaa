"""A cluster's objects, in the order in which they are applied.

bundle = render(factory, plan, "lab")
bundle.digest, len(bundle.objects), sorted(bundle.by_component())
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson
import yaml

from sovereign_ai.errors import Problem, SpecError, UsageError, Where, nearest
from sovereign_ai.files import LISTING, read
from sovereign_ai.files.writing import require_own_links
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan, dispatches, plan_manifests
from sovereign_ai.render.folder import earlier_names, put, refuse_others, remove
from sovereign_ai.render.kubernetes import (
    admission,
    base,
    devices,
    multikueue,
    network,
    platform,
    queues,
    requests,
    storage,
    tenants,
)
from sovereign_ai.render.kubernetes.object_order import is_of_platform, levels, prerequisites
from sovereign_ai.render.kubernetes.sizes import object_problems
from sovereign_ai.rules import factory_context
from sovereign_ai.spec import AIFactory, manifest_title
from sovereign_ai.text import counted

_C_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PLAIN_TEXT = re.compile("[\\x00-\\x7f\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd]*")
_LONGEST_PLAIN_KEY = 100
"""Characters; from 122 on PyYAML writes a key behind a question mark, and libyaml from a few more on."""

# Namespaces come first, since others lie in them; policies before anything that they judge, and a policy
# before its binding, without which it does nothing. A FlowSchema
# leads to a priority level. Queues refer to flavors and admission checks, those to topologies and workers.
KIND_ORDER = (
    "Namespace",
    "ValidatingAdmissionPolicy",
    "MutatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicyBinding",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "DeviceClass",
    "PriorityLevelConfiguration",
    "FlowSchema",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ConfigMap",
    "Topology",
    "ResourceFlavor",
    "MultiKueueCluster",
    "MultiKueueConfig",
    "AdmissionCheck",
    "ClusterQueue",
    "LocalQueue",
)
"""Every kind that is ever rendered, in the order of application."""
_CUSTOM = KIND_ORDER.index("Topology")
"""Where kinds begin that a controller defines."""
KUSTOMIZATION = "kustomization.yaml"
"""The list that kustomize reads."""
COMMAND = "render"
"""The command that writes the files, as their list names it."""
_LISTS = (KUSTOMIZATION, "kustomization.yml", "Kustomization")
"""Names under which kustomize looks for its list; it refuses a folder with two of them."""


@dataclass(frozen=True)
class Bundle:
    """The objects of one cluster.

    Attributes:
        cluster: the cluster's name.
        objects: plain mappings, in the order in which they are applied.
        rendered: the objects as they were rendered, where those above carry a stack's label, or where some
            are left out; empty otherwise.
        left_out: components whose objects are not deployed to this cluster.
    """

    cluster: str
    objects: tuple[dict[str, Any], ...]
    rendered: tuple[dict[str, Any], ...] = ()
    left_out: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the objects as they were rendered, hexadecimal."""
        objects = self.rendered or self.objects
        return hashlib.sha256(orjson.dumps(objects, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def of_stack(self, stack: str) -> Bundle:
        """Return this bundle with a stack's label on each object; the digest is the same.

        Args:
            stack: the stack's UUID.
        """
        rendered = self.rendered or self.objects
        labelled = tuple(_of_stack(obj, stack) for obj in _kept(rendered, self.left_out))
        return Bundle(self.cluster, labelled, rendered, self.left_out)

    def without(self, components: frozenset[str]) -> Bundle:
        """Return this bundle without the objects of some components; the digest is the same."""
        if not components:
            return self
        kept = tuple(_kept(self.objects, components))
        return Bundle(self.cluster, kept, self.rendered or self.objects, components)

    @property
    def custom_groups(self) -> tuple[str, ...]:
        """API groups that a bare API server does not serve: their CRDs must be there first."""
        groups = set()
        for obj in self.objects:
            groups.add(obj["apiVersion"].rpartition("/")[0])
        return tuple(sorted(group for group in groups if group.endswith(".x-k8s.io")))

    def by_component(self) -> dict[str, tuple[dict[str, Any], ...]]:
        """Return the objects by their component label, components sorted, objects in their order."""
        components: dict[str, list[dict[str, Any]]] = {}
        for obj in self.objects:
            labels = obj["metadata"]["labels"]
            components.setdefault(labels[KEYS.component], []).append(obj)
        return {name: tuple(components[name]) for name in sorted(components)}

    def to_yaml(self) -> str:
        """Return all objects as one YAML stream."""
        return yaml_stream(self.objects)

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write one file a component and a kustomization.yaml that lists them.

        Files that an earlier run left for components that are gone are removed; others are not touched. The
        files of an earlier run are those that its kustomization lists. That list carries a digest: one that
        `render` did not write, or that was changed since, is refused.

        Args:
            folder: made where it is missing.

        Returns:
            The files, sorted.

        Raises:
            UsageError: a kustomization or another file is in the way that no earlier run wrote, or the folder
                is reached over a link of another user; nothing is written then.
            OSError: the folder cannot be written.
        """
        require_own_links(folder)
        files = self.files()
        # An earlier run may have written a folder a cluster here, a chart, or objects of Argo CD or Flux.
        earlier = earlier_files(folder) | earlier_names(folder, COMMAND)
        refuse_others(folder, files, earlier)
        folder.mkdir(parents=True, exist_ok=True)
        remove(folder, earlier - set(files))
        for name, text in files.items():
            put(folder, name, text.encode())
        return tuple(sorted(folder / name for name in files))

    def files(self) -> dict[str, str]:
        """Return the text of one file a component and of a kustomization.yaml that lists them, by name.

        The list comes first: a run that is killed after it leaves only files that the next run knows.
        """
        texts: dict[str, str] = {}
        for component, objects in self.by_component().items():
            texts[f"{component}.yaml"] = yaml_stream(objects)
        listing = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": sorted(texts),
        }
        return {KUSTOMIZATION: _marked(yaml_stream([listing])), **texts}


def render(factory: AIFactory, plan: Plan, cluster: str | None = None) -> Bundle:
    """Render the objects of one cluster.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: the cluster's name; may be left out where the plan has one.

    Raises:
        SpecError: no such cluster, or several and none named; or an object that etcd would not accept.
    """
    names = []
    for each in plan.clusters:
        name = each.name
        names.append(name)
    if cluster is None and len(names) == 1:
        cluster = names[0]
    if cluster not in names:
        message = f"the plan has {counted(len(names), 'cluster')}, and {cluster!r} is none of them"
        raise SpecError(Problem("unknown-cluster", message, hint=nearest(cluster or "", names)))
    planned = plan.cluster(cluster)
    context = factory_context(factory, plan, cluster)
    sent = dispatches(factory, plan.clusters)
    objects = [
        *base.objects(factory, plan, planned),
        *admission.objects(factory, context),
        *devices.objects(factory, planned),
        *storage.objects(factory, plan, planned),
        *tenants.objects(factory, plan, planned),
        *requests.objects(factory, planned),
        *network.objects(factory, planned),
        *queues.objects(factory, planned, sent if cluster == factory.name else ()),
        *multikueue.objects(factory, planned, sent),
        *platform.objects(factory),
    ]
    problems = [*object_problems(factory, objects), *_collisions(factory, objects)]
    if problems:
        raise SpecError(problems)
    depths = levels(prerequisites(objects))
    objects.sort(key=partial(_application_order, depths))
    return Bundle(cluster, tuple(objects))


def _kept(objects: Iterable[dict[str, Any]], left_out: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects without those of some components, but for namespaces in which others have objects."""
    listed = list(objects)
    kept = [obj["metadata"]["labels"][KEYS.component] not in left_out for obj in listed]
    needed = {obj["metadata"].get("namespace") for obj, is_kept in zip(listed, kept, strict=True) if is_kept}
    for obj, is_kept in zip(listed, kept, strict=True):
        if is_kept or (obj["kind"] == "Namespace" and obj["metadata"]["name"] in needed):
            yield obj


def _of_stack(obj: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return a copy of an object with the label of a stack."""
    metadata = obj["metadata"]
    labels = {**metadata["labels"], KEYS.stack: stack}
    return {**obj, "metadata": {**metadata, "labels": dict(sorted(labels.items()))}}


def _collisions(factory: AIFactory, objects: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield a problem for each object of a controller under the name of another object of the bundle."""
    described: set[str] = set()
    of_platform: list[str] = []
    for obj in objects:
        if is_of_platform(obj):
            of_platform.append(manifest_title(obj))
        else:
            described.add(manifest_title(obj))
    if described.isdisjoint(of_platform) and len(set(of_platform)) == len(of_platform):
        return
    for manifest in plan_manifests(factory):
        name, where = manifest.title, factory.where(manifest.field)
        if name in described:
            message = f"{name} of the manifests is an object of the description too"
            yield Problem("name-taken", message, where, "take it out of the manifests")
        elif of_platform.count(name) > 1:
            message = f"{name} is in the manifests twice: a namespace that is left out is the controller's"
            yield Problem("duplicate-name", message, where, "keep one of the two")


def _application_order(depths: Mapping[str, int], obj: Mapping[str, Any]) -> tuple[int, int, str, str, str]:
    """Return the key that sorts by kind in the order of application, then by namespace and name.

    Objects of controllers come between the rights and the objects of kinds that controllers define, in the
    order of what each needs; their namespaces come with all others.

    Args:
        depths: how many objects must exist one after the other before each.
        obj: the object.
    """
    metadata, kind = obj["metadata"], obj["kind"]
    names = (metadata.get("namespace", ""), metadata["name"])
    if not is_of_platform(obj) or kind == "Namespace":
        return (KIND_ORDER.index(kind), 0, "", *names)
    return (_CUSTOM - 1, 1 + depths.get(manifest_title(obj), 0), kind, *names)


def yaml_stream(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return a YAML stream, keys sorted."""
    listed = list(objects)
    return yaml.dump_all(
        listed,
        Dumper=_LibraryDumper if all(map(_is_plain, listed)) else _ManifestDumper,
        sort_keys=True,
        default_flow_style=False,
        allow_unicode=True,
        # Long texts, such as CEL, stay in one line.
        width=1_000_000,
        explicit_start=True,
    )


def _is_plain(value: Any) -> bool:
    """Return whether both emitters write a value in the same bytes.

    They differ in line breaks and emoji beyond ASCII, which libyaml escapes, and in where they write a key
    behind a question mark.
    """
    if isinstance(value, str):
        return _PLAIN_TEXT.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return all(map(_is_plain_key, value)) and all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return True


def _is_plain_key(key: object) -> bool:
    """Return whether both emitters write a key without a question mark."""
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_PLAIN_KEY:
        return False
    return key.isprintable() and _is_plain(key)


class _ManifestDumper(yaml.SafeDumper):
    """Writes repeated parts out, without anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Never refer back to an earlier part."""
        return True


class _LibraryDumper(_C_DUMPER):  # type: ignore[misc]
    """The same by libyaml, in a twentieth of the time; without it by Python."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Never refer back to an earlier part."""
        return True


def _marked(listing: str) -> str:
    """Return a kustomization below a line with its writer, and a digest that shows any later change."""
    digest = hashlib.sha256(listing.encode()).hexdigest()
    mark = "# Written by `sovereign-ai render`, as are the files it lists"
    return f"{mark}; sha256 of what follows: {digest}\n{listing}"


def earlier_files(folder: Path) -> frozenset[str]:
    """Return the files that an earlier run wrote, by its kustomization; none where there is no kustomization.

    Raises:
        UsageError: there is a kustomization that `render` did not write, or that was changed since.
    """
    texts: dict[str, str] = {}
    for name in _LISTS:
        if os.path.lexists(folder / name):
            text = read(folder / name, LISTING).decode("utf-8", errors="replace")
            # An editor or Git may have changed the line ends, which is no change of the content.
            texts[name] = text.replace("\r\n", "\n")
    foreign: list[str] = []
    for name, text in texts.items():
        _, _, listing = text.partition("\n")
        if name != KUSTOMIZATION or text != _marked(listing):
            foreign.append(name)
    if foreign:
        message = "no earlier run wrote this kustomization, or it was changed since"
        hint = (
            "name another folder, undo what was changed in it, "
            "or remove it and those of its files that `render` wrote"
        )
        raise UsageError(Problem("not-ours", message, Where(str(folder / name)), hint) for name in foreign)
    files = set(texts)
    for text in texts.values():
        for line in text.splitlines():
            if line.startswith("- "):
                files.add(line.removeprefix("- "))
    return frozenset(files)

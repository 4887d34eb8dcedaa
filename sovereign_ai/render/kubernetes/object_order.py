"""What must exist before an object of a controller can: found in the objects themselves.

A custom object needs the definition of its kind, and whatever judges or converts it: the API server refuses
it while a webhook does not answer. A webhook needs its service, and the workload that the service leads to.
A workload needs the account that it runs as and what it mounts. A binding needs its role and its accounts.

    >>> crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    ...     "metadata": {"name": "a.b.c"},
    ...     "spec": {"group": "b.c", "names": {"kind": "A"}, "scope": "Cluster"}}
    >>> prerequisites([crd, {"apiVersion": "b.c/v1", "kind": "A", "metadata": {"name": "x"}}])["A/x"]
    ['CustomResourceDefinition/a.b.c']
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.plan import is_of_controller
from sovereign_ai.spec import api_group, defined_kind, manifest_title

Object = Mapping[str, Any]
WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
"""Kinds by which the API server asks a server about other objects."""
_API_SERVICES = ("apiregistration.k8s.io", "APIService")
_BINDINGS = frozenset({"ClusterRoleBinding", "RoleBinding"})


def is_of_platform(obj: Object) -> bool:
    """Return whether an object is rendered from a controller's manifests."""
    labels = obj["metadata"].get("labels") or {}
    return is_of_controller(str(labels.get(KEYS.component, "")))


def prerequisites(objects: Iterable[Object]) -> dict[str, list[str]]:
    """Return for each object of a controller, and each of a kind that one defines, what it needs.

    A need that would lead back to the object itself is left out, so that there is always an order.

    Args:
        objects: all objects of a bundle.

    Returns:
        Names of objects, `Kind/namespace/name`, to the sorted names of those that must exist before them.
    """
    listed = list(objects)
    if not any(is_of_platform(obj) or defined_kind(obj) for obj in listed):
        return {}
    known = _Definers(listed)
    needs: dict[str, list[str]] = {}
    for obj in listed:
        name = manifest_title(obj)
        wanted = set(known.makers_of(obj))
        if is_of_platform(obj):
            wanted.update(_references(obj))
            wanted.update(known.servers_of(obj))
        found = sorted(need for need in wanted if need in known.names and need != name)
        if found:
            needs[name] = found
    return _without_cycles(needs)


def levels(needs: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Return how many objects must exist one after the other before each; those without needs are left out.

    Args:
        needs: what `prerequisites` returned.
    """
    found: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in found:
            found[name] = 1 + max((level(need) for need in needs[name]), default=0) if name in needs else 0
        return found[name]

    for name in needs:
        level(name)
    return found


def awaited(objects: Iterable[Object]) -> frozenset[str]:
    """Return the names of the workloads that answer the API server: others wait until they are ready."""
    listed = list(objects)
    known = _Definers(listed)
    names: set[str] = set()
    for obj in listed:
        for name in (*known.servers_of(obj), *known.converters_of(obj)):
            if not name.startswith("Service/"):
                names.add(name)
    return frozenset(names)


class _Definers:
    """The objects of a bundle by what others look for in them."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.names: set[str] = set()
        self._definitions: dict[tuple[str, str], Object] = {}
        self._webhooks: list[Object] = []
        self._services: dict[tuple[str, str], Object] = {}
        self._workloads: list[Object] = []
        for obj in objects:
            self.names.add(manifest_title(obj))
            if defined := defined_kind(obj):
                self._definitions[defined[:2]] = obj
            if obj["kind"] in WEBHOOKS:
                self._webhooks.append(obj)
            if (api_group(obj), obj["kind"]) == ("", "Service"):
                self._services[obj["metadata"].get("namespace", ""), obj["metadata"]["name"]] = obj
            if _template(obj) is not None:
                self._workloads.append(obj)

    def makers_of(self, obj: Object) -> Iterator[str]:
        """Yield what makes a custom object possible: its definition, its converters and its webhooks."""
        definition = self._definitions.get((api_group(obj), obj["kind"]))
        if definition is None:
            return
        yield manifest_title(definition)
        yield from self.converters_of(definition)
        for webhook in self._webhooks:
            if _judges(webhook, api_group(obj)):
                yield manifest_title(webhook)

    def converters_of(self, definition: Object) -> Iterator[str]:
        """Yield the service that converts objects of a definition, and the workloads behind it."""
        conversion = _mapping(_mapping(definition.get("spec")).get("conversion"))
        yield from self._behind(_mapping(_mapping(conversion.get("webhook")).get("clientConfig")))

    def servers_of(self, obj: Object) -> Iterator[str]:
        """Yield the services that an object has the API server ask, and the workloads behind them."""
        if obj["kind"] in WEBHOOKS:
            for webhook in _mappings(obj.get("webhooks")):
                yield from self._behind(_mapping(webhook.get("clientConfig")))
        elif (api_group(obj), obj["kind"]) == _API_SERVICES:
            yield from self._behind(_mapping(obj.get("spec")))

    def _behind(self, client: Object) -> Iterator[str]:
        """Yield the service of a client configuration, and the workloads whose pods it selects."""
        reference = _mapping(client.get("service"))
        key = (str(reference.get("namespace", "")), str(reference.get("name", "")))
        service = self._services.get(key)
        if service is None:
            return
        yield manifest_title(service)
        selector = _mapping(_mapping(service.get("spec")).get("selector"))
        for workload in self._workloads:
            labels = _mapping(_mapping((_template(workload) or {}).get("metadata")).get("labels"))
            is_there = workload["metadata"].get("namespace", "") == key[0]
            if is_there and selector and selector.items() <= labels.items():
                yield manifest_title(workload)


def _judges(webhook: Object, group: str) -> bool:
    """Return whether a webhook configuration is about objects of an API group."""
    for entry in _mappings(webhook.get("webhooks")):
        for rule in _mappings(entry.get("rules")):
            groups = rule.get("apiGroups")
            if isinstance(groups, list) and (group in groups or "*" in groups):
                return True
    return False


def _references(obj: Object) -> Iterator[str]:
    """Yield the names of what an object names: its namespace, role, accounts, and what its pods use."""
    namespace = str(obj["metadata"].get("namespace") or "")
    if namespace:
        yield f"Namespace/{namespace}"
    if obj["kind"] in _BINDINGS:
        role = _mapping(obj.get("roleRef"))
        scope = f"Role/{namespace}" if role.get("kind") == "Role" else "ClusterRole"
        yield f"{scope}/{role.get('name')}"
        for subject in _mappings(obj.get("subjects")):
            if subject.get("kind") == "ServiceAccount":
                yield f"ServiceAccount/{subject.get('namespace') or namespace}/{subject.get('name')}"
    template = _template(obj)
    if template is not None:
        yield from _references_of_pod(_mapping(template.get("spec")), namespace)
    if obj["kind"] == "StatefulSet":
        yield f"Service/{namespace}/{_mapping(obj.get('spec')).get('serviceName')}"


def _references_of_pod(pod: Object, namespace: str) -> Iterator[str]:
    """Yield the names of what a pod uses."""
    yield f"ServiceAccount/{namespace}/{pod.get('serviceAccountName') or pod.get('serviceAccount')}"
    yield f"PriorityClass/{pod.get('priorityClassName')}"
    yield f"RuntimeClass/{pod.get('runtimeClassName')}"
    for volume in _mappings(pod.get("volumes")):
        claim = _mapping(volume.get("persistentVolumeClaim"))
        yield f"PersistentVolumeClaim/{namespace}/{claim.get('claimName')}"
        yield f"ConfigMap/{namespace}/{_mapping(volume.get('configMap')).get('name')}"
        for source in _mappings(_mapping(volume.get("projected")).get("sources")):
            yield f"ConfigMap/{namespace}/{_mapping(source.get('configMap')).get('name')}"
    for container in (*_mappings(pod.get("initContainers")), *_mappings(pod.get("containers"))):
        for source in _mappings(container.get("envFrom")):
            yield f"ConfigMap/{namespace}/{_mapping(source.get('configMapRef')).get('name')}"
        for variable in _mappings(container.get("env")):
            source = _mapping(_mapping(variable.get("valueFrom")).get("configMapKeyRef"))
            yield f"ConfigMap/{namespace}/{source.get('name')}"


def _template(obj: Object) -> Object | None:
    """Return the pod template of a workload of Kubernetes; None for any other object."""
    spec = _mapping(obj.get("spec"))
    if (api_group(obj), obj["kind"]) == ("batch", "CronJob"):
        spec = _mapping(_mapping(spec.get("jobTemplate")).get("spec"))
    template = spec.get("template")
    is_workload = api_group(obj) in {"apps", "batch"} and isinstance(template, Mapping)
    return template if is_workload else None


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that is a mapping; an empty one for any other: manifests are not ours."""
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list; none where the value is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _without_cycles(needs: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the needs without those that lead back, in the order in which the objects are met."""
    kept: dict[str, list[str]] = {}
    done: set[str] = set()

    def visit(name: str, path: frozenset[str]) -> None:
        if name in done:
            return
        inner = path | {name}
        kept[name] = [need for need in needs.get(name, ()) if need not in inner]
        for need in kept[name]:
            visit(need, inner)
        done.add(name)

    for name in needs:
        visit(name, frozenset())
    return {name: found for name, found in kept.items() if found}

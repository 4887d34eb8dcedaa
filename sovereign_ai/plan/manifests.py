"""The objects of controllers as they are deployed: completed, each with its field of the description.

Added is the namespace that a publisher leaves out, and the namespace itself where the manifests do not bring
it. Left out is what only an API server writes.

    for planned in plan_manifests(factory):
        planned.controller, planned.field, planned.obj
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.catalog import controller_row
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import is_reserved_namespace
from sovereign_ai.plan.object_scopes import is_namespaced
from sovereign_ai.spec import AIFactory, Controller, api_group, defined_kind, manifest_title

_COMPONENT = "platform."
_CONTAINERS = frozenset({"containers", "ephemeralContainers", "initContainers"})


@frozen_dataclass
class PlannedManifest:
    """One object of a controller.

    Attributes:
        controller: the controller's name.
        field: the object's field in the description; the controller's where the plan adds the object.
        obj: the object, as it is deployed but for the labels of its owner.
    """

    controller: str
    field: str
    obj: dict[str, Any]

    @property
    def component(self) -> str:
        """The part of the description that it belongs to, as labels name it."""
        return f"{_COMPONENT}{self.controller}"

    @property
    def title(self) -> str:
        """Its name for messages, `Kind/namespace/name`."""
        return manifest_title(self.obj)


def is_of_controller(component: str) -> bool:
    """Return whether a part of the description is a controller's."""
    return component.startswith(_COMPONENT)


def plan_manifests(factory: AIFactory) -> tuple[PlannedManifest, ...]:
    """Return every object of the platform's controllers, in the order of the description."""
    if factory.platform is None:
        return ()
    scopes: dict[tuple[str, str], bool] = {}
    brought: set[str] = set()
    for controller in factory.platform.controllers:
        for obj in controller.manifests:
            if defined := defined_kind(obj):
                scopes[defined[:2]] = defined[2]
            if (api_group(obj), obj["kind"]) == ("", "Namespace"):
                brought.add(obj["metadata"]["name"])
    planned: list[PlannedManifest] = []
    for index, controller in enumerate(factory.platform.controllers):
        field = f"platform.controllers[{index}]"
        namespace = controller.namespace or controller_row(controller.name).namespace
        # Kubernetes' own namespaces exist, and two controllers may share one.
        if controller.manifests and namespace not in brought and not _exists(namespace):
            brought.add(namespace)
            obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            planned.append(PlannedManifest(controller.name, field, obj))
        planned += _completed(controller, field, namespace, scopes)
    return tuple(planned)


def images_in(obj: Mapping[str, Any]) -> Iterator[str]:
    """Yield the image of each container that an object runs, wherever a pod stands in it."""
    # A definition holds descriptions of fields, and no pod.
    if defined_kind(obj) is None:
        yield from _images(obj)


def _images(value: Any) -> Iterator[str]:
    """Yield the images of containers in a value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _CONTAINERS and isinstance(inner, list):
                for container in inner:
                    image = container.get("image") if isinstance(container, Mapping) else None
                    if isinstance(image, str):
                        yield image
            yield from _images(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _images(inner)


def _exists(namespace: str) -> bool:
    """Return whether every cluster has a namespace before anything is deployed."""
    return namespace == "default" or (is_reserved_namespace(namespace) and namespace.startswith("kube-"))


def _completed(
    controller: Controller, field: str, namespace: str, scopes: Mapping[tuple[str, str], bool]
) -> Iterator[PlannedManifest]:
    """Yield the objects of one controller with their namespaces, without what an API server writes."""
    for number, manifest in enumerate(controller.manifests):
        obj = _plain(manifest)
        obj.pop("status", None)
        if (api_group(obj), obj["kind"]) == ("", "Secret"):
            # A field without an entry, if it were written, would be this tool's and not the controller's.
            obj = {name: value for name, value in obj.items() if value not in (None, {})}
        # controller-gen writes a time of creation that is null.
        metadata = {name: value for name, value in obj["metadata"].items() if value is not None}
        metadata.pop("creationTimestamp", None)
        metadata.pop("generation", None)
        group, kind = api_group(obj), obj["kind"]
        in_namespace = scopes.get((group, kind), is_namespaced(group, kind))
        if in_namespace:
            metadata.setdefault("namespace", namespace)
        elif in_namespace is not None:
            # Some charts write one everywhere; the API server drops it.
            metadata.pop("namespace", None)
        obj["metadata"] = metadata
        yield PlannedManifest(controller.name, f"{field}.manifests[{number}]", obj)


def _plain(value: Any) -> Any:
    """Return a frozen value as plain mappings and lists."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value

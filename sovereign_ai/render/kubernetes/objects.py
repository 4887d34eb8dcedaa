"""Make objects with the labels that every deployed object carries.

>>> facts = Maker("lab").make("v1", "ConfigMap", "facts", "factory.lab", data={})
>>> facts["metadata"]["labels"][KEYS.component]
'factory.lab'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER

Object = dict[str, Any]


@frozen_dataclass
class Maker:
    """Makes objects of one factory.

    Attributes:
        factory: the factory's name.
    """

    factory: str

    def labels(self, component: str) -> dict[str, str]:
        """Return the labels of a component's objects."""
        return {KEYS.owner: OWNER, KEYS.factory: self.factory, KEYS.component: component}

    def make(
        self,
        api_version: str,
        kind: str,
        name: str,
        component: str,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Object:
        """Return one object.

        Args:
            api_version: its API group and version.
            kind: its kind.
            name: its name.
            component: the part of the description that it belongs to, `pool.train`.
            namespace: its namespace; left out for kinds without one.
            labels: further labels.
            annotations: its annotations.
            **body: its other top-level fields.
        """
        # Labels and annotations are sorted, so that the same objects give the same bytes.
        all_labels = {**self.labels(component), **(labels or {})}
        metadata: dict[str, Any] = {"name": name, "labels": dict(sorted(all_labels.items()))}
        if namespace is not None:
            metadata["namespace"] = namespace
        if annotations:
            metadata["annotations"] = dict(sorted(annotations.items()))
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}

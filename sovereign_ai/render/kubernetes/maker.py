"""Makes objects with the labels that everything of ours carries.

>>> Maker("lab").make("v1", "ConfigMap", "facts", "factory.lab", data={})["metadata"]["labels"][KEYS.component]
'factory.lab'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.names import KEYS, OWNER

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes objects of one factory.

    Attributes:
        factory: the factory's name.
    """

    factory: str

    def labels(self, component: str) -> dict[str, str]:
        """Give the labels of a component's objects."""
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
        """Make one object; further keywords are its top-level fields."""
        metadata: dict[str, Any] = {"name": name, "labels": dict(sorted({**self.labels(component), **(labels or {})}.items()))}
        if namespace is not None:
            metadata["namespace"] = namespace
        if annotations:
            metadata["annotations"] = dict(sorted(annotations.items()))
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}

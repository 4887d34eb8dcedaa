"""Read from a cluster what was recorded of the description that was deployed last.

`render/kubernetes/record.py` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.objects import FIELD_MANAGER
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.render.kubernetes import MACHINES, PARTS

Object = Mapping[str, Any]


@frozen_dataclass
class DeployedRecord:
    """What was deployed last; empty where nothing was, or an older version deployed it.

    Attributes:
        machines: pool to what its machines are.
        parts: kind of part to name to its fingerprint.
    """

    machines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    @property
    def components(self) -> set[str]:
        """The component labels of the parts that it names, such as `zone.open`."""
        return {f"{kind}.{name}" for kind, names in self.parts.items() for name in names}


def deployed_record(api: Api, factory: str, cluster: str) -> DeployedRecord:
    """Read the record of a factory from a cluster.

    Args:
        api: the cluster.
        factory: the factory's name.
        cluster: the plan's name for the cluster.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    found = api.get("v1", "ConfigMap", "factory", SYSTEM_NAMESPACE)
    return record_in([] if found is None else [found], factory, cluster)


def record_in(objects: Iterable[Object], factory: str, cluster: str) -> DeployedRecord:
    """Return the record that is among some live objects of a factory on a cluster.

    What somebody else wrote into it since says nothing of what was deployed: by it, machines that did not
    change would be drained.

    Args:
        objects: the objects.
        factory: the factory's name.
        cluster: the plan's name for the cluster.
    """
    for obj in objects:
        data = obj.get("data") or {}
        is_record = obj["kind"] == "ConfigMap" and obj["metadata"]["name"] == "factory"
        if is_record and (data.get("factory"), data.get("cluster")) == (factory, cluster):
            own = {key: data.get(key) for key in (MACHINES, PARTS) if _is_as_applied(obj["metadata"], key)}
            kinds = {kind: _texts(named) for kind, named in _nested(own.get(PARTS)).items()}
            return DeployedRecord(_texts(_nested(own.get(MACHINES))), kinds)
    return DeployedRecord()


def _is_as_applied(metadata: Object, key: str) -> bool:
    """Return whether an entry of a live ConfigMap is as this tool has applied it last.

    The API server takes a field from its manager once another one writes another value. A rendered object has
    no managers.
    """
    entries = metadata.get("managedFields") or ()
    owners = []
    for entry in entries:
        if f"f:{key}" in ((entry.get("fieldsV1") or {}).get("f:data") or {}):
            owners.append(entry.get("manager"))
    return not entries or FIELD_MANAGER in owners


def _nested(text: object) -> dict[str, dict[str, Any]]:
    """Return what a text of the record holds; nothing where somebody else wrote something into it."""
    try:
        value = orjson.loads(text) if isinstance(text, str) else {}
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: inner for key, inner in value.items() if isinstance(inner, dict)}


def _texts(named: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return the texts under each name, without what is none."""
    texts: dict[str, dict[str, str]] = {}
    for name, fields in named.items():
        if isinstance(fields, Mapping):
            texts[name] = {field: value for field, value in fields.items() if isinstance(value, str)}
    return texts

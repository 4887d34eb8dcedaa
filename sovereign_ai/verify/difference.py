"""The fields in which a live object differs from a rendered one.

Both sides must match: a rendered field must be live, and a live field must be rendered or be a default of the
API server. Which values count as equal says `equal_values.py`. Lists must be equal item by item.

Objects of controllers have fields of any kind, and are compared by who set each (`manifest_fields.py`).

Of metadata only the rendered labels and annotations count, and those that give somebody more: Pod Security,
RBAC aggregation, zones and tenants.

    >>> list(value_differences({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, "spec"))
    []
    >>> print(*value_differences([{"port": 1}], [{"port": 1}, {"port": 2}], "ports"))
    ports: more than wanted: [{"port":2}]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.verify.defaults import completed
from sovereign_ai.verify.equal_values import are_equal, is_empty
from sovereign_ai.verify.findings import Difference
from sovereign_ai.verify.manifest_fields import manifest_differences

_NOT_COMPARED = {"apiVersion", "kind", "metadata", "status"}
"""Top-level fields that identify an object, that `_metadata` compares, or that controllers write."""
_GUARDED_LABELS = (
    "pod-security.kubernetes.io/",
    "rbac.authorization.k8s.io/aggregate-to-",
    f"{KEYS.domain}/",
    f"{KEYS.restricted}/",
)
_GUARDED_ANNOTATIONS = ("storageclass.kubernetes.io/is-default-class",)
"""Labels and annotations that give somebody more; they count even where none of them is rendered."""
_PLAIN_MAPS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "parameters"})
"""Maps of texts, which the server leaves out where they are empty."""


def object_differences(
    wanted: Mapping[str, Any], live: Mapping[str, Any], schema: Mapping[str, Any] | None = None
) -> Iterator[Difference]:
    """Yield the differences between a rendered object and the live object of its name.

    Args:
        wanted: the object as it was rendered.
        live: the object as it was read.
        schema: a custom resource's schema, for its defaults.
    """
    yield from _metadata(wanted, live)
    if is_of_platform(wanted):
        yield from manifest_differences(wanted, live)
        return
    wanted_fields = _compared_fields(completed(wanted, schema))
    yield from value_differences(wanted_fields, _compared_fields(live), "")


def _compared_fields(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in _NOT_COMPARED}


def value_differences(wanted: Any, live: Any, path: str) -> Iterator[Difference]:
    """Yield the differences between two values at a path."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        keys = {*_keys_with_content(wanted), *_keys_with_content(live)}
        for key in sorted(keys):
            key_path = f"{path}.{key}" if path else key
            yield from value_differences(wanted.get(key), live.get(key), key_path)
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, (wanted_item, live_item) in enumerate(zip(wanted, live, strict=True)):
            yield from value_differences(wanted_item, live_item, f"{path}[{index}]")
    elif not are_equal(wanted, live, path):
        # Lists of unequal length end here as a whole: which item was added is not decided by position.
        yield Difference(path, wanted, live)


def _keys_with_content(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys whose values are not as good as left out."""
    for key, value in mapping.items():
        is_empty_map = key in _PLAIN_MAPS and not value
        if not is_empty(value) and not is_empty_map:
            yield key


def _metadata(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare rendered labels and annotations; an object that is being deleted differs too."""
    wanted_metadata, live_metadata = wanted["metadata"], live["metadata"]
    for field, guarded in (("labels", _GUARDED_LABELS), ("annotations", _GUARDED_ANNOTATIONS)):
        rendered = wanted_metadata.get(field) or {}
        present = live_metadata.get(field) or {}
        keys = set(rendered)
        for key in present:
            # The stack's own UUID is added at deployment and is in no rendered object.
            if key.startswith(guarded) and key != KEYS.stack:
                keys.add(key)
        for key in sorted(keys):
            if present.get(key) != rendered.get(key):
                yield Difference(f"metadata.{field}[{key}]", rendered.get(key), present.get(key))
    deleted = live_metadata.get("deletionTimestamp")
    if deleted:
        yield Difference("metadata.deletionTimestamp", None, deleted)

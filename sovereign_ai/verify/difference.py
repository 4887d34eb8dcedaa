"""The fields in which a live object differs from a rendered one.

Both sides must match: a rendered field must be live, and a live field must be rendered or be a default of the
API server. These count as equal: quantities of one amount (`1` and `1000m`), and a field that is left out,
null, an empty list or an empty text. An empty mapping differs from none: `namespaceSelector: {}` selects
every namespace. Lists must be equal item by item.

Objects of controllers have fields of any kind, and are compared by who set each (`manifest_fields.py`).

Of metadata only the rendered labels and annotations count, and those that give somebody more: Pod Security,
RBAC aggregation, zones and tenants.

    >>> list(value_differences({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, "spec"))
    []
    >>> print(*value_differences([{"port": 1}], [{"port": 1}, {"port": 2}], "ports"))
    ports: more than wanted: [{"port":2}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.verify.defaults import completed
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
_QUANTITIES = frozenset({
    "allocatable", "borrowingLimit", "capacity", "default", "defaultRequest", "hard", "lendingLimit",
    "limits", "max", "maxLimitRequestRatio", "min", "nominalQuota", "podFixed", "requests",
})  # fmt: skip
"""Fields that hold a quantity, or a mapping of quantities."""
_PLAIN_MAPS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "parameters"})
"""Maps of texts, which the server leaves out where they are empty."""
# The grammar of k8s.io/apimachinery/pkg/api/resource: a decimal number, then an exponent or one suffix.
_QUANTITY = re.compile(
    r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:([eE][+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i))?$"
)
_LONGEST_QUANTITY = 64
"""Characters; Kubernetes caps a quantity at 2^63-1, and a longer text only takes time."""
_SUFFIXES = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
for _power, _letter in enumerate("kMGTPE", 1):
    _SUFFIXES[_letter] = Fraction(1000**_power)
    _SUFFIXES[f"{_letter.upper()}i"] = Fraction(1024**_power)


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


def quantity(value: Any) -> Fraction | None:
    """Parse a Kubernetes quantity exactly; return None if the value is not one."""
    # bool is a kind of int in Python, and no quantity in Kubernetes.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_QUANTITY:
        return None
    text = str(value)
    match = _QUANTITY.match(text) if len(text) <= _LONGEST_QUANTITY else None
    if match is None:
        return None
    number = Fraction(match[1].rstrip("."))
    exponent, suffix = match[2], match[3]
    if exponent:
        return number * Fraction(10) ** int(exponent[1:])
    return number * _SUFFIXES[suffix] if suffix else number


def _keys_with_content(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys whose values are not as good as left out."""
    for key, value in mapping.items():
        is_empty_map = key in _PLAIN_MAPS and not value
        if not _is_empty(value) and not is_empty_map:
            yield key


def _is_empty(value: Any) -> bool:
    """Return whether a value is as good as left out."""
    return value is None or value in ([], "")


def are_equal(wanted: Any, live: Any, path: str) -> bool:
    """Return whether two plain values are equal."""
    # Python holds True equal to 1, and Kubernetes does not.
    if isinstance(wanted, bool) is isinstance(live, bool) and wanted == live:
        return True
    if _is_empty(wanted) and _is_empty(live):
        return True
    # `1` and `1000m` are one amount only where the field is a quantity: in a ConfigMap they are two texts.
    if not _QUANTITIES.intersection(re.split(r"[.\[]", path)):
        return False
    wanted_amount = quantity(wanted)
    return wanted_amount is not None and wanted_amount == quantity(live)


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

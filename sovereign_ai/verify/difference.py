"""The fields in which a live object differs from a wanted one.

Both sides must say the same: what is wanted must be there, and what is there must be wanted or be
a default of the server. Equal are: quantities of one amount (`1` and `1000m`), and a field that is
left out and one that is null, an empty list or an empty text. An empty mapping is something else than
none: `namespaceSelector: {}` lets in every namespace. Lists must be equal item by item.

Of metadata only stated labels and annotations count, and those that give somebody more: Pod Security,
RBAC aggregation, zones and tenants.

    >>> list(values({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, "spec"))
    []
    >>> print(*values([{"port": 1}], [{"port": 1}, {"port": 2}], "ports"))
    ports: more than wanted: [{"port":2}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.verify.defaults import completed
from sovereign_ai.verify.findings import Difference

_APART = {"apiVersion", "kind", "metadata", "status"}
_GUARDED_LABELS = ("pod-security.kubernetes.io/", "rbac.authorization.k8s.io/aggregate-to-", f"{KEYS.domain}/", f"{KEYS.restricted}/")
_GUARDED_ANNOTATIONS = ("storageclass.kubernetes.io/is-default-class",)
"""Labels and annotations that give somebody more; they count even where nothing is stated about them."""
_QUANTITIES = frozenset({
    "allocatable", "borrowingLimit", "capacity", "default", "defaultRequest", "hard", "lendingLimit", "limits", "max",
    "maxLimitRequestRatio", "min", "nominalQuota", "podFixed", "requests",
})  # fmt: skip
"""Fields that hold a quantity, or a mapping of quantities."""
_PLAIN_MAPS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "parameters"})
"""Maps of texts, which the server leaves out where they are empty."""
_QUANTITY = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i))?$")
_SUFFIXES = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
_SUFFIXES |= {letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)}
_SUFFIXES |= {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)}


def objects(wanted: Mapping[str, Any], live: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> Iterator[Difference]:
    """Give the differences between a wanted object and the live one of its name.

    Args:
        wanted: the object as it was rendered.
        live: the object as it was read.
        schema: a custom resource's schema, for its defaults.
    """
    yield from _metadata(wanted, live)
    full = completed(wanted, schema)
    body = {key: value for key, value in full.items() if key not in _APART}
    there = {key: value for key, value in live.items() if key not in _APART}
    yield from values(body, there, "")


def values(wanted: Any, found: Any, path: str) -> Iterator[Difference]:
    """Give the differences between two values at a path."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted({*_stated(wanted), *_stated(found)}):
            yield from values(wanted.get(key), found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from values(one, other, f"{path}[{index}]")
    elif not _same(wanted, found, path):
        yield Difference(path, wanted, found)


def quantity(text: Any) -> Fraction | None:
    """Read a Kubernetes quantity exactly; None if it is none."""
    match = _QUANTITY.match(str(text)) if isinstance(text, str | int | float) and not isinstance(text, bool) else None
    if match is None:
        return None
    number = Fraction(match[1].rstrip("."))
    if match[2]:
        return number * Fraction(10) ** int(match[2][1:])
    return number * (_SUFFIXES[match[3]] if match[3] else 1)


def _stated(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Give the keys that say something."""
    return (key for key, value in mapping.items() if not _says_nothing(value) and not (key in _PLAIN_MAPS and not value))


def _says_nothing(value: Any) -> bool:
    """Tell whether a value is as good as left out."""
    return value is None or value in ([], "")


def _same(wanted: Any, found: Any, path: str) -> bool:
    """Compare two plain values."""
    if isinstance(wanted, bool) is isinstance(found, bool) and wanted == found:
        return True
    if _says_nothing(wanted) and _says_nothing(found):
        return True
    if not _QUANTITIES.intersection(re.split(r"[.\[]", path)):
        return False
    return quantity(wanted) is not None and quantity(wanted) == quantity(found)


def _metadata(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare stated labels and annotations; an object on its way out is a difference."""
    ours, theirs = wanted["metadata"], live["metadata"]
    for part, guarded in (("labels", _GUARDED_LABELS), ("annotations", _GUARDED_ANNOTATIONS)):
        stated, there = ours.get(part) or {}, theirs.get(part) or {}
        for key in sorted({*stated, *(key for key in there if key.startswith(guarded))}):
            if there.get(key) != stated.get(key):
                yield Difference(f"metadata.{part}[{key}]", stated.get(key), there.get(key))
    if theirs.get("deletionTimestamp"):
        yield Difference("metadata.deletionTimestamp", None, theirs["deletionTimestamp"])

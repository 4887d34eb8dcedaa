"""Which plain values of Kubernetes count as equal, and its quantities.

These do: quantities of one amount (`1` and `1000m`), and a field that is left out, null, an empty list or an
empty text. An empty mapping differs from none: `namespaceSelector: {}` selects every namespace.

    >>> are_equal("1", "1000m", "limits.cpu"), are_equal("1", "1000m", "data.count")
    (True, False)
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

_QUANTITIES = frozenset({
    "allocatable", "borrowingLimit", "capacity", "default", "defaultRequest", "hard", "lendingLimit",
    "limits", "max", "maxLimitRequestRatio", "min", "nominalQuota", "podFixed", "requests",
})  # fmt: skip
"""Fields that hold a quantity, or a mapping of quantities."""
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


def is_empty(value: Any) -> bool:
    """Return whether a value is as good as left out."""
    return value is None or value in ([], "")


def are_equal(wanted: Any, live: Any, path: str) -> bool:
    """Return whether two plain values are equal."""
    # Python holds True equal to 1, and Kubernetes does not.
    if isinstance(wanted, bool) is isinstance(live, bool) and wanted == live:
        return True
    if is_empty(wanted) and is_empty(live):
        return True
    # `1` and `1000m` are one amount only where the field is a quantity: in a ConfigMap they are two texts.
    if not _QUANTITIES.intersection(re.split(r"[.\[]", path)):
        return False
    wanted_amount = quantity(wanted)
    return wanted_amount is not None and wanted_amount == quantity(live)

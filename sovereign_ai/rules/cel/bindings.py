"""Names for values in an expression: CEL has no `let`.

Rules call the zone of an object `variables.zone`, and what that zone may reach `variables.outside`. For an
object outside namespaces, `in_zone` binds both.
"""

from __future__ import annotations

OUTSIDE = "$outside.filter(g, g[0] == variables.zone).map(g, g[1])"
"""CEL for the address ranges and hosts at the other end of the gateways that the object's zone may use."""


def in_zone(expression: str, zone: str) -> str:
    """Return a condition for an object outside namespaces.

    Args:
        expression: the condition, for an object in a namespace.
        zone: expression of the zone that the object serves.
    """
    # Each part is named once: an expression costs its type checker the square of its length.
    named_once = expression.replace("variables.zone", "zone").replace("variables.outside", "outside")
    outside = bound("outside", OUTSIDE.replace("variables.zone", "zone"), named_once)
    return bound("zone", zone, outside.replace("variables.own_domains", "[]"))


def bound(name: str, value: str, condition: str) -> str:
    """Return CEL: a condition holds that calls a value by a name.

    CEL has no `let`. A value that a condition asks for more than once is written once, and computed once.

    >>> bound("v", "object.a[k]", "v == '' || v.contains('.')")
    "[object.a[k]].all(v, v == '' || v.contains('.'))"
    """
    return f"[{value}].all({name}, {condition})"

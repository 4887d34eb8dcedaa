"""Services that running parts ask: none that every factory needs is unused, and what is unused says no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

NEEDED = frozenset({"identity", "dns", "time", "ca", "packages"})
"""Kinds without which no factory runs."""


def check_services(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a service that is not used and needed, held by somebody, or used after all."""
    used = {one.kind: one.name for one in factory.services if one.used}
    for index, one in enumerate(factory.services):
        if one.used:
            continue
        field = f"services[{index}]"
        if one.kind in NEEDED:
            message = f"every factory needs a service of kind {one.kind!r}"
            yield Problem(
                "contradiction", message, Where(field=f"{field}.used"), "remove 'used: false', and name the operator if it runs its own"
            )
        elif one.kind in used:
            message = f"no {one.kind} service is used, and {used[one.kind]!r} is one"
            yield Problem("contradiction", message, Where(field=f"{field}.used"), "keep one of the two")
        for name in ("supplier", "entity", "jurisdiction", "grace", "alternative"):
            if getattr(one, name) is not None:
                message = f"a service that is not used has no {name}"
                yield Problem("contradiction", message, Where(field=f"{field}.{name}"), f"remove {name!r}, or 'used: false'")

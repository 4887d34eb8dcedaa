"""Services that running parts depend on: needed ones are used, unused ones have no further fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

NEEDED = frozenset({"identity", "dns", "time", "ca", "packages"})
"""Kinds without which no factory runs."""


def check_services(factory: AIFactory) -> Iterator[Problem]:
    """Refuse an unused service that every factory needs, that another entry uses, or that has a supplier."""
    used = {service.kind: service.name for service in factory.services if service.used}
    for index, service in enumerate(factory.services):
        if service.used:
            continue
        field = f"services[{index}]"
        where = Where(field=f"{field}.used")
        if service.kind in NEEDED:
            message = f"every factory needs a service of kind {service.kind!r}"
            hint = "remove 'used: false', and name the operator if it runs its own"
            yield Problem("contradiction", message, where, hint)
        elif service.kind in used:
            message = f"no {service.kind} service is used, and {used[service.kind]!r} is one"
            yield Problem("contradiction", message, where, "keep one of the two")
        for name in ("supplier", "entity", "jurisdiction", "grace", "alternative"):
            if getattr(service, name) is not None:
                message = f"a service that is not used has no {name}"
                hint = f"remove {name!r}, or 'used: false'"
                yield Problem("contradiction", message, Where(field=f"{field}.{name}"), hint)

"""Refuse that a namespace passes between a tenant and a controller of the platform under its name.

What its former owner made in a namespace stays in it: role bindings, accounts and their tokens, pods. In a
namespace of a controller a tenant's role binding would lead to the controller's rights, and a tenant would
find what a controller kept. Such a namespace goes first, and comes anew by a second deployment.

    problems = handover_problems(objects, live)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of
from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import KEYS

_NAMESPACE = ("", "Namespace")


def handover_problems(
    planned: Iterable[Mapping[str, Any]], live: Mapping[ObjectKey, Metadata]
) -> list[Problem]:
    """Return a problem for each namespace that is to pass between a tenant and a controller.

    Args:
        planned: the objects as the stack deploys them.
        live: the metadata of those that exist.
    """
    problems = []
    for obj in planned:
        key = key_of(obj)
        if (key.group, key.kind) != _NAMESPACE or key not in live:
            continue
        had, gets = live[key].get("labels") or {}, obj["metadata"].get("labels") or {}
        # A namespace without a part was made by somebody else and is adopted.
        if KEYS.component in had and bool(had.get(KEYS.tenant)) != bool(gets.get(KEYS.tenant)):
            problems.append(_problem(key, had, gets))
    return problems


def _problem(key: ObjectKey, had: Mapping[str, str], gets: Mapping[str, str]) -> Problem:
    """Return the problem of one namespace, with what to do instead."""
    message = (
        f"it is the namespace of {_owner(had)} and would be that of {_owner(gets)}, "
        "with everything that its former owner made in it"
    )
    hint = (
        f"give one of the two another namespace, or deploy first without {_owner(gets)}, "
        "so that the namespace goes, and then with it"
    )
    return Problem("namespace-handed-on", message, Where(field=str(key)), hint)


def _owner(labels: Mapping[str, str]) -> str:
    """Name whose a namespace is by its labels."""
    if tenant := labels.get(KEYS.tenant):
        return f"the tenant {tenant!r}"
    return f"the platform ({labels.get(KEYS.component, 'no part of it is named')})"

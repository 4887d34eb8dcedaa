"""Refuse that a namespace passes to somebody else under its name, with what its former owner keeps in it.

What its former owner made in a namespace stays: role bindings, accounts and their tokens, pods, volumes. In a
namespace of a controller a tenant's role binding would lead to its rights, and a tenant would find what a
controller, or another tenant, kept. Such a namespace goes first, and comes anew by a second
deployment. One in which a tenant keeps nothing passes to another one; one that somebody deleted is made anew.

    problems = handover_problems(api, objects, live)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of
from sovereign_ai.deploy.removal.deletions import losses
from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import KEYS

_NAMESPACE = ("", "Namespace")


def handover_problems(
    api: Api, planned: Iterable[Mapping[str, Any]], live: Mapping[ObjectKey, Metadata]
) -> list[Problem]:
    """Return a problem for each namespace that is to pass to another owner with what is in it.

    Args:
        api: the cluster.
        planned: the objects as the stack deploys them.
        live: the metadata of those that exist.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    problems = []
    passing: dict[str, Problem] = {}
    for obj in planned:
        key = key_of(obj)
        if (key.group, key.kind) != _NAMESPACE or key not in live or live[key].get("deletionTimestamp"):
            continue
        had, gets = live[key].get("labels") or {}, obj["metadata"].get("labels") or {}
        # A namespace without a part was made by somebody else and is adopted.
        if KEYS.component not in had or had.get(KEYS.tenant) == gets.get(KEYS.tenant):
            continue
        if had.get(KEYS.tenant) and gets.get(KEYS.tenant):
            passing[key.name] = _problem(key, had, gets)
        else:
            problems.append(_problem(key, had, gets))
    for loss in losses(api, passing):
        if not loss.is_empty:
            problem = passing[loss.namespace]
            problems.append(replace(problem, message=f"{problem.message}: {loss}"))
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

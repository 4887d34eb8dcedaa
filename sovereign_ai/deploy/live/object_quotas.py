"""Find the quotas on numbers of objects that a deployment would exceed, before anything is written.

Anybody with rights in a namespace may limit how many objects of a kind it has (`count/networkpolicies.…` in a
ResourceQuota). A dry run tries objects one by one, one of each shape, and what an admission policy of the old
description refuses does not reach the quota. So what is created is counted here, by namespace and kind. The
API server decides by the same numbers: those in the quota's status.

    problems = quota_problems(api, bundle.objects, leaving, place_of(factory))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.errors import Problem, Where

Object = Mapping[str, Any]


def quota_problems(
    api: Api, planned: Iterable[Object], leaving: Iterable[Object], place: Callable[[Object], Where]
) -> list[Problem]:
    """Return a problem for each number of objects in a quota that a deployment would exceed.

    Args:
        api: the cluster.
        planned: the objects that are about to be deployed; those that exist are no new ones.
        leaving: the objects that are deleted, which may make room.
        place: returns the place in the description that an object comes from.

    Raises:
        ApiError: the API server does not let quotas be listed.
        UnreachableError: there was no answer.
    """
    quotas = list(_limits(api.list("v1", "ResourceQuota")))
    if not quotas:
        return []
    names = _names(api)
    wanted: dict[tuple[str, str], list[Object]] = {}
    for obj in planned:
        wanted.setdefault(_counted_as(obj, names), []).append(obj)
    gone = Counter(_counted_as(obj, names) for obj in leaving)
    problems = []
    for quota, name, left in quotas:
        counted_as = quota["metadata"]["namespace"], name
        objects = wanted.get(counted_as, [])
        room = left + gone[counted_as]
        if len(objects) > room:
            new = [obj for obj in objects if not _exists(api, obj)]
            if len(new) > room:
                problems.append(_problem(quota, new, place))
    return problems


def _limits(quotas: Iterable[Object]) -> Iterator[tuple[Object, str, int]]:
    """Yield each number of objects that a quota limits: the quota, the kind's name, and how many more fit."""
    for quota in quotas:
        # A quota with scopes counts pods alone.
        if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
            continue
        status = quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            used = (status.get("used") or {}).get(name, "0")
            # An amount with a unit is no number of objects.
            if hard.isdecimal() and used.isdecimal():
                # Some kinds are also named without `count/`, such as `configmaps`.
                yield quota, name.removeprefix("count/"), max(0, int(hard) - int(used))


def _names(api: Api) -> dict[tuple[str, str], str]:
    """Return the name in a quota of each kind in namespaces."""
    names = {}
    for kind in api.kinds():
        if kind.namespaced:
            group = kind.api_version.partition("/")[0] if "/" in kind.api_version else ""
            names[kind.api_version, kind.kind] = f"{kind.plural}.{group}" if group else kind.plural
    return names


def _counted_as(obj: Object, names: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    """Return an object's namespace and its kind's name in a quota; empty where no quota counts it."""
    return obj["metadata"].get("namespace") or "", names.get((obj["apiVersion"], obj["kind"]), "")


def _exists(api: Api, obj: Object) -> bool:
    """Return whether an object exists, whatever its labels."""
    meta = obj["metadata"]
    return api.get(obj["apiVersion"], obj["kind"], meta["name"], meta["namespace"]) is not None


def _problem(quota: Object, new: list[Object], place: Callable[[Object], Where]) -> Problem:
    """Return the problem that a quota has no room for new objects of a kind."""
    names = ", ".join(obj["metadata"]["name"] for obj in new)
    message = (
        f"{resource_name(quota)} limits the objects of kind {new[0]['kind']} in its namespace, "
        f"and has no room for what the description brings: {names}; nothing was changed"
    )
    hint = "ask who set the quota to raise or remove it"
    return Problem("api-forbids", message, place(new[0]), hint)

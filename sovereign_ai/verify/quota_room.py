"""How much of a flavor's quota a queue of Kueue can still use, alone or in a cohort.

The arithmetic is Kueue's of version 0.17 for cohorts of one level
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/#cohort): queues of one cohort use together what they
have together, each at most its nominal quota and its borrowing limit; a queue that may reclaim gets its own
nominal quota back from those that borrowed it. Lending limits and cohorts of cohorts are not computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.pod_requests import Object, amount_of, field_of

_NONE = Fraction(0)


class QuotaRoom(NamedTuple):
    """What a queue has of one resource of a flavor.

    Attributes:
        most: what it can use at most, all else idle.
        free: what it can use now, what it may take back from others included.
    """

    most: Fraction
    free: Fraction


def cohort_of(queue: Object, queues: Iterable[Object]) -> tuple[Object, ...]:
    """Return the queues that share their quotas with one, itself first; itself alone outside a cohort."""
    cohort = queue["spec"].get("cohortName")
    others: list[Object] = []
    for each in queues:
        is_other = each["metadata"]["name"] != queue["metadata"]["name"]
        if cohort and is_other and each["spec"].get("cohortName") == cohort:
            others.append(each)
    return (queue, *others)


def quota_rooms(members: Sequence[Object], flavor: str, workloads: Sequence[Object]) -> dict[str, QuotaRoom]:
    """Return what a queue has of each resource of a flavor.

    Args:
        members: the queue, and the others of its cohort.
        flavor: the name of the flavor, which the queue has.
        workloads: all workloads.
    """
    queue, *others = members
    own = reserved(workloads, queue["metadata"]["name"], flavor)
    rooms: dict[str, QuotaRoom] = {}
    for resource, entry in _entries(queue, flavor).items():
        nominal, used = amount_of(entry["nominalQuota"]), own.get(resource, _NONE)
        most, free = nominal, nominal - used
        for other in others:
            lent = _entries(other, flavor).get(resource)
            most += amount_of(lent["nominalQuota"]) if lent else _NONE
            free += amount_of(lent["nominalQuota"]) if lent else _NONE
            free -= reserved(workloads, other["metadata"]["name"], flavor).get(resource, _NONE)
        if others and entry.get("borrowingLimit") is not None:
            limit = nominal + amount_of(entry["borrowingLimit"])
            most, free = min(most, limit), min(free, limit - used)
        if others and _reclaims(queue):
            free = max(free, nominal - used)
        rooms[resource] = QuotaRoom(most, free)
    return rooms


def lends_within_limits(members: Iterable[Object]) -> bool:
    """Return whether a queue of a cohort limits what it lends, which is not computed here."""
    for queue in members:
        for group in queue["spec"].get("resourceGroups") or ():
            for flavor in group["flavors"]:
                if any(entry.get("lendingLimit") is not None for entry in flavor["resources"]):
                    return True
    return False


def reserved(workloads: Iterable[Object], queue: str, flavor: str) -> dict[str, Fraction]:
    """Return what workloads have reserved of a flavor in a queue.

    Summed over the workloads: the queue's own status has the sum too, but follows them with a delay.
    """
    amounts: dict[str, Fraction] = {}
    for workload in workloads:
        for resource, amount in reserved_by(workload, queue, flavor).items():
            amounts[resource] = amounts.get(resource, _NONE) + amount
    return amounts


def reserved_by(workload: Object, queue: str, flavor: str) -> dict[str, Fraction]:
    """Return what one workload has reserved of a flavor in a queue; nothing once it has finished."""
    admission = field_of(workload, "status", "admission") or {}
    if admission.get("clusterQueue") != queue:
        return {}
    for condition in field_of(workload, "status", "conditions") or ():
        if condition["type"] == "Finished" and condition["status"] == "True":
            return {}
    amounts: dict[str, Fraction] = {}
    for assigned in admission.get("podSetAssignments") or ():
        usage = assigned.get("resourceUsage") or {}
        for resource, name in (assigned.get("flavors") or {}).items():
            if name == flavor:
                amounts[resource] = amounts.get(resource, _NONE) + amount_of(usage.get(resource, 0))
    return amounts


def _entries(queue: Object, flavor: str) -> Mapping[str, Object]:
    """Return a queue's quotas of a flavor, by resource."""
    entries: dict[str, Object] = {}
    for group in queue["spec"].get("resourceGroups") or ():
        for each in group["flavors"]:
            if each["name"] != flavor:
                continue
            for entry in each["resources"]:
                entries[entry["name"]] = entry
    return entries


def _reclaims(queue: Object) -> bool:
    """Return whether a queue takes its nominal quota back from those of its cohort that borrowed it."""
    return bool((queue["spec"].get("preemption") or {}).get("reclaimWithinCohort", "Never") != "Never")

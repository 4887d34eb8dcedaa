"""How much of a flavor's quota a queue of Kueue can still use, alone or in a cohort.

The arithmetic is Kueue's of version 0.17 for cohorts of one level
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/#cohort): queues of one cohort use together what they
have together, each at most its nominal quota and its borrowing limit; a queue that may reclaim gets its own
nominal quota back from those that borrowed it. Cohorts of cohorts are not computed.
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

    What a queue does not lend is its own alone; the rest is common, and each uses its own first.

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
        if not others:
            rooms[resource] = QuotaRoom(nominal, nominal - used)
            continue
        common, taken = _NONE, _NONE
        for member in members:
            lent, beyond = _common(member, flavor, resource, workloads)
            common += lent
            taken += beyond
        kept = nominal - _lent(entry)
        most, free = kept + common, max(_NONE, kept - used) + common - taken
        if entry.get("borrowingLimit") is not None:
            limit = nominal + amount_of(entry["borrowingLimit"])
            most, free = min(most, limit), min(free, limit - used)
        if _reclaims(queue):
            free = max(free, nominal - used)
        rooms[resource] = QuotaRoom(most, free)
    return rooms


def _lent(entry: Object) -> Fraction:
    """Return how much of a quota others of the cohort may use."""
    nominal, limit = amount_of(entry["nominalQuota"]), entry.get("lendingLimit")
    return nominal if limit is None else min(nominal, amount_of(limit))


def _common(
    queue: Object, flavor: str, resource: str, workloads: Sequence[Object]
) -> tuple[Fraction, Fraction]:
    """Return what a queue gives to its cohort of a resource, and what it uses of what is common."""
    entry = _entries(queue, flavor).get(resource)
    if entry is None:
        return _NONE, _NONE
    used = reserved(workloads, queue["metadata"]["name"], flavor).get(resource, _NONE)
    lent = _lent(entry)
    return lent, max(_NONE, used - (amount_of(entry["nominalQuota"]) - lent))


def borrowers_of(
    members: Sequence[Object], asked: Mapping[str, Fraction], workloads: Sequence[Object]
) -> set[str]:
    """Return the queues whose borrowing ends when a queue asks for some of its own quota.

    Args:
        members: the queue, and the others of its cohort.
        asked: what a workload of the queue asks for.
        workloads: all workloads.
    """
    queue, *others = members
    if not _reclaims(queue):
        return set()
    for flavor in _flavors(queue):
        own = reserved(workloads, queue["metadata"]["name"], flavor)
        for resource, entry in _entries(queue, flavor).items():
            left = amount_of(entry["nominalQuota"]) - own.get(resource, _NONE)
            if asked.get(resource, _NONE) > left:
                return set()
    borrowers = set()
    for other in others:
        if _borrows(other, workloads):
            borrowers.add(other["metadata"]["name"])
    return borrowers


def _borrows(queue: Object, workloads: Sequence[Object]) -> bool:
    """Return whether a queue uses more than its nominal quota."""
    for flavor in _flavors(queue):
        used = reserved(workloads, queue["metadata"]["name"], flavor)
        for resource, entry in _entries(queue, flavor).items():
            if used.get(resource, _NONE) > amount_of(entry["nominalQuota"]):
                return True
    return False


def _flavors(queue: Object) -> set[str]:
    names = set()
    for group in queue["spec"].get("resourceGroups") or ():
        names |= {flavor["name"] for flavor in group["flavors"]}
    return names


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

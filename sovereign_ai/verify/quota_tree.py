"""Kueue's quotas as a tree: queues under cohorts, and cohorts under cohorts.

Each node has its own quota and what its children lend it; it uses what its children use beyond what they keep
for themselves. A queue's room is what it keeps, and what the nodes above it have left, at most its borrowing
limit. Nothing else is shared. Source: Kueue 0.17, pkg/cache/scheduler/resource_node.go, and
kueue.sigs.k8s.io/docs/concepts/cohort.

    tree = quota_tree(queues, cohorts, workloads)
    tree["research"].free(("h100", "nvidia.com/gpu"))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.pod_requests import Object, amount_of, field_of

Place = tuple[str, str]
"""A flavor and one of its resources, which have a quota together."""
Needs = Mapping[Place, Fraction]
"""Place to the amount that is asked for or used there."""
_NONE = Fraction(0)


class QuotaLimits(NamedTuple):
    """A node's own quota of a place.

    Attributes:
        nominal: its quota.
        borrowing: how much more it may use; None for no limit.
        lending: how much of what it has others may use; None for all of it.
    """

    nominal: Fraction
    borrowing: Fraction | None = None
    lending: Fraction | None = None


class QuotaNode:
    """A queue or a cohort.

    Attributes:
        name: its name.
        parent: the cohort above it; None for none.
        cohorts: the cohorts below it.
        queues: the queues directly below it.
        limits: its own quota of each place.
        total: its quota, and what its children lend it.
        used: what it uses, and what its children use beyond what they keep.
        weight: its part of what is lent, under fair sharing.
    """

    def __init__(self, name: str, limits: Mapping[Place, QuotaLimits], weight: float = 1.0) -> None:
        """Make a node without usage, parent and children."""
        self.name = name
        self.weight = weight
        self.parent: QuotaNode | None = None
        self.cohorts: list[QuotaNode] = []
        self.queues: list[QuotaNode] = []
        self.limits = limits
        self.total: dict[Place, Fraction] = {place: limit.nominal for place, limit in limits.items()}
        self.used: dict[Place, Fraction] = {}

    def above(self) -> Iterator[QuotaNode]:
        """Yield the cohorts above it, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def height(self) -> int:
        """Return the levels below it."""
        own = 1 if self.queues or self.cohorts else 0
        return max([own, *(1 + cohort.height() for cohort in self.cohorts)])

    def kept(self, place: Place) -> Fraction:
        """Return what it does not lend."""
        limits = self.limits.get(place)
        if limits is None or limits.lending is None:
            return _NONE
        return max(_NONE, self.total.get(place, _NONE) - limits.lending)

    def own_free(self, place: Place) -> Fraction:
        """Return what it keeps and does not use."""
        return max(_NONE, self.kept(place) - self.used.get(place, _NONE))

    def most(self, place: Place) -> Fraction:
        """Return what it can use at most, all else idle."""
        total = self.total.get(place, _NONE)
        if self.parent is None:
            return total
        most = self.kept(place) + self.parent.most(place)
        limits = self.limits.get(place)
        if limits is not None and limits.borrowing is not None:
            most = min(most, total + limits.borrowing)
        return most

    def free(self, place: Place) -> Fraction:
        """Return what it can use now beside what it uses; negative where too much is used."""
        total, used = self.total.get(place, _NONE), self.used.get(place, _NONE)
        if self.parent is None:
            return total - used
        above = self.parent.free(place)
        limits = self.limits.get(place)
        if limits is not None and limits.borrowing is not None:
            kept = self.kept(place)
            above = min(above, total - kept - max(_NONE, used - kept) + limits.borrowing)
        return self.own_free(place) + above

    def is_within(self, places: Iterable[Place]) -> bool:
        """Return whether it uses no more than it has of each place."""
        return all(self.used.get(place, _NONE) <= self.total.get(place, _NONE) for place in places)

    def borrows_with(self, place: Place, amount: Fraction) -> bool:
        """Return whether it would use more than it has, with an amount more."""
        return self.used.get(place, _NONE) + amount > self.total.get(place, _NONE)

    def add(self, place: Place, amount: Fraction) -> None:
        """Use an amount more, and of the parent's what it does not keep itself."""
        beyond = amount - self.own_free(place)
        self.used[place] = self.used.get(place, _NONE) + amount
        if self.parent is not None and beyond > 0:
            self.parent.add(place, beyond)

    def remove(self, place: Place, amount: Fraction) -> None:
        """Use an amount less, the parent's first."""
        borrowed = self.used.get(place, _NONE) - self.kept(place)
        self.used[place] = self.used.get(place, _NONE) - amount
        if self.parent is not None and borrowed > 0:
            self.parent.remove(place, min(amount, borrowed))


def quota_tree(
    queues: Iterable[Object], cohorts: Iterable[Object], workloads: Iterable[Object]
) -> dict[str, QuotaNode]:
    """Return the queues by name, each under its cohorts, with what the workloads use.

    A cohort needs no object of its own: a queue that names one is in it. Cohorts in a circle, whose queues
    Kueue does not serve, end where the circle closes.

    Args:
        queues: the ClusterQueues.
        cohorts: the Cohorts.
        workloads: the Workloads, of which those with reserved quota count.
    """
    parents: dict[str, str] = {}
    nodes: dict[str, QuotaNode] = {}
    for cohort in cohorts:
        name = str(cohort["metadata"]["name"])
        nodes[name] = QuotaNode(name, _limits(cohort), _weight(cohort))
        parents[name] = field_of(cohort, "spec", "parentName") or ""
    for name, parent in parents.items():
        if parent and not _is_circle(name, parents):
            _attach(nodes[name], nodes.setdefault(parent, QuotaNode(parent, {}))).cohorts.append(nodes[name])
    leaves: dict[str, QuotaNode] = {}
    for queue in queues:
        name = str(queue["metadata"]["name"])
        leaves[name] = QuotaNode(name, _limits(queue), _weight(queue))
        cohort_name = queue["spec"].get("cohortName")
        if cohort_name:
            cohort_node = nodes.setdefault(cohort_name, QuotaNode(cohort_name, {}))
            _attach(leaves[name], cohort_node).queues.append(leaves[name])
    for node in nodes.values():
        if node.parent is None:
            _sum_up(node)
    _fill(leaves, workloads)
    return leaves


def _fill(leaves: Mapping[str, QuotaNode], workloads: Iterable[Object]) -> None:
    """Add what the workloads use."""
    for workload in workloads:
        leaf = leaves.get(str(field_of(workload, "status", "admission", "clusterQueue")))
        if leaf is not None:
            for place, amount in reserved_by(workload).items():
                leaf.add(place, amount)


def _attach(node: QuotaNode, parent: QuotaNode) -> QuotaNode:
    """Put a node under another, which is returned."""
    node.parent = parent
    return parent


def _is_circle(name: str, parents: Mapping[str, str]) -> bool:
    """Return whether a cohort is above itself."""
    above = parents.get(name, "")
    seen = set()
    while above and above not in seen:
        if above == name:
            return True
        seen.add(above)
        above = parents.get(above, "")
    return False


def _sum_up(cohort: QuotaNode) -> None:
    """Add to a cohort what those below it lend."""
    for child in cohort.cohorts:
        _sum_up(child)
    for child in (*cohort.cohorts, *cohort.queues):
        for place, total in child.total.items():
            cohort.total[place] = cohort.total.get(place, _NONE) + total - child.kept(place)


def _limits(obj: Object) -> dict[Place, QuotaLimits]:
    """Return the quotas of a queue or a cohort by place."""
    limits: dict[Place, QuotaLimits] = {}
    for group in field_of(obj, "spec", "resourceGroups") or ():
        for flavor in group["flavors"]:
            for entry in flavor["resources"]:
                limits[flavor["name"], entry["name"]] = QuotaLimits(
                    amount_of(entry.get("nominalQuota", 0)),
                    _limit(entry.get("borrowingLimit")),
                    _limit(entry.get("lendingLimit")),
                )
    return limits


def _weight(obj: Object) -> float:
    """Return the weight of a queue or a cohort, which is 1 where nothing says another."""
    weight = field_of(obj, "spec", "fairSharing", "weight")
    return 1.0 if weight is None else float(amount_of(weight))


def _limit(value: object) -> Fraction | None:
    return None if value is None else amount_of(value)


def reserved_by(workload: Object) -> dict[Place, Fraction]:
    """Return what one workload has reserved; nothing once it has finished.

    Pods that have succeeded, and that Kueue was told of, have given theirs back.
    """
    for condition in field_of(workload, "status", "conditions") or ():
        if condition["type"] == "Finished" and condition["status"] == "True":
            return {}
    given_back = reclaimable(workload)
    amounts: dict[Place, Fraction] = {}
    for assigned in field_of(workload, "status", "admission", "podSetAssignments") or ():
        count = int(assigned.get("count") or 1)
        left = Fraction(max(0, count - given_back.get(str(assigned.get("name")), 0)), count)
        usage = assigned.get("resourceUsage") or {}
        for resource, flavor in (assigned.get("flavors") or {}).items():
            amount = amount_of(usage.get(resource, 0)) * left
            amounts[flavor, resource] = amounts.get((flavor, resource), _NONE) + amount
    return amounts


def reclaimable(workload: Object) -> dict[str, int]:
    """Return pod set to its pods whose resources are no longer needed."""
    given_back = {}
    for each in field_of(workload, "status", "reclaimablePods") or ():
        given_back[str(each["name"])] = int(each.get("count") or 0)
    return given_back


def lowest_level_with(queue: QuotaNode, place: Place, amount: Fraction) -> tuple[int, bool]:
    """Return how far up a queue has to borrow for an amount, and whether there is a cohort above that.

    0 is its own quota. The second says whether others of the cohorts may be using what is the queue's.
    """
    if not queue.borrows_with(place, amount) or queue.parent is None:
        return 0, queue.parent is not None
    left = amount - queue.own_free(place)
    for node in queue.above():
        if not node.borrows_with(place, left):
            return node.height(), node.parent is not None
        left -= node.own_free(place)
    top = list(queue.above())[-1]
    return top.height(), False


def uses_any(workload: Object, places: Collection[Place]) -> bool:
    """Return whether a workload has reserved some of one of the places."""
    return any(place in places for place in reserved_by(workload))

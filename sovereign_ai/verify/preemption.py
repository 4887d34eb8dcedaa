"""Which workloads Kueue would preempt for another: of its own queue, or of those that borrow in its cohorts.

Under fair sharing shares decide (`fair_preemption`). Without it the order and the limits are those of Kueue
0.17 (pkg/scheduler/preemption/classical): evicted ones first, then those of queues that the waiting one has a
claim on, the other borrowers, and its own queue; of each the lowest priority, and the newest. A borrower
loses no more than what it borrows. Whoever would still borrow afterwards takes from others by priority only
where `borrowWithinCohort` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.evictable import EvictableWorkload, Kind
from sovereign_ai.verify.fair_preemption import FairPreemption
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.queue_state import QueueState, full_name, is_true, priority_of
from sovereign_ai.verify.quota_tree import Needs, Place, QuotaNode, quota_tree, reserved_by, uses_any

_NEVER = "Never"


class Preemption(NamedTuple):
    """One way to make room.

    Attributes:
        ended: the workloads that go, as `namespace/name`.
        tree: the quotas after it.
        may_borrow: whether the waiting one may borrow then.
    """

    ended: Collection[str]
    tree: Mapping[str, QuotaNode]
    may_borrow: bool

    def has_quota(self, queue: str, needs: Needs) -> bool:
        """Return whether a queue has what a workload asks for, after it."""
        node = self.tree[queue]
        for place, amount in needs.items():
            if amount > max(Fraction(0), node.free(place)):
                return False
            if not self.may_borrow and node.borrows_with(place, amount):
                return False
        return True


def preemptions(
    workload: Object, queue: Object, state: QueueState, contested: Collection[Place], needs: Needs
) -> Iterator[Preemption]:
    """Yield the ways to make room for a workload, each with everything gone that may go.

    Kueue takes as few as are enough: where all of them are not, fewer are not either. Under fair sharing the
    first way is what it takes for the quota; whatever may go besides makes room on nodes.

    Args:
        workload: what waits.
        queue: its ClusterQueue.
        state: what there is.
        contested: the places that have too little.
        needs: what it asks for.
    """
    name = str(queue["metadata"]["name"])
    if state.fair_sharing:
        yield from _fair_preemptions(workload, queue, state, contested, needs)
        return
    # Usage changes while workloads are taken, so that each way has a tree of its own.
    tree = _tree(state)
    candidates = _candidates(workload, queue, state, tree, (contested, needs))
    policy = field_of(queue, "spec", "preemption", "borrowWithinCohort", "policy") or _NEVER
    is_under = all(
        tree[name].used.get(place, Fraction(0)) < _nominal(tree[name], place) for place in contested
    )
    are_others = any(each.queue != name for each in candidates)
    if not are_others or (policy == _NEVER and not is_under):
        ways: Sequence[bool] = (True,)
    else:
        ways = (True, False)
    for may_borrow in ways:
        yield _all_gone(_tree(state), name, candidates, contested, may_borrow=may_borrow)


def _fair_preemptions(
    workload: Object, queue: Object, state: QueueState, contested: Collection[Place], needs: Needs
) -> Iterator[Preemption]:
    """Yield what fair sharing takes for the quota, then all that it may take."""
    name = str(queue["metadata"]["name"])
    known: set[str] | None = None
    for stops in (True, False):
        tree = _tree(state)
        candidates = _fair_candidates(workload, queue, state, tree, contested)
        taking = FairPreemption(tree[name], needs, contested, tree, state.fair_sharing)
        does_fit = taking.run(candidates, stops=stops)
        ended = {full_name(each.workload) for each in taking.ended}
        if ended != known:
            yield Preemption(ended, tree, may_borrow=True)
        if not does_fit:
            return
        known = ended


def _fair_candidates(
    workload: Object,
    queue: Object,
    state: QueueState,
    tree: Mapping[str, QuotaNode],
    contested: Collection[Place],
) -> list[EvictableWorkload]:
    """Return whatever may have to go under fair sharing, in Kueue's order."""
    name = str(queue["metadata"]["name"])
    holders = _holders(workload, state, contested)
    rules = field_of(queue, "spec", "preemption") or {}
    own, others = [], []
    for each in holders.get(name, ()):
        if _may_take(workload, each, rules.get("withinClusterQueue", _NEVER)):
            own.append(EvictableWorkload(each, name, "own"))
    policy = rules.get("reclaimWithinCohort", _NEVER)
    above = list(tree[name].above())
    if policy != _NEVER and above:
        for borrower in _borrowers_in(above[-1], None, contested):
            for each in () if borrower.name == name else holders.get(borrower.name, ()):
                if _may_take(workload, each, policy):
                    others.append(EvictableWorkload(each, borrower.name, "shared"))
    ordered = [*_in_order(others), *_in_order(own)]
    return sorted(ordered, key=lambda each: not _is_evicted(each.workload))


def _nominal(node: QuotaNode, place: Place) -> Fraction:
    limits = node.limits.get(place)
    return limits.nominal if limits is not None else Fraction(0)


def _tree(state: QueueState) -> dict[str, QuotaNode]:
    return quota_tree(state.cluster_queues, state.cohorts, state.workloads)


def _all_gone(
    tree: dict[str, QuotaNode],
    name: str,
    candidates: Sequence[EvictableWorkload],
    contested: Collection[Place],
    *,
    may_borrow: bool,
) -> Preemption:
    """Return the state of the quotas once every candidate is gone that may go."""
    ended = set()
    for each in candidates:
        node = tree[each.queue]
        if each.queue != name:
            if may_borrow and each.kind == "without-borrowing":
                continue
            if not _borrows(node, each.below, contested):
                continue
        for place, amount in reserved_by(each.workload).items():
            node.remove(place, amount)
        ended.add(full_name(each.workload))
    return Preemption(ended, tree, may_borrow)


def _borrows(node: QuotaNode, below: QuotaNode | None, contested: Collection[Place]) -> bool:
    """Return whether a queue, and each cohort above it up to another, uses more than it has."""
    if node.is_within(contested):
        return False
    for cohort in node.above():
        if below is not None and cohort.name == below.name:
            return True
        if cohort.is_within(contested):
            return False
    return True


def _candidates(
    workload: Object,
    queue: Object,
    state: QueueState,
    tree: Mapping[str, QuotaNode],
    requested: tuple[Collection[Place], Needs],
) -> list[EvictableWorkload]:
    """Return whatever may have to go, in Kueue's order."""
    contested, needs = requested
    name = str(queue["metadata"]["name"])
    holders = _holders(workload, state, contested)
    rules = field_of(queue, "spec", "preemption") or {}
    own = []
    for each in holders.get(name, ()):
        if _may_take(workload, each, rules.get("withinClusterQueue", _NEVER)):
            own.append(EvictableWorkload(each, name, "own"))
    claimed: list[EvictableWorkload] = []
    others: list[EvictableWorkload] = []
    policy = rules.get("reclaimWithinCohort", _NEVER)
    if policy != _NEVER:
        for borrower, cohort, has_claim in _borrowers(tree[name], contested, needs):
            for each in holders.get(borrower.name, ()):
                if _may_take(workload, each, policy):
                    kind = "claimed" if has_claim else _borrowing_kind(workload, each, rules)
                    target = claimed if has_claim else others
                    target.append(EvictableWorkload(each, borrower.name, kind, cohort))
    ordered = [*_in_order(claimed), *_in_order(others), *_in_order(own)]
    return sorted(ordered, key=lambda each: not _is_evicted(each.workload))


def _holders(workload: Object, state: QueueState, contested: Collection[Place]) -> dict[str, list[Object]]:
    """Return queue to the workloads that hold something of some places."""
    holders: dict[str, list[Object]] = {}
    for each in state.workloads:
        holder = field_of(each, "status", "admission", "clusterQueue")
        if holder and uses_any(each, contested) and full_name(each) != full_name(workload):
            holders.setdefault(str(holder), []).append(each)
    return holders


def _borrowing_kind(workload: Object, other: Object, rules: Object) -> Kind:
    """Return whether a workload may be taken although the taker still borrows afterwards."""
    rule = rules.get("borrowWithinCohort") or {}
    most = rule.get("maxPriorityThreshold")
    is_never = rule.get("policy", _NEVER) == _NEVER
    is_above = most is not None and priority_of(other) > int(most)
    if is_never or is_above or priority_of(other) >= priority_of(workload):
        return "without-borrowing"
    return "while-borrowing"


def _borrowers(
    queue: QuotaNode, contested: Collection[Place], needs: Needs
) -> Iterator[tuple[QuotaNode, QuotaNode, bool]]:
    """Yield the other queues that borrow, the cohort that they share with one, and whether it has a claim.

    A queue has a claim on what its own quota, or that of a cohort above it, has for what it asks.
    """
    has_claim, left = _fits(queue, needs)
    below: QuotaNode | None = None
    for cohort in queue.above():
        for borrower in _borrowers_in(cohort, below, contested):
            if borrower is not queue:
                yield borrower, cohort, has_claim
        fits, left = _fits(cohort, left)
        has_claim = has_claim or fits
        below = cohort


def _borrowers_in(
    cohort: QuotaNode, known: QuotaNode | None, contested: Collection[Place]
) -> Iterator[QuotaNode]:
    """Yield the queues below a cohort that use more than they have, without those below a known one."""
    for child in cohort.cohorts:
        if child is not known and not child.is_within(contested):
            yield from _borrowers_in(child, None, contested)
    for queue in cohort.queues:
        if not queue.is_within(contested):
            yield queue


def _fits(node: QuotaNode, needs: Needs) -> tuple[bool, Needs]:
    """Return whether a node's own quota has what is needed, and what is left to find above it."""
    fits, left = True, {}
    for place, amount in needs.items():
        if node.borrows_with(place, amount):
            fits = False
        left[place] = max(Fraction(0), amount - node.own_free(place))
    return fits, left


def _may_take(workload: Object, other: Object, policy: str) -> bool:
    """Return whether a policy lets a workload take the place of another."""
    if policy == "Any":
        return True
    if policy == _NEVER or "spec" not in other:
        return False
    own, its = priority_of(workload), priority_of(other)
    if policy == "LowerOrNewerEqualPriority" and own == its:
        return _created(workload) < _created(other)
    return its < own


def _created(workload: Object) -> str:
    """Return when a workload was created; what was not submitted yet comes last."""
    return str(workload["metadata"].get("creationTimestamp", "9"))


def _in_order(candidates: Sequence[EvictableWorkload]) -> list[EvictableWorkload]:
    """Return candidates by priority, the newest place first; of one second by their identities, as Kueue."""
    known = sorted(candidates, key=lambda each: str(each.workload["metadata"].get("uid", "")))
    newest = sorted(known, key=lambda each: _reserved_since(each.workload), reverse=True)
    return sorted(newest, key=lambda each: priority_of(each.workload) if "spec" in each.workload else 0)


def _reserved_since(workload: Object) -> str:
    for condition in field_of(workload, "status", "conditions") or ():
        if condition["type"] == "QuotaReserved":
            return str(condition.get("lastTransitionTime", ""))
    return ""


def _is_evicted(workload: Object) -> bool:
    return is_true(field_of(workload, "status", "conditions"), "Evicted")

"""Which workloads Kueue would preempt for another under fair sharing, in its order.

The queue with the largest share loses first, from the top of the tree downwards; of a queue, what comes first
among all candidates. It loses a workload if a strategy allows it: the waiting workload's queue, with it, has
at most the share that the other has left (`LessThanOrEqualToFinalShare`), or where that is not enough, less
than the other has now (`LessThanInitialShare`), which takes one workload of each queue. A queue that stays
within its own quota takes from every borrower. What turns out not to be needed is given back, the last taken
first. Source: Kueue 0.17, pkg/scheduler/preemption and its fairsharing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

from sovereign_ai.verify.evictable import EvictableWorkload
from sovereign_ai.verify.fair_share import (
    STRATEGIES,
    FairShare,
    add_needs,
    nearest_of_both,
    remove_needs,
    share_of,
)
from sovereign_ai.verify.quota_tree import Needs, Place, QuotaNode, reserved_by

_FINAL, _INITIAL = STRATEGIES
Ranked = tuple[int, EvictableWorkload]
"""A candidate with its place among all of them."""


class FairPreemption:
    """A waiting workload that takes from others.

    Attributes:
        ended: the workloads that are taken, in their order.
    """

    def __init__(
        self,
        queue: QuotaNode,
        needs: Needs,
        contested: Collection[Place],
        nodes: dict[str, QuotaNode],
        strategies: Sequence[str],
    ) -> None:
        """Begin with nothing taken.

        Args:
            queue: the waiting workload's queue.
            needs: what it asks for.
            contested: the places that have too little.
            nodes: every queue by name; their usage changes.
            strategies: Kueue's strategies, in their order.
        """
        self.ended: list[EvictableWorkload] = []
        self._queue, self._needs, self._contested = queue, needs, contested
        self._nodes, self._strategies = nodes, strategies

    def run(self, candidates: Sequence[EvictableWorkload], *, stops: bool) -> bool:
        """Take workloads until the waiting one fits, or with `stops` false all; return whether it fits.

        Args:
            candidates: whatever may have to go, in Kueue's order.
            stops: whether no more are taken than are needed.
        """
        # Shares count the waiting workload as if it had got in.
        add_needs(self._queue, self._needs)
        does_fit = False
        for _ in self._taken(list(enumerate(candidates))):
            does_fit = self._fits()
            if does_fit and stops:
                self._give_back()
                break
        remove_needs(self._queue, self._needs)
        return does_fit

    def _taken(self, candidates: Sequence[Ranked]) -> Iterator[EvictableWorkload]:
        """Yield each workload after it was taken."""
        left: list[Ranked] = []
        yield from self._by_first(candidates, left)
        if len(self._strategies) > 1:
            yield from self._by_second(left)

    def _by_first(self, candidates: Sequence[Ranked], left: list[Ranked]) -> Iterator[EvictableWorkload]:
        """Take by the first strategy; what it spares is added to what is left."""
        # Its own quota is its own, whatever its share of other things is.
        is_within = self._queue.is_within(self._contested)
        order = _LosingQueues(self._queue, candidates)
        for losing in order.queues():
            if is_within or losing is self._queue:
                yield self._take(order.pop(losing))
                continue
            mine, theirs = nearest_of_both(self._queue, losing)
            own, before = share_of(mine), share_of(theirs)
            while order.has_any(losing):
                ranked = order.pop(losing)
                after = self._share_without(ranked[1], theirs)
                if _is_allowed(self._strategies[0], own, before, after):
                    yield self._take(ranked)
                    # Another queue may have the largest share now.
                    break
                left.append(ranked)

    def _by_second(self, left: Sequence[Ranked]) -> Iterator[EvictableWorkload]:
        """Take the first of each queue whose share is larger, of what the first strategy spared."""
        order = _LosingQueues(self._queue, left)
        for losing in order.queues():
            mine, theirs = nearest_of_both(self._queue, losing)
            if share_of(mine).rank < share_of(theirs).rank:
                yield self._take(order.pop(losing))
            order.drop(losing)

    def _take(self, ranked: Ranked) -> EvictableWorkload:
        _, each = ranked
        remove_needs(self._nodes[each.queue], reserved_by(each.workload))
        self.ended.append(each)
        return each

    def _share_without(self, each: EvictableWorkload, node: QuotaNode) -> FairShare:
        """Return the share of a node once a workload below it is gone."""
        held, queue = reserved_by(each.workload), self._nodes[each.queue]
        remove_needs(queue, held)
        share = share_of(node)
        add_needs(queue, held)
        return share

    def _fits(self) -> bool:
        """Return whether the waiting workload has its quota now, borrowed or not."""
        remove_needs(self._queue, self._needs)
        has_all = True
        for place, amount in self._needs.items():
            has_all = has_all and amount <= max(Fraction(0), self._queue.free(place))
        add_needs(self._queue, self._needs)
        return has_all

    def _give_back(self) -> None:
        """Let those stay that it fits beside, the last taken first; the last of all made it fit."""
        kept = self.ended[-1:]
        for each in reversed(self.ended[:-1]):
            held, queue = reserved_by(each.workload), self._nodes[each.queue]
            add_needs(queue, held)
            if not self._fits():
                remove_needs(queue, held)
                kept.append(each)
        self.ended = kept


def _is_allowed(strategy: str, own: FairShare, before: FairShare, after: FairShare) -> bool:
    """Return whether a strategy lets a queue take a workload.

    Args:
        strategy: Kueue's word.
        own: the share of who takes, with what it takes for.
        before: the share of who loses, as it is.
        after: the same without the workload.
    """
    return own.rank <= after.rank if strategy == _FINAL else own.rank < before.rank


class _LosingQueues:
    """The queues that lose workloads, the one with the largest share first."""

    def __init__(self, queue: QuotaNode, candidates: Sequence[Ranked]) -> None:
        self._queue = queue
        self._above = list(queue.above())
        self._waiting: dict[str, list[Ranked]] = {}
        for ranked in candidates:
            self._waiting.setdefault(ranked[1].queue, []).append(ranked)
        # What gives nothing more, queues and cohorts.
        self._done: set[QuotaNode] = set()

    def has_any(self, queue: QuotaNode) -> bool:
        """Return whether a queue has candidates left."""
        return bool(self._waiting.get(queue.name))

    def pop(self, queue: QuotaNode) -> Ranked:
        """Return the next candidate of a queue, which is none any more."""
        return self._waiting[queue.name].pop(0)

    def drop(self, queue: QuotaNode) -> None:
        """Take no more from a queue."""
        self._done.add(queue)

    def queues(self) -> Iterator[QuotaNode]:
        """Yield who loses next; before the next one is asked for, something is popped or dropped."""
        if not self._above:
            while self.has_any(self._queue) and self._queue not in self._done:
                yield self._queue
            return
        top = self._above[-1]
        while top not in self._done:
            losing = self._largest(top)
            if losing is not None:
                yield losing

    def _largest(self, cohort: QuotaNode) -> QuotaNode | None:
        """Return the queue below a cohort that loses next; None where that only showed who is done."""
        queue, queue_share = self._largest_queue(cohort)
        below, below_share = self._largest_cohort(cohort)
        if below is not None and (queue is None or below_share >= queue_share):
            return self._largest(below)
        if queue is None:
            self._done.add(cohort)
        return queue

    def _largest_queue(self, cohort: QuotaNode) -> tuple[QuotaNode | None, tuple[float, ...]]:
        """Return the queue with the largest share, of equal ones that of the first candidate."""
        largest: QuotaNode | None = None
        most: tuple[float, ...] = (-1.0,)
        for queue in cohort.queues:
            if queue in self._done:
                continue
            share = share_of(queue)
            if not self.has_any(queue) or (not share.places and queue is not self._queue):
                self._done.add(queue)
                continue
            rank = (*share.rank, -float(self._waiting[queue.name][0][0]))
            if rank > most:
                largest, most = queue, rank
        return largest, most[:2]

    def _largest_cohort(self, cohort: QuotaNode) -> tuple[QuotaNode | None, tuple[float, ...]]:
        """Return the cohort with the largest share; one above the waiting workload need not borrow."""
        largest: QuotaNode | None = None
        most: tuple[float, ...] = (-1.0,)
        for below in cohort.cohorts:
            if below in self._done:
                continue
            share = share_of(below)
            if not share.places and below not in self._above:
                self._done.add(below)
            elif share.rank >= most:
                largest, most = below, share.rank
        return largest, most

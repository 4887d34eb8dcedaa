"""How much of what a cohort lends each of its queues holds, by the arithmetic of Kueue 0.17's fair sharing.

A queue or cohort that uses more than it has borrows. Its share is what it borrows of the resource of which it
borrows most, in thousandths of all that its cohort could use of that, divided by its weight. Who has no
weight and borrows comes after everybody who has one. Source: pkg/cache/scheduler/fair_sharing.go.

Amounts are whole steps and floating-point numbers, as there: two shares that Kueue takes for equal are equal.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.quota_tree import Needs, Place, QuotaNode

STRATEGIES = ("LessThanOrEqualToFinalShare", "LessThanInitialShare")
"""Kueue's strategies of fair sharing, in the order in which it takes both."""
_NONE = Fraction(0)


class FairShare(NamedTuple):
    """What a queue or a cohort borrows.

    Attributes:
        ratio: what it borrows of its dominant resource, in thousandths of what its cohort could use of it.
        weight: by what that is divided.
        places: where it borrows.
    """

    ratio: float
    weight: float
    places: Collection[Place]

    @property
    def value(self) -> float:
        """The share; infinite for a borrower without weight."""
        if not self.ratio:
            return 0.0
        return self.ratio / self.weight if self.weight else math.inf

    @property
    def rank(self) -> tuple[float, float]:
        """What shares are compared by; those without weight among each other by what they borrow."""
        value = self.value
        return (value, self.ratio if math.isinf(value) else 0.0)

    def is_of(self, needs: Needs) -> bool:
        """Return whether something is borrowed where a workload asks for something."""
        return any(needs.get(place, _NONE) > 0 for place in self.places)

    def __str__(self) -> str:
        """Return the share as Kueue writes it into the status of a queue."""
        return "without limit" if math.isinf(self.value) else str(math.ceil(self.value))


def share_of(node: QuotaNode) -> FairShare:
    """Return the share of a queue or a cohort; none of what has nothing above it."""
    if node.parent is None:
        return FairShare(0.0, node.weight, ())
    borrowed: dict[str, int] = {}
    places = set()
    for place, total in node.total.items():
        beyond = _steps(place, node.used.get(place, _NONE)) - _steps(place, total)
        if beyond > 0:
            places.add(place)
            borrowed[place[1]] = borrowed.get(place[1], 0) + beyond
    ratio = 0.0
    if borrowed:
        lendable = _lendable(node.parent)
        for resource, amount in borrowed.items():
            if lendable.get(resource):
                ratio = max(ratio, float(amount) * 1000.0 / float(lendable[resource]))
    return FairShare(ratio, node.weight, places)


def _lendable(cohort: QuotaNode) -> dict[str, int]:
    """Return what a cohort could use of each resource, of all flavors, if nothing else used any."""
    root = [cohort, *cohort.above()][-1]
    lendable: dict[str, int] = {}
    for place in root.total:
        lendable[place[1]] = lendable.get(place[1], 0) + _steps(place, cohort.most(place))
    return lendable


def _steps(place: Place, amount: Fraction) -> int:
    """Return an amount in the steps that Kueue counts: thousandths of a core, and whole ones of all else."""
    return math.ceil(amount * 1000) if place[1] == "cpu" else math.ceil(amount)


def nearest_of_both(queue: QuotaNode, other: QuotaNode) -> tuple[QuotaNode, QuotaNode]:
    """Return what two queues of one tree are in below the cohort that they share: cohorts, or themselves."""
    above = list(queue.above())
    theirs = other
    for cohort in other.above():
        if cohort in above:
            depth = above.index(cohort)
            return ([queue, *above][depth], theirs)
        theirs = cohort
    message = f"{queue.name} and {other.name} share no cohort"
    raise ValueError(message)


def queues_below(cohort: QuotaNode) -> Iterator[QuotaNode]:
    """Yield every queue below a cohort."""
    yield from cohort.queues
    for below in cohort.cohorts:
        yield from queues_below(below)


def add_needs(queue: QuotaNode, needs: Needs) -> None:
    """Let a queue use what a workload asks for."""
    for place, amount in needs.items():
        queue.add(place, amount)


def remove_needs(queue: QuotaNode, needs: Needs) -> None:
    """Let a queue use that no more."""
    for place, amount in needs.items():
        queue.remove(place, amount)

"""Shares of what a cohort lends, by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

from sovereign_ai.verify.fair_share import nearest_of_both, queues_below, share_of
from sovereign_ai.verify.quota_tree import QuotaNode, quota_tree
from tests.verify.test_queue_features import GPU, cohort, holds, queue

Made = dict[str, Any]
GPUS = ("f", GPU)


def weighted(obj: Made, weight: str) -> Made:
    return {**obj, "spec": {**obj["spec"], "fairSharing": {"weight": weight}}}


def tree(*queues: Made, cohorts: tuple[Made, ...] = (), held: tuple[Made, ...] = ()) -> dict[str, QuotaNode]:
    return quota_tree(queues, cohorts, held)


def test_a_share_is_what_is_borrowed_in_thousandths_of_all_that_is_lent() -> None:
    nodes = tree(
        queue("a", ("f", 8), cohort="c"), queue("b", ("f", 24), cohort="c"), held=(holds("h", "a", 16),)
    )
    assert share_of(nodes["a"]).value == 250
    assert share_of(nodes["b"]).value == 0
    assert share_of(nodes["a"]).places == {GPUS}
    assert not share_of(nodes["b"]).places


@pytest.mark.parametrize(
    ("weight", "value"), [("2", 125), ("500m", 500), ("1", 250), ("3", 250 / 3), ("0", math.inf)]
)
def test_a_share_is_divided_by_the_weight(weight: str, value: float) -> None:
    borrower = weighted(queue("a", ("f", 8), cohort="c"), weight)
    nodes = tree(borrower, queue("b", ("f", 24), cohort="c"), held=(holds("h", "a", 16),))
    assert share_of(nodes["a"]).value == value


def test_who_borrows_without_weight_comes_after_everybody_and_by_what_is_borrowed() -> None:
    lender, large = queue("l", ("f", 64), cohort="c"), queue("d", ("f", 0), cohort="c")
    little = weighted(queue("a", ("f", 0), cohort="c"), "0")
    more = weighted(queue("b", ("f", 0), cohort="c"), "0")
    held = (holds("h1", "a", 8), holds("h2", "b", 16), holds("h3", "d", 32))
    nodes = tree(lender, little, more, large, held=held)
    ranks = {name: share_of(nodes[name]).rank for name in nodes}
    assert sorted(ranks, key=ranks.__getitem__) == ["l", "d", "a", "b"]
    assert str(share_of(nodes["a"])) == "without limit"
    assert str(share_of(nodes["d"])) == "500"


def test_a_weight_that_is_not_used_is_no_share() -> None:
    nodes = tree(weighted(queue("a", ("f", 8), cohort="c"), "0"), queue("b", ("f", 24), cohort="c"))
    assert share_of(nodes["a"]).value == 0


def test_a_queue_without_a_cohort_has_no_share() -> None:
    nodes = tree(queue("a", ("f", 8)), held=(holds("h", "a", 16),))
    assert (share_of(nodes["a"]).value, share_of(nodes["a"]).places) == (0, ())


def test_the_resource_of_which_most_is_borrowed_decides() -> None:
    def both(name: str, gpus: int, cores: str) -> Made:
        entries = [{"name": GPU, "nominalQuota": str(gpus)}, {"name": "cpu", "nominalQuota": cores}]
        group = {"coveredResources": [GPU, "cpu"], "flavors": [{"name": "f", "resources": entries}]}
        return {"metadata": {"name": name}, "spec": {"cohortName": "c", "resourceGroups": [group]}}

    used = {"flavors": {GPU: "f", "cpu": "f"}, "resourceUsage": {GPU: "8", "cpu": "2500m"}}
    nodes = tree(both("a", 0, "500m"), both("b", 32, "3500m"), held=(holds("h", "a", 0, assigned=used),))
    assert share_of(nodes["a"]).value == 500
    assert share_of(nodes["a"]).is_of({("f", "cpu"): Fraction(1)})
    assert not share_of(nodes["a"]).is_of({("g", "cpu"): Fraction(1), ("f", "cpu"): Fraction(0)})


def test_flavors_of_one_resource_count_together() -> None:
    first = queue("a", ("x", 8), ("y", 8), cohort="c")
    other = queue("b", ("x", 24), ("y", 24), cohort="c")
    held = (holds("h1", "a", 16, "x"), holds("h2", "a", 4, "y"))
    nodes = tree(first, other, held=held)
    # Of y it uses less than it has, which makes up for nothing of x.
    assert share_of(nodes["a"]).value == 125


def test_a_cohort_has_a_share_of_what_is_above_it_and_its_own_weight() -> None:
    heavy = weighted(cohort("left", "root"), "2")
    nodes = tree(
        queue("a", ("f", 8), cohort="left"),
        queue("b", ("f", 24), cohort="right"),
        cohorts=(heavy, cohort("right", "root")),
        held=(holds("h", "a", 24),),
    )
    left = nodes["a"].parent
    assert left is not None
    assert share_of(left).value == 250
    assert share_of(nodes["a"]).value == 500
    assert nearest_of_both(nodes["a"], nodes["b"]) == (left, nodes["b"].parent)
    root = left.parent
    assert root is not None
    assert {each.name for each in queues_below(root)} == {"a", "b"}


def test_queues_of_one_cohort_are_compared_themselves_and_strangers_not_at_all() -> None:
    nodes = tree(queue("a", cohort="c"), queue("b", cohort="c"), queue("x", cohort="d"))
    assert nearest_of_both(nodes["a"], nodes["b"]) == (nodes["a"], nodes["b"])
    with pytest.raises(ValueError, match="share no cohort"):
        nearest_of_both(nodes["a"], nodes["x"])


def test_what_a_cohort_does_not_lend_upwards_counts_for_its_own_queues() -> None:
    nodes = tree(
        queue("a", ("f", 0), cohort="left"),
        queue("b", ("f", 16), cohort="left"),
        queue("d", ("f", 16), cohort="right"),
        cohorts=(cohort("left", "root", lendingLimit="8"), cohort("right", "root")),
        held=(holds("h", "a", 8),),
    )
    # Its cohort could use its own 16 and the other's 16.
    assert share_of(nodes["a"]).value == 250

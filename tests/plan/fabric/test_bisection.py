"""Oversubscription and bisection, measured on hand-written cables."""

from __future__ import annotations

from fractions import Fraction

from sovereign_ai.plan.fabric.bisection import carried, carried_laid
from sovereign_ai.plan.fabric.cables import Cables


def hosts(*leaves: str, count: int) -> Cables:
    rows = []
    for leaf in leaves:
        rows += [(f"{leaf}-n{number}", "compute0", leaf, str(number + 1)) for number in range(count)]
    return Cables(rows)


def links(*counts: tuple[str, str, int]) -> Cables:
    rows = []
    for below, above, count in counts:
        rows += [(below, str(number + 10), above, f"{below}-{number}") for number in range(count)]
    return Cables(rows)


def test_a_single_switch_does_not_block() -> None:
    built = carried(hosts("l1", count=6), Cables(), Cables())
    assert built.oversubscription == 1
    assert built.bisection == 3


def test_a_leaf_with_half_as_many_uplinks_blocks_two_to_one() -> None:
    low = hosts("l1", "l2", count=4)
    built = carried(low, links(("l1", "s1", 2), ("l2", "s1", 2)), Cables())
    assert built.oversubscription == 2
    assert built.bisection == 2


def test_the_worst_half_takes_the_leaf_with_the_fewest_uplinks() -> None:
    low = hosts("l1", "l2", count=4)
    built = carried(low, links(("l1", "s1", 4), ("l2", "s1", 1)), Cables())
    assert built.bisection == 1


def test_spines_that_pass_on_half_of_their_links_halve_the_bisection() -> None:
    low = hosts("l1", "l2", count=4)
    middle = links(("l1", "s1", 4), ("l2", "s2", 4))
    high = links(("s1", "c1", 2), ("s2", "c1", 2))
    built = carried(low, middle, high)
    assert built.oversubscription == 2
    assert built.bisection == 2


def test_a_pair_of_leaves_counts_the_links_between_them_at_both_ends() -> None:
    low = hosts("l1", "l2", count=4)
    built = carried_laid(low, links(("l1", "l2", 4)), Cables(), peers=True, weight=Fraction(1))
    assert built.oversubscription == 1
    assert built.bisection == 4


def test_only_the_even_part_of_uneven_links_counts() -> None:
    low = hosts("l1", "l2", count=3)
    middle = links(("l1", "s1", 2), ("l1", "s2", 1), ("l2", "s1", 1), ("l2", "s2", 2))
    built = carried_laid(low, middle, Cables(), peers=False, weight=Fraction(1))
    assert built.oversubscription == 1
    assert built.bisection == 2


def test_a_faster_uplink_counts_by_its_rate() -> None:
    low = hosts("l1", "l2", count=4)
    middle = links(("l1", "s1", 1), ("l2", "s1", 1))
    built = carried_laid(low, middle, Cables(), peers=False, weight=Fraction(4))
    assert built.oversubscription == 1
    assert built.bisection == 4

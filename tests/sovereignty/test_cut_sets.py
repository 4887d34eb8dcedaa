from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.sovereignty.cut_sets import FaultGate, Node, all_of, any_of, fails, minimal_sets

EVENTS = "abcdef"
TREES = st.recursive(
    st.sampled_from(EVENTS),
    lambda children: st.builds(
        lambda every, inner: FaultGate(every=every, children=tuple(inner)),
        st.booleans(),
        st.lists(children, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


def by_hand(tree: Node, most: int) -> set[frozenset[str]]:
    """Try every set of events."""
    found: list[frozenset[str]] = []
    for size in range(1, most + 1):
        for chosen in combinations(EVENTS, size):
            down = frozenset(chosen)
            if fails(tree, down.__contains__) and not any(smaller < down for smaller in found):
                found.append(down)
    return set(found)


@settings(max_examples=200)
@given(TREES, st.integers(1, 6))
def test_minimal_sets_are_those_that_trying_every_set_finds(tree: Node, most: int) -> None:
    assert minimal_sets(tree, most) == by_hand(tree, most)


def test_an_empty_gate_never_fails() -> None:
    assert minimal_sets(any_of(), 3) == minimal_sets(all_of(), 3) == frozenset()
    assert not fails(all_of(), lambda _: True)


def test_events_of_one_holder_fail_together() -> None:
    tree = all_of("line-1", "line-2", "line-3", "line-4")
    assert minimal_sets(tree, 3) == frozenset()
    assert minimal_sets(tree, 3, lambda _: "carrier") == {frozenset({"carrier"})}
    assert minimal_sets(tree, 3, lambda name: None if name == "line-1" else "carrier") == frozenset()


def test_three_sites_with_forty_parts_of_their_own_each_fail_together_or_one_by_one() -> None:
    tree = all_of(*(any_of("shared", *(f"{site}-{number}" for number in range(40))) for site in range(3)))
    assert len(minimal_sets(tree, 3)) == 1 + 40**3

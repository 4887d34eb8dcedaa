"""How many elements a load needs, and what the loss of one leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.plan.power.chain_elements import needed_for, parallel

loads = st.integers(1, 10**9)
ratings = st.integers(1, 10**6)


@pytest.mark.parametrize(("redundancy", "needed"), [("N", 3), ("N+1", 4), ("N+2", 5), ("2N", 6)], ids=str)
def test_redundancy_adds_to_what_the_load_needs(redundancy: str, needed: int) -> None:
    assert needed_for(2_100, 1_000, redundancy) == needed


def test_a_load_that_fills_its_elements_needs_no_further_one() -> None:
    assert needed_for(2_000, 1_000, "N") == 2
    assert needed_for(2_001, 1_000, "N") == 3


@given(loads, ratings)
def test_n_plus_1_carries_the_load_without_one_and_one_fewer_does_not(load: int, rating: int) -> None:
    built = parallel("x", "W", rating, load, "N+1", None, why={})
    assert built.each <= rating
    assert built.after_loss <= rating
    assert built.left >= 0
    fewer = parallel("x", "W", rating, load, "N+1", built.installed - 1, why={})
    assert fewer.left < 0


@given(loads, ratings, st.integers(1, 50))
def test_elements_share_the_load_evenly_and_nothing_of_it_is_lost(load: int, rating: int, count: int) -> None:
    built = parallel("x", "W", rating, load, "N", count, why={})
    assert built.load <= built.each * count < built.load + count
    assert built.left == (count - 1) * rating - load

"""The smallest folded Clos for a number of leaves."""

from __future__ import annotations

import pytest

from sovereign_ai.plan.fabric.clos import (
    MisfitError,
    Split,
    divisors,
    most_endpoints,
    most_leaves,
    shape,
    split,
)
from sovereign_ai.units import Ratio


def test_divisors_come_smallest_first() -> None:
    assert list(divisors(12)) == [1, 2, 3, 4, 6, 12]


def test_two_spines_stand_in_for_each_other_above_two_leaves() -> None:
    assert shape(leaf=2, radix=64, split=Split(32, 32)).spine == 2


def test_a_leaf_with_one_uplink_has_one_spine() -> None:
    assert shape(leaf=4, radix=4, split=Split(3, 1)).spine == 1


def test_as_many_leaves_as_ports_fit_two_tiers_and_one_more_takes_three() -> None:
    assert shape(leaf=64, radix=64, split=Split(32, 32)).tiers == 2
    assert shape(leaf=65, radix=64, split=Split(32, 32)).tiers == 3


def test_a_last_pod_that_is_smaller_has_fewer_spines() -> None:
    clos = shape(leaf=65, radix=64, split=Split(32, 32))
    assert (clos.pods, clos.pod_spines) == (3, 32)
    assert clos.last_spines < clos.pod_spines


def test_cables_are_counted_from_switches_and_their_uplinks() -> None:
    clos = shape(leaf=256, radix=64, split=Split(32, 32))
    assert clos.leaf_spine == 256 * 32
    assert clos.spine_core == clos.spine * 32


def test_one_leaf_beyond_three_tiers_is_refused_with_the_limit() -> None:
    with pytest.raises(MisfitError, match=f"{most_leaves(8):,}") as caught:
        shape(leaf=most_leaves(8) + 1, radix=8, split=Split(4, 4))
    assert caught.value.field == "radix"


def test_endpoints_end_at_a_quarter_of_the_cubed_radix() -> None:
    assert most_endpoints(64, split(64, Ratio(1, 1))) == 64**3 // 4

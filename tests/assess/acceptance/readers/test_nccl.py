"""The reader of nccl-tests."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers import nccl
from sovereign_ai.assess.acceptance.readers.reading import UnreadableError
from tests.assess.acceptance.test_readers import sample


def test_the_bus_bandwidth_is_the_lower_one_at_the_largest_size() -> None:
    found = nccl.read(sample("nccl-h100.txt"))
    assert found.values == {"bus": pytest.approx(477.92), "size": 2**34, "wrong": 0, "ranks": 8}


def test_a_launchers_marks_do_not_hide_the_table() -> None:
    found = nccl.read(sample("nccl-two-machines-mpirun.txt"))
    assert found.values["bus"] == pytest.approx(338.46)
    assert found.values["ranks"] == 16


def test_a_table_of_2019_has_other_columns_and_its_small_errors_count() -> None:
    found = nccl.read(sample("nccl-2019.txt"))
    assert (found.values["bus"], found.values["ranks"]) == (10.70, 2)
    assert found.values["wrong"] == pytest.approx(2e-7)


def test_what_is_not_checked_in_place_is_not_wrong() -> None:
    assert nccl.read(sample("nccl-alltoall.txt")).values["wrong"] == 0


def test_wrong_values_are_counted() -> None:
    text = sample("nccl-h100.txt").replace("values : 0 OK", "values : 3 FAILED")
    assert nccl.read(text).values["wrong"] == 3


def test_a_table_that_was_cut_off_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="did not come to its end"):
        nccl.read(sample("nccl-h100.txt").partition("# Out of bounds")[0])

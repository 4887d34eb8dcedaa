"""The reader of fio."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers import fio
from tests.assess.acceptance.test_readers import sample


def test_fio_tells_read_and_write_of_the_groups_that_ran_apart() -> None:
    assert fio.read(sample("fio-machine.json")).values == {
        "read": 8.4,
        "write": 3.1,
        "errors": 0,
        "seconds": 120,
    }


@pytest.mark.parametrize(
    ("name", "read_gb", "write_gb"), [("", 1.056422312, 5.613465804), ("-client", 0.918812103, 3.58715439)]
)
def test_what_fio_3_33_really_printed_is_read_with_its_lines_before_the_json(
    name: str, read_gb: float, write_gb: float
) -> None:
    found = fio.read(sample(f"fio-recorded{name}.txt"))
    assert (found.values["read"], found.values["write"], found.values["errors"]) == (read_gb, write_gb, 0)


def test_clients_are_summed_once_and_their_own_sum_left_out() -> None:
    found = fio.read(sample("fio-clients.json"))
    assert found.values["read"] == pytest.approx(42)
    assert found.values["write"] == pytest.approx(20.4)


def test_a_job_with_an_error_is_told() -> None:
    found = fio.read(sample("fio-error.json"))
    assert (found.values["errors"], found.details) == (1, ("read: error 5",))

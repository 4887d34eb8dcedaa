"""Limits, tests and the sheet as data."""

from __future__ import annotations

from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Limit

LIMIT = Limit("bus", 10, "GB/s", least=True, planned="the network", source="a paper", low=8, high=12)
TEST = AcceptanceTest("collectives", "node", "dgx", "nccl", "all_reduce_perf", ("a", "b"), (LIMIT,))


def test_a_limit_is_met_from_its_own_value_on() -> None:
    assert (LIMIT.met(10), LIMIT.met(9.9)) == (True, False)
    assert str(LIMIT) == "bus at least 10 GB/s [8 to 12]"


def test_every_subject_of_every_test_is_a_run() -> None:
    sheet = AcceptanceSheet("lab", "digest", (TEST,), ())
    assert list(sheet.runs()) == [("a", TEST), ("b", TEST)]


def test_plain_data_has_lists_and_the_limits() -> None:
    data = TEST.to_data()
    assert (data["subjects"], data["members"]) == (["a", "b"], [])
    assert data["limits"] == [LIMIT.to_data()]

"""The record on a Node: written and read again, and whatever else somebody may write there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.operate.repair.record import (
    Record,
    Step,
    read_record,
    read_repairs,
    read_verdict,
    write_repairs,
    write_verdict,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RECORD = Record(Step.RESET, NOW, "Xid 48 on GPU 3", 1, (3,))


@given(
    st.sampled_from(list(Step)),
    st.text(max_size=80),
    st.integers(0, 1000),
    st.lists(st.integers(0, 15), max_size=8).map(tuple),
)
def test_a_record_is_read_as_it_was_written(
    step: Step, cause: str, attempts: int, gpus: tuple[int, ...]
) -> None:
    record = Record(step, NOW, cause, attempts, gpus)
    assert read_record(record.to_text()) == record


@pytest.mark.parametrize("step", list(Step))
def test_a_drain_that_an_older_version_began_goes_on(step: Step) -> None:
    older = orjson.loads(Record(step, NOW, "Xid 48").to_text())
    del older["drains"]
    record = read_record(orjson.dumps(older).decode())
    assert record is not None
    assert record.drains is (step is Step.DRAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"step": "Gone"},
        {"step": None},
        {"since": "2026-11-27T12:00:00"},
        {"since": "soon"},
        {"since": 5},
        {"attempts": -1},
        {"attempts": 10**9},
        {"attempts": "many"},
        {"gpus": None},
        {"gpus": ["x"]},
        {"cause": "x" * 4000},
    ],
)
def test_what_is_not_a_record_counts_as_none(change: dict[str, object]) -> None:
    text = orjson.dumps(orjson.loads(RECORD.to_text()) | change).decode()
    assert read_record(text) is None


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "null", "5", "{", "[" * 5000, '"Reset"'])
def test_other_texts_count_as_none(text: str | None) -> None:
    assert read_record(text) is None


def test_a_verdict_counts_only_from_the_request_on() -> None:
    assert read_verdict(write_verdict(passed=True, now=NOW), NOW) is True
    assert read_verdict(write_verdict(passed=False, now=NOW), NOW - timedelta(hours=1)) is False
    assert read_verdict(write_verdict(passed=True, now=NOW), NOW + timedelta(seconds=1)) is None
    for text in (None, "", "passed", "passed at noon", "fine at 2026-11-27T12:00:00+00:00"):
        assert read_verdict(text, NOW) is None
    assert read_verdict("passed at 2026-11-27T12:00:00", NOW) is None


def test_repairs_are_read_as_they_were_written_and_what_is_none_is_left_out():
    moments = tuple(NOW + timedelta(days=number) for number in range(40))
    assert read_repairs(write_repairs(moments)) == moments[-32:]
    assert read_repairs("yesterday 2026-11-27 2026-11-27T12:00:00+00:00") == (NOW,)
    assert read_repairs(None) == read_repairs("") == ()

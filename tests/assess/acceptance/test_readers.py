"""Each reader on outputs in the shape of the real tools, and on texts that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.assess.acceptance.readers import READERS, kernel, read
from sovereign_ai.assess.acceptance.readers.reading import UnreadableError

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


KEYS = (
    "jobs",
    "client_stats",
    "groupid",
    "error",
    "read",
    "write",
    "bw_bytes",
    "runtime",
    "DCGM Diagnostic",
    "test_categories",
    "tests",
)
MORE = (
    "results",
    "status",
    "warnings",
    "info",
    "gpu_ids",
    "entity_group",
    "entity_id",
    "runtime_error",
    "name",
    "jobname",
)
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just("Pass")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS + MORE), inner, max_size=4)
    ),
)
WORDS = st.lists(
    st.sampled_from(
        ("#", "busbw", "size", "8", "nan", "# Out of bounds values : 0 OK", "p0", " a: 3", kernel.BEGIN, "\n")
    )
)


@given(st.sampled_from(sorted(READERS)), st.one_of(st.text(), ODD.map(json.dumps), WORDS.map(" ".join)))
def test_no_text_ends_otherwise_than_in_a_reading_or_in_unreadable(tool: str, text: str) -> None:
    try:
        reading = read(tool, text)
    except UnreadableError:
        return
    assert all(isinstance(value, float | int) for value in reading.values.values())


@pytest.mark.parametrize(
    ("old", "new", "name"), [("1e-07", "inf", "wrong"), ("  1073741824 ", f"  {'9' * 400} ", "size")]
)
def test_a_number_without_an_end_is_no_result(old: str, new: str, name: str) -> None:
    text = sample("nccl-2019.txt")
    assert old in text
    with pytest.raises(UnreadableError, match=f"not finite: {name}"):
        read("nccl", text.replace(old, new))

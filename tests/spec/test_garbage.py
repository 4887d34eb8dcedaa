"""Any content of a file ends in a factory or in a `SpecError`; benchmarks/reading.py measures the time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import LoadedDescription, read_text
from tests.spec.hostile import HOSTILE, SMALL

scalars = st.one_of(
    st.sampled_from(
        [
            "NO",
            "yes",
            "~",
            "null",
            "1:1",
            "0x1",
            "017",
            ".nan",
            "-.inf",
            "1e999",
            "2026-01-01",
            "400 Gbps",
            "DE",
            "*a",
            "&a 1",
            "!!int 1",
            "<<",
        ]
    ),
    st.integers().map(str),
    st.text(max_size=12),
    st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
)
words = st.lists(
    st.one_of(
        scalars,
        st.sampled_from(
            ["\n", ": ", "- ", "{", "}", "[", "]", ",", '"', "'", "|\n", ">\n", "  ", "#", "---\n", "%", "? "]
        ),
    ),
    max_size=40,
)


def outcome(raw: bytes) -> LoadedDescription | SpecError:
    try:
        return read_text(raw, "f.yaml")
    except SpecError as refused:
        error = refused
    assert error.problems
    assert all(problem.code and problem.message and problem.hint for problem in error.problems)
    assert len(error.problems) <= 400
    return error


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_random_bytes_are_a_problem(raw: bytes):
    assert isinstance(outcome(raw), SpecError)


@given(words.map("".join))
@settings(max_examples=200)
def test_random_yaml_is_a_problem(text: str):
    assert isinstance(outcome(text.encode("utf-8", "replace")), SpecError)


@given(st.integers(0, len(SMALL)), st.integers(0, 20), scalars)
@settings(max_examples=200)
def test_a_good_file_with_a_piece_replaced_is_a_factory_or_a_problem(start: int, length: int, piece: str):
    outcome((SMALL[:start] + piece + SMALL[start + length :]).encode("utf-8", "replace"))


@given(st.permutations(SMALL.split("\nsites:")[0].splitlines()[2:]), st.integers(0, 3))
@settings(max_examples=20)
def test_the_digest_is_the_same_for_every_order_of_fields(lines: list[str], comments: int):
    text = "\n".join(
        ["name: small", "operator:", *lines, "# a comment" * comments, "sites:" + SMALL.split("\nsites:")[1]]
    )
    found = outcome(text.encode())
    assert isinstance(found, LoadedDescription)
    assert found.factory.digest == read_text(SMALL.encode(), "f.yaml").factory.digest


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_a_hostile_file_is_refused(text: str):
    assert isinstance(outcome(text.encode()), SpecError)

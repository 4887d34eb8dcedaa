from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest

from sovereign_ai.rules.normalization import UNKNOWN, to_plain


def test_null_is_left_out_but_in_a_mapping_of_the_user() -> None:
    value = {"spec": {"x": None}, "metadata": {"labels": {"a": None}}}
    assert to_plain(value) == ({"spec": {}, "metadata": {"labels": {"a": ""}}}, [])


def test_a_whole_number_is_an_integer_and_any_other_stays() -> None:
    data, _ = to_plain({"a": 2.0, "b": 2.5, "c": True})
    assert [type(value) for value in data.values()] == [int, float, bool]


def test_an_unknown_value_keeps_its_key_and_loses_its_place_in_a_list() -> None:
    value = {"spec": {"image": UNKNOWN, "args": ["a", UNKNOWN]}}
    assert to_plain(value) == ({"spec": {"image": "", "args": ["a"]}}, [("spec", "image"), ("spec", "args")])


def test_any_mapping_and_sequence_is_copied() -> None:
    inner: list[Any] = [1]
    data, _ = to_plain(UserDict({"a": tuple(inner)}))
    assert data == {"a": [1]}
    assert type(data) is dict


def test_a_key_that_is_no_text_is_read_like_any_other() -> None:
    assert to_plain({"spec": {1: {"a": 2}}}) == ({"spec": {1: {"a": 2}}}, [])


def test_what_json_cannot_hold_is_an_error_with_its_path() -> None:
    with pytest.raises(TypeError, match=r"spec\.x holds a set"):
        to_plain({"spec": {"x": {1}}})

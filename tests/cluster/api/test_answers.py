"""What counts as an answer, and when an object has all that was stated."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.answers import contains_fields, items_of, require_object
from sovereign_ai.cluster.api.errors import UnreachableError

OBJECT: dict[str, Any] = {"metadata": {"name": "a"}}


@pytest.mark.parametrize("answer", [{"items": []}, {"items": None}, {"items": [OBJECT], "metadata": {}}])
def test_a_list_of_objects_is_one_also_when_it_is_empty(answer: dict[str, Any]) -> None:
    assert items_of("s", "/p", answer) == (answer["items"] or [])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"items": {}},
        {"items": ""},
        {"items": 0},
        {"items": [{}]},
        {"items": [OBJECT, None]},
        {"text": "<html>"},
        OBJECT,
    ],
)
def test_what_is_no_list_of_objects_is_never_an_empty_one(answer: dict[str, Any]) -> None:
    with pytest.raises(UnreachableError):
        items_of("s", "/p", answer)


@pytest.mark.parametrize(
    "answer",
    [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"name": ""}}, {"items": []}, {"text": "ok"}],
)
def test_what_is_no_object_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises(UnreachableError):
        require_object("s", "/p", answer)


@pytest.mark.parametrize(
    ("live", "stated", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}, True),
        ({}, {"a": {}}, True),
        ({}, {"a": []}, True),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2, 3]}, {"a": [1, 2]}, False),
        ({"a": ["x"]}, {"a": "x"}, False),
        ({"taints": [{"key": "a"}, {"key": "not-ready"}]}, {"taints": [{"key": "a"}]}, True),
        ({"taints": [{"key": "not-ready"}]}, {"taints": [{"key": "a"}]}, False),
        (
            {"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]},
            {"rules": [{"verbs": ["list"]}, {"verbs": ["get"]}]},
            False,
        ),
        (
            {"c": [{"name": "a", "image": "i", "policy": "Always"}]},
            {"c": [{"name": "a", "image": "i"}]},
            True,
        ),
        ({"c": [{"name": "a"}]}, {"c": [{"name": "a"}, {"name": "a"}]}, False),
        (None, {"a": 1}, False),
    ],
)
def test_an_object_has_what_is_stated_whatever_the_server_adds(
    live: Any, stated: Any, expected: bool
) -> None:
    assert contains_fields(live, stated) is expected

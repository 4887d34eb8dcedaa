from __future__ import annotations

import re
from functools import cache
from typing import Any

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.places.container_texts import command_texts, environment_texts
from sovereign_ai.rules.places.permitted_places import LONGEST_SETTINGS

_program = cache(cel.compile)
_UNJUDGED = "\u0003"


def texts_of(expression: str, container: dict[str, Any]) -> list[list[Any]]:
    known = {"object": {"metadata": {"name": "x", "namespace": "n"}, "containers": [container]}}
    listed: list[list[Any]] = _program(expression.replace(".matches(", ".remembered_matches(")).execute(
        facts(known)
    )
    return listed


def commands_of(**container: Any) -> list[Any]:
    (commands,) = texts_of(command_texts("object.containers"), container)
    return commands


def expanded_as_kubernetes_does(text: str, values: dict[str, str]) -> str:
    """Return a text with each `$(NAME)` replaced, in one pass; a name that nothing defines stays."""
    return re.sub(r"\$\(([A-Z])\)", lambda match: values.get(match[1], match[0]), text)


_PIECES = some.lists(some.sampled_from(["x", "/", ".", "$", "$(A)", "$(B)", "$(C)", "a b"]), max_size=6).map(
    "".join
)


@given(some.text(alphabet="ab./:", max_size=5), _PIECES, _PIECES)
def test_a_word_is_expanded_as_a_kubelet_does_where_variables_refer_to_those_before_them(
    first: str, second: str, word: str
) -> None:
    second = second.replace("$(B)", "").replace("$(C)", "")
    values = {"A": first}
    values["B"] = expanded_as_kubernetes_does(second, values)
    # `$$(A)` is no reference to a kubelet: what the rules then read is more than what is there.
    if "$$" in word + second or "$(" in values["B"] or re.search(r"\$\([^ABC]|\$$", word + second):
        return
    env = [{"name": "A", "value": first}, {"name": "B", "value": second}]
    (words,) = commands_of(args=[word], env=env)
    assert words == [expanded_as_kubernetes_does(word, values)]


def test_the_last_variable_of_a_name_counts_and_a_field_of_the_pod_is_the_pod_itself() -> None:
    of_pod = {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    env = [{"name": "A", "value": "first"}, {"name": "A", "value": "last"}, of_pod]
    assert commands_of(args=["$(A):$(IP)/x"], env=env) == [["last:localhost/x"]]


@pytest.mark.parametrize("value", ["x$(A)", "$(A)x", "-$(A)-"])
def test_a_text_that_is_not_whole_after_two_steps_is_not_judged(value: str) -> None:
    assert commands_of(command=["run", "$(A)"], env=[{"name": "A", "value": value}]) == [["run", _UNJUDGED]]


@pytest.mark.parametrize(
    "holder",
    [
        {"command": ["a"]},
        {"args": ["a"]},
        *({probe: {"exec": {"command": ["a"]}}} for probe in ("livenessProbe", "readinessProbe")),
        {"startupProbe": {"exec": {"command": ["a"]}}},
        *({"lifecycle": {hook: {"exec": {"command": ["a"]}}}} for hook in ("postStart", "preStop")),
    ],
)
def test_every_command_of_a_container_is_among_its_texts(holder: dict[str, Any]) -> None:
    assert commands_of(**holder) == [["a"]]


def test_texts_that_are_too_long_to_be_judged_are_not_judged() -> None:
    long = ["a.b" * LONGEST_SETTINGS]
    assert commands_of(args=long) == [[_UNJUDGED]]
    env = [{"name": "A", "value": long[0]}]
    assert texts_of(environment_texts("object.containers"), {"env": env}) == [[["", _UNJUDGED]]]


def test_only_containers_whose_variables_may_name_a_place_have_texts_of_their_environment() -> None:
    listed = environment_texts("object.containers")
    assert texts_of(listed, {"env": [{"name": "A", "value": "x"}]}) == []
    env = [
        {"name": "A", "value": "a.example"},
        {"name": "B", "valueFrom": {}},
        {"name": "C", "value": "$(A)"},
    ]
    assert texts_of(listed, {"env": env}) == [[["A", "a.example"], ["C", "a.example"]]]

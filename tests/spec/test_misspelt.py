"""A field whose name is misspelt is one problem, and what is wrong in its value is found at once."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.files import above
from sovereign_ai.spec.reader import read_text
from tests.daytwo.table import FULL
from tests.hostile.fields import places, replaced

WHOLE = yaml.load(FULL.read_text(encoding="utf-8"), yaml.CSafeLoader)


def problems_of(data: Any) -> list[Problem]:
    with pytest.raises(SpecError) as caught:
        read_text(yaml.safe_dump(data, sort_keys=False).encode(), "factory.yaml")
    return list(caught.value.problems)


def misspelt(path: tuple[str | int, ...], value: Any) -> tuple[Any, str]:
    """Return the description with the last letter of one field's name doubled, and the name as it is then."""
    name = str(path[-1])
    wrong = name + name[-1]
    data = replaced(WHOLE, path, value)
    around = data
    for step in path[:-1]:
        around = around[step]
    around[wrong] = around.pop(name)
    return data, wrong


def fields() -> list[Any]:
    """Return the path of each field of the description, first ones of a list alone, as parameters.

    Without names that the description's author chooses.
    """
    found = []
    for path in places(WHOLE):
        is_field = isinstance(path[-1], str) and not {"digests", "feeds", "parameters"} & set(path[:-1])
        if is_field and not any(isinstance(step, int) and step for step in path):
            found.append(pytest.param(path, id=".".join(map(str, path))))
    return found


@pytest.mark.parametrize("path", fields())
def test_what_is_wrong_in_a_misspelt_field_is_reported_beside_its_name(path: tuple[str | int, ...]) -> None:
    data, wrong = misspelt(path, [[1], {"a": 1}])
    problems = problems_of(data)
    unknown = [problem for problem in problems if problem.code == "unknown-field"]
    here = [problem for problem in unknown if problem.where.field.endswith(wrong)]
    assert here[0].hint == f"did you mean {path[-1]!r}?"
    place = here[0].where.field
    missing = {problem.where.field for problem in problems if problem.code == "missing-field"}
    around = above(place)
    assert (f"{around}.{path[-1]}" if around else path[-1]) not in missing
    inside = [problem for problem in problems if problem.where.field.startswith(place)]
    assert len(inside) > 1, "its value was not looked at"
    assert all(problem.where.line == here[0].where.line for problem in inside[:1])

"""Problems made from pydantic's errors."""

from __future__ import annotations

import json
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.field_location import FIELD_SYNONYMS
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.problems import MOST_PROBLEMS, VALUE_SYNONYMS, from_validation, uncovered

POOL = {"name": "p", "site": "a", "system": "dgx-h100", "nodes": 8, "purpose": "training", "zone": "z"}


def problems_of(data: object) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        GpuNodePool.model_validate(data)
    return from_validation(caught.value, GpuNodePool, where=lambda path: Where("f.yaml", 1, 1, path))


def test_a_missing_field_is_written_with_what_belongs_there() -> None:
    (problem,) = problems_of({name: value for name, value in POOL.items() if name != "nodes"})
    assert (problem.code, problem.where.field) == ("missing-field", "nodes")
    assert problem.hint == "write 'nodes' with a whole number from 1 to 1,000,000"


def test_an_unknown_field_gets_the_nearest_name() -> None:
    (problem,) = problems_of({**POOL, "node_per_rack": 4})
    assert problem.code == "unknown-field"
    assert "nodes_per_rack" in problem.hint


def test_a_word_that_is_not_allowed_gets_the_nearest_one() -> None:
    (problem,) = problems_of({**POOL, "purpose": "trainig"})
    assert problem.code == "not-allowed"
    assert "training" in problem.hint


def test_problems_beyond_the_limit_are_counted() -> None:
    data = {**POOL, **{f"x{number}": 1 for number in range(MOST_PROBLEMS + 5)}}
    problems = problems_of(data)
    assert len(problems) == MOST_PROBLEMS + 1
    assert (problems[-1].code, problems[-1].message) == ("too-many-problems", "and 5 more problems")


def test_a_value_that_may_be_a_secret_is_not_repeated() -> None:
    (problem,) = problems_of({**POOL, "driver": "AKIAIOSFODNN7EXAMPLE"})
    assert "AKIA" not in problem.message + problem.hint


def test_a_problem_inside_of_a_refused_part_is_left_out() -> None:
    refused = [Problem("x", "y", Where(field="pools[0]"))]
    later = [Problem("x", "y", Where(field=field)) for field in ("pools[0].name", "pools[1].name", "")]
    assert [problem.where.field for problem in uncovered(later, refused)] == ["pools[1].name", ""]


def test_every_problem_inside_of_a_mapping_that_stands_for_a_list_is_reported():
    entry = {"name": "x", "no_such_field": 1}
    for field, info in AIFactory.model_fields.items():
        part = get_args(info.annotation)[0] if get_origin(info.annotation) is tuple else None
        if not isinstance(part, type) or not issubclass(part, BaseModel) or "name" not in part.model_fields:
            continue
        for value, at in ((entry, field), ({"y": entry}, f"{field}.y")):
            with pytest.raises(ValidationError) as caught:
                AIFactory.model_validate({field: value})
            problems = from_validation(caught.value, AIFactory, lambda path: Where(field=path))
            codes = {problem.where.field: problem.code for problem in problems}
            assert codes[field] == "wrong-type"
            assert codes[f"{at}.no_such_field"] == "unknown-field"


def test_another_word_for_a_value_leads_to_the_value():
    with pytest.raises(ValidationError) as caught:
        Fabric.model_validate({"name": "f", "kind": "IB", "role": "oob", "link": "400 Gbps"})
    problems = from_validation(caught.value, Fabric, lambda path: Where(field=path))
    hints = {problem.where.field: problem.hint for problem in problems}
    assert hints["kind"] == "did you mean 'infiniband'?"
    assert hints["role"] == "did you mean 'out-of-band'?"


def test_every_other_word_stands_for_a_value_that_some_field_has():
    schema = json.dumps(AIFactory.model_json_schema())
    for word, value in VALUE_SYNONYMS.items():
        assert f'"{value}"' in schema
        assert word == word.casefold()


def test_another_word_for_a_field_leads_to_the_field_and_its_value_is_read() -> None:
    with pytest.raises(ValidationError) as caught:
        Fabric.model_validate({"name": "f", "type": "IB", "speed": "400", "radix": 32})
    problems = from_validation(caught.value, Fabric, lambda path: Where(field=path))
    told = {(problem.where.field, problem.code): problem.hint for problem in problems}
    assert told["type", "unknown-field"] == "did you mean 'kind'?"
    assert told["type", "not-allowed"] == "did you mean 'infiniband'?"
    assert told["speed", "unknown-field"] == "did you mean 'link'?"
    assert ("speed", "bad-quantity") in told
    assert "missing-field" not in {code for _, code in told}


def test_every_other_word_for_a_field_stands_for_fields_that_some_part_has() -> None:
    schema = AIFactory.model_json_schema()
    fields = {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", ())}
    for word, names in FIELD_SYNONYMS.items():
        assert set(names) <= fields, word
        assert word == word.casefold()


def test_a_field_that_is_there_is_not_read_once_more_under_another_name() -> None:
    wrong = {"name": "f", "kind": "roce", "type": 7, "kindd": 7, "link": "400 Gbps"}
    with pytest.raises(ValidationError) as caught:
        Fabric.model_validate(wrong)
    problems = from_validation(caught.value, Fabric, lambda path: Where(field=path))
    assert {problem.code for problem in problems} == {"unknown-field"}

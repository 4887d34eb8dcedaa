"""Whoever follows a hint has one problem less: each that says what to write is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.field_location import FIELD_ADVICE, FIELD_SYNONYMS, fields_of
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.problems import from_validation
from sovereign_ai.spec.reader import read_text
from tests.daytwo.table import FULL

REMOVED = object()
SWITCHES = ["no", "yes", "on", "off", "true", "false", True, False, None, "none", "None", "auto", "any", "*"]
NUMBERS = [12, 12.0, -1, 0, 1.5, "12", "10k", "1_000", "1,000", "8443", "8443-8445", "53/udp", "-5", "1:30"]
QUANTITIES = """10kW;250 kw;250KW;250,5 kW;1,250 kW;1.250,5 kW;-5 kW;1e400 kW;1 TB/s;1 TBps;1 Gb/s;100G
100GbE;500 tb;500 TB;5 GiB;0,5 PB;22C;22 °C;72 F;1:1;1/1;1-1;50%;0.5;99.9%;30 days;30d;1h;5 min;1 year
P30D;5 s;5 m;5 km;5 EUR;5 €;5 EUR/kWh;0.3""".replace("\n", ";").split(";")
TEXTS = [
    "TODO",
    "",
    " ",
    "main",
    "a, b",
    "a b",
    "lab/one",
    "../../x",
    "lab.one",
    "köln",
    "lab🚀",
    "Lab One",
    "my_lab",
]
TEXTS += ["lab-", "9lab", "x" * 300, "Germany", "de", "DEU", "UK", "EU", "DE, FR", "2026-11-30", "30.11.2026"]
TEXTS += ["2026-02-30", "10.0.0.0/8", "10.0.0.1/8", "https://x.example/", "Example", "DGX H100", "h100"]
OTHERS: list[Any] = [{}, {"a": 1}, {"name": "x"}, [], [{"name": "x"}], [[1]], ["main"]]
VALUES = [*SWITCHES, *NUMBERS, *QUANTITIES, *TEXTS, *OTHERS]
EXACT = re.compile(r"write '([^']*)'(?:, if that is what is meant|, or another .*|, which is as much)?")
EITHER = re.compile(r"write '([^']*)'(?:, which is as much,)? or '([^']*)'")
PLAIN = re.compile(r"write (-?[0-9.]+|true|false|\[.*\])(?:, without quotation marks)?")


def parts() -> list[type[BaseModel]]:
    """Return every part of a description."""
    found: dict[type[BaseModel], None] = {}

    def look(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found[kind] = None
            for field in kind.model_fields.values():
                look(field.annotation)
        for inner in get_args(kind):
            look(inner)

    look(AIFactory)
    return list(found)


def problems_of(part: type[BaseModel], data: Mapping[str, Any]) -> list[Problem]:
    try:
        part.model_validate(data)
    except ValidationError as error:
        return from_validation(error, part, lambda path: Where(field=path))
    return []


def offered(hint: str, value: Any) -> Iterator[Any]:
    """Yield each value that a hint says to write; none where it describes the value only."""
    if hint == "put it in quotation marks":
        yield str(value)
    elif hint == "put it in brackets, as a list of one":
        yield [value]
    elif hint.endswith(", whichever is meant"):
        yield from re.findall("'([^']*)'", hint)
    elif hint in ("remove it", "write a value, or remove the field"):
        yield REMOVED
    elif (
        match := re.fullmatch(r"did you mean '(.*)'\?", hint)
        or EXACT.fullmatch(hint)
        or EITHER.fullmatch(hint)
    ):
        yield from match.groups()
    elif match := PLAIN.fullmatch(hint):
        yield yaml.safe_load(match[1])


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.__name__)
def test_following_a_hint_removes_the_problem(part: type[BaseModel]) -> None:
    names = list(fields_of(part, by_alias=True))
    followed = 0
    for value in VALUES:
        data = dict.fromkeys(names, value)
        for problem in problems_of(part, data):
            field = problem.where.field
            for right in offered(problem.hint, value) if field in data else ():
                repaired = {**data, field: right}
                if right is REMOVED:
                    del repaired[field]
                left = [one for one in problems_of(part, repaired) if one.where.field.startswith(field)]
                inside = [one for one in left if re.fullmatch(rf"{field}(?:[.\[].*)?", one.where.field)]
                assert not inside, (field, value, problem, inside[0])
                followed += 1
    assert followed


def test_a_name_that_means_no_field_is_answered_with_what_to_write_instead() -> None:
    fields = fields_of(GpuNodePool, by_alias=True)
    for name, (field, hint) in FIELD_ADVICE.items():
        assert field in fields
        assert name not in FIELD_SYNONYMS
        problems = {problem.where.field: problem.hint for problem in problems_of(GpuNodePool, {name: 8})}
        assert problems[name] == hint


def test_a_comma_that_separates_no_thousands_is_left_out_of_no_number() -> None:
    for value in ("12,5", "1,00", "1,2345", "12 5"):
        hints = {problem.where.field: problem.hint for problem in problems_of(GpuNodePool, {"nodes": value})}
        assert hints["nodes"] == "write decimal digits alone: no quotation marks, separators or unit"


MISTAKES = [
    (
        "capacity: 500 TB",
        "capacity: 0,5 PB",
        "'0,5 PB' has a comma, which ends a value between brackets",
        "0.5 PB",
    ),
    ("capacity: 500 TB", "capacity: 1,500 TB", "'1,500 TB' has a comma", "1500 TB"),
    ("nodes: 12", "nodes: 1,200", "'1,200' has a comma", "1200"),
    ("nodes: 12", "nodes: ${NODES}", "", "template"),
    ("nodes: 12", "nodes: {{ nodes }}", "a key is a list or a mapping", "template"),
]


@pytest.mark.parametrize(("right", "wrong", "said", "hint"), MISTAKES)
def test_a_mistake_between_brackets_is_one_problem_with_what_to_write(
    right: str, wrong: str, said: str, hint: str
) -> None:
    text = FULL.parents[2].joinpath("stacks/lab/factory.yaml").read_text(encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_text(text.replace(right, wrong, 1).encode(), "factory.yaml")
    (problem,) = caught.value.problems
    assert said in problem.message
    assert hint in problem.hint


def test_keys_that_are_numbers_are_no_decimals_of_the_value_before() -> None:
    from sovereign_ai.files import parse

    for text in ("{1: 400, 2: 500}", "{a: 1, 5g: x}", "{a: true,5: x}", "{a: x1,5: x}"):
        assert not parse(text, "factory.yaml").problems, text

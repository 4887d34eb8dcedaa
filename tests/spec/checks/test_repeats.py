"""No list of a description has an entry twice: every list of one that writes every field is tried."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import read_text
from tests.spec.refusals import refusals

FULL = yaml.safe_load(Path("tests/daytwo/full.yaml").read_text(encoding="utf-8"))
"""A description that writes every list of the models, which `tests/daytwo/test_table.py` sees to."""
Place = tuple[str | int, ...]


def lists_in(value: Any, path: Place = ()) -> Iterator[Place]:
    """Yield the place of every list that is not empty, the first of each kind."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from lists_in(item, (*path, name))
    elif isinstance(value, list) and value:
        yield path
        yield from lists_in(value[0], (*path, 0))


def problems_of(description: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        read_text(yaml.safe_dump(description).encode(), "factory.yaml")
    except SpecError as error:
        return [(problem.code, problem.where.field) for problem in error.problems]
    return []


# A line may come back to a country, and a route between buildings has two ends: its type refuses a third.
LISTS = [path for path in lists_in(FULL) if path[-1] not in {"route", "between"}]
GROUPS = 6
"""How many descriptions share the lists: one has up to a hundred problems."""


def dotted(path: Place) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def test_the_first_entry_of_every_list_once_more_is_refused() -> None:
    assert len(LISTS) > 70
    accepted = []
    for group in range(GROUPS):
        description = deepcopy(FULL)
        repeated: dict[str, Place] = {}
        for path in LISTS[group::GROUPS]:
            entries: Any = description
            for step in path:
                entries = entries[step]
            repeated[f"{dotted(path)}[{len(entries)}]"] = path
            entries.append(deepcopy(entries[0]))
        reported = [field for _, field in problems_of(description)]
        for entry, path in repeated.items():
            if not any(field.startswith(entry) for field in reported):
                accepted.append(path)
    assert accepted == []


def test_the_path_of_a_line_may_come_back_to_a_country() -> None:
    description = deepcopy(FULL)
    description["sites"][0]["uplinks"][0]["route"] = ["DE", "FR", "DE"]
    assert problems_of(description) == []


@pytest.mark.parametrize("again", ["registry.example.com/ai", "registry.example.com/ai/"])
def test_a_registry_is_the_same_with_a_slash_at_its_end(again: str) -> None:
    images = {"registries": ["registry.example.com/ai", again]}
    assert refusals(images=images) == [("duplicate-entry", "images.registries[1]")]


def test_an_entry_that_another_check_has_refused_is_reported_once() -> None:
    description = deepcopy(FULL)
    description["keys"].append(deepcopy(description["keys"][0]))
    assert problems_of(description) == [("duplicate-name", f"keys[{len(FULL['keys'])}].name")]


def test_a_pair_of_one_name_is_told_once() -> None:
    description = deepcopy(FULL)
    campus = description["sites"][0]["campus"]
    fabric = description["fabrics"][0]["name"]
    campus["routes"][0]["between"] = [campus["buildings"][0]["name"]] * 2
    campus["links"] = [{"fabrics": [fabric, fabric], "oversubscription": "4:1"}]
    found = [field for _, field in problems_of(description)]
    for place in ("sites[0].campus.routes[0].between", "sites[0].campus.links[0].fabrics"):
        assert [field for field in found if field.startswith(place)] == [place]

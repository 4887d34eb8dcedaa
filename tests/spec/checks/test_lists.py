"""Every list of a description is found, held against a walk of the plain data that it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.spec.checks.lists import lists_of
from sovereign_ai.spec.reader import load

FULL = Path("tests/daytwo/full.yaml")
"""A description that writes every list of the models."""


def written(value: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Yield path and length of every list of plain data."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from written(item, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        yield path, len(value)
        for index, item in enumerate(value):
            yield from written(item, f"{path}[{index}]")


def test_every_list_that_is_written_is_found_with_all_its_entries() -> None:
    factory = load(FULL)
    found = {path: len(entries) for path, _, entries in lists_of(factory, type(factory).model_fields)}
    expected = dict(written(yaml.safe_load(FULL.read_text(encoding="utf-8"))))
    assert len(expected) > 90
    # Rows of the catalogue are plain data to the model.
    missing = {path for path in expected if found.get(path) != expected[path]}
    assert {path for path in missing if not path.startswith("catalog[")} == set()


def test_only_lists_of_the_fields_that_are_asked_for_are_found() -> None:
    assert {path.partition("[")[0] for path, _, _ in lists_of(load(FULL), {"zones"})} == {"zones"}

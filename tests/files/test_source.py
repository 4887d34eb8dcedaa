"""Places of fields: a missing field has the place of the nearest value around it."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import Where
from sovereign_ai.files.source import SourceMap, above, below

ROOT, POOLS, NAME = Where("f.yaml", 1, 1), Where("f.yaml", 3, 3), Where("f.yaml", 2, 1)
SOURCE = SourceMap({"": ROOT, "pools": POOLS}, {"pools": NAME}, "f.yaml")


@pytest.mark.parametrize("path", ["pools", "pools[0]", "pools[0].zone", "a.b[2][3].c"])
def test_a_path_is_built_and_shortened_step_by_step(path: str) -> None:
    assert below(above(path), "x").startswith(above(path))
    while path:
        shorter = above(path)
        assert path.startswith(shorter)
        assert len(shorter) < len(path)
        path = shorter


def test_steps_are_names_and_indexes() -> None:
    assert below(below(below("", "pools"), 0), "zone") == "pools[0].zone"


def test_a_missing_field_has_the_place_around_it_and_its_own_name() -> None:
    assert SOURCE.where("pools[4].zone") == Where("f.yaml", 3, 3, "pools[4].zone")
    assert SOURCE.where("zones") == Where("f.yaml", 1, 1, "zones")
    assert SourceMap({}, {}, "f.yaml").where("zones") == Where("f.yaml", field="zones")


def test_a_field_s_name_has_a_place_of_its_own() -> None:
    assert SOURCE.key("pools") == NAME
    assert SOURCE.key("pools[0]") == Where("f.yaml", 3, 3, "pools[0]")

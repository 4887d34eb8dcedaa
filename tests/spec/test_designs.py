"""A published design by name stands for its fields, and any of them may be written to differ."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.published_fabric import designs
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.json_schema import schema
from tests.plan.wishes import pool, wish
from tests.published.test_published import ROWS


@pytest.mark.parametrize("name", [one.name for one in designs()])
def test_a_design_sets_fields_that_a_fabric_has(name: str) -> None:
    fabric = Fabric(name="f", design=name)  # type: ignore[call-arg]
    written = Fabric(name="f", **next(one.fields for one in designs() if one.name == name))
    assert {**fabric.model_dump(), "design": None} == {**written.model_dump(), "design": None}


def test_a_field_that_is_written_differs_from_the_design() -> None:
    assert Fabric(name="f", design="nvidia-superpod-h100", managers=0).managers == 0  # type: ignore[call-arg]
    other = Fabric(name="f", design="nvidia-superpod-h100", radix=128)  # type: ignore[call-arg]
    assert (other.switch, other.radix) == (None, 128)


def test_the_counts_of_a_named_design_are_the_published_ones_and_its_source_is_given() -> None:
    row = ROWS["nvidia-superpod-gb200: 4 SU"]
    factory = wish(
        [pool(nodes=row["nodes"], system=row["system"])],
        {"name": "f", "design": "nvidia-superpod-gb200", "kind": "infiniband"},
    )
    [plane] = size_fabrics(factory, {})
    assert {"leaf": plane.leaf, "spine": plane.spine, "core": plane.core} == row["printed"]
    assert plane.why["design"].endswith(
        "(NVIDIA RA-11338-001 V01 (2025-06-16), DGX SuperPOD GB200 reference architecture, read 2026-11-26)"
    )


def test_an_editor_accepts_a_design_in_place_of_kind_and_link() -> None:
    part = schema()["definitions"]["Fabric"]
    assert part["required"] == ["name"]
    assert part["anyOf"] == [{"required": ["kind", "link"]}, {"required": ["design"]}]


def test_a_design_that_there_is_not_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SpecError) as caught:
        wish([pool()], {"name": "f", "design": "nvidia-superpod-gb20", "radix": 64})
    [problem] = caught.value.problems
    assert (problem.message, problem.where.field) == (
        "no published design is called 'nvidia-superpod-gb20'",
        "fabrics[0].design",
    )
    assert problem.hint == "did you mean 'nvidia-superpod-gb200'?"

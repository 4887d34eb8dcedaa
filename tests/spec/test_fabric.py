"""Fields of a fabric that follow from each other."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.published_fabric import designs
from sovereign_ai.spec.fabric import Fabric

PLAIN = {"name": "f", "kind": "roce", "link": "400 Gbps"}


def test_a_fabric_of_radix_and_ratio_has_no_layout() -> None:
    assert not Fabric(**PLAIN, radix=64, oversubscription="2:1").laid_out


@pytest.mark.parametrize(
    ("field", "value"), [("leaf_rails", 8), ("spines", "least"), ("uplink", "800 Gbps"), ("cores", 4)]
)
def test_a_field_of_the_shape_gives_a_fabric_a_layout(field: str, value: object) -> None:
    assert Fabric(**PLAIN, radix=64, **{field: value}).laid_out


def test_spines_are_the_leafs_model_unless_another_is_named() -> None:
    same = Fabric(**PLAIN, switch="sn5600")
    assert [same.switch_of(tier) for tier in ("leaf", "spine", "core")] == ["sn5600"] * 3
    other = Fabric(**PLAIN, switch="sn4600c", spine_switch="sn5600")
    assert [other.switch_of(tier) for tier in ("leaf", "spine")] == ["sn4600c", "sn5600"]
    assert Fabric(**PLAIN, switch="sn5600", spine_radix=64).switch_of("spine") is None


def test_a_design_sets_the_fields_that_are_left_out() -> None:
    design = next(design for design in designs() if design.fields.get("switch"))
    fabric = Fabric(name="f", design=design.name)  # type: ignore[call-arg]
    assert fabric.switch == design.fields["switch"]
    own = Fabric(name="f", design=design.name, radix=64)  # type: ignore[call-arg]
    assert (own.switch, own.radix) == (None, 64)

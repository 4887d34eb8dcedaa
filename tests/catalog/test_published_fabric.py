"""Published designs of fabrics: their fields, and unknown names."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.figures import UnknownNameError
from sovereign_ai.catalog.published_fabric import design, designs
from sovereign_ai.spec.fabric import Fabric


def test_every_design_sets_fields_that_a_fabric_has_and_names_its_source() -> None:
    assert designs()
    for published in designs():
        assert design(published.name) is published
        assert set(published.fields) <= set(Fabric.model_fields)
        assert published.about
        assert published.source


def test_a_design_cannot_be_changed_by_a_caller() -> None:
    fields = designs()[0].fields
    with pytest.raises(TypeError):
        fields["rails"] = 1  # type: ignore[index]


def test_an_unknown_design_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        design(designs()[0].name + "x")

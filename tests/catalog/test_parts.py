"""Parts: each kind has the figures that the plan needs of it."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.figures import UnknownNameError
from sovereign_ai.catalog.parts import PART_KINDS, part, parts

NEEDED = {
    "nic": ("ports", "rate", "power"),
    "optic": ("rate", "reach", "power"),
    "storage-server": ("read", "write", "rack_units"),
    "power-shelf": ("rating",),
    "cdu": ("rating",),
}


@pytest.mark.parametrize("kind", PART_KINDS)
def test_every_part_has_the_figures_of_its_kind(kind: str) -> None:
    of_kind = [part for part in parts() if part.kind == kind]
    assert of_kind
    for row in of_kind:
        assert [field for field in NEEDED[kind] if getattr(row, field) is None] == [], row.name


def test_an_unknown_part_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="connectx-7"):
        part("conectx-7")

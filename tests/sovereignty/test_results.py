"""Questions to a person."""

from __future__ import annotations

from tests.sovereignty.test_drill import stack


def test_every_open_criterion_requirement_and_undescribed_part_is_asked_of_a_person() -> None:
    found = stack("lab")
    asked = {(one["of"], one["id"]) for one in found.questions()}
    assert {("ECSF", name) for name in found.verdict.open} <= asked
    assert {(part.layer, part.id) for part in found.graph.parts if not part.described} <= asked
    assert all(one["ask"] for one in found.questions())

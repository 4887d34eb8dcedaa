"""Cabling: what is refused, and that a description without it has the digest that it had."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.cabling import Cabling
from sovereign_ai.spec.checks.cabling import check_cabling
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_text
from tests.plan.factories import STACKS, stack

TEXT = (STACKS / "lab" / "factory.yaml").read_bytes()


def described(cabling: str) -> AIFactory:
    return read_text(TEXT + f"\ncabling: {cabling}\n".encode(), "factory.yaml").factory


def test_a_description_without_cabling_has_no_word_of_it_in_its_canonical_text() -> None:
    assert stack("lab").cabling is None
    assert b"cabling" not in stack("lab").canonical()
    assert b"cabling" in described("{}").canonical()


def test_every_field_has_a_default_and_may_be_zero_where_nothing_is_meant() -> None:
    assert described("{}").cabling == Cabling()
    assert described("{slack: 0 %, spares: 0 %}").cabling == Cabling(slack="0 %", spares="0 %")


@pytest.mark.parametrize(
    ("cabling", "code", "field"),
    [
        ("{media: [dac, sr, dac]}", "duplicate-entry", "cabling.media[2]"),
        ("{media: [dac, fr], trunks: 24}", "contradiction", "cabling.trunks"),
        ("{spares: 120 %}", "out-of-range", "cabling.spares"),
        ("{between_halls: 0 m}", "out-of-range", "cabling.between_halls"),
        ("{trunks: 48}", "not-allowed", "cabling.trunks"),
        ("{media: [fibre]}", "not-allowed", "cabling.media[0]"),
    ],
)
def test_a_cabling_that_cannot_be_is_refused_at_its_field(cabling: str, code: str, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        described(cabling)
    assert [(problem.code, problem.where.field) for problem in caught.value.problems] == [(code, field)]


def test_what_is_right_passes() -> None:
    assert list(check_cabling(described("{media: [dac, sr], trunks: 144, slack: 15 %}"))) == []

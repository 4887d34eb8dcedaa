"""GPU node pools."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.pool import GpuNodePool

POOL = {"name": "p", "site": "a", "system": "dgx-h100", "nodes": 8, "purpose": "training", "zone": "z"}


def test_spares_are_a_number_or_derived() -> None:
    assert GpuNodePool(**POOL).spares == 0
    assert GpuNodePool(**{**POOL, "spares": "auto"}).spares == "auto"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("spares", "some", "not-allowed"),
        ("nodes", 0, "out-of-range"),
        ("nodes", "8", "wrong-type"),
        ("driver", "580", "bad-version"),
        ("mig", "8g.80gb", "bad-profile"),
        ("name", "Train", "bad-name"),
        ("gpus", 8, "unknown-field"),
    ],
)
def test_a_wrong_field_is_refused_with_its_code(field: str, value: Any, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        GpuNodePool(**{**POOL, field: value})
    assert [(problem.code, problem.where.field) for problem in caught.value.problems] == [(code, field)]

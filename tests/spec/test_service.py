"""External services."""

from __future__ import annotations

from typing import get_args

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.checks.services import NEEDED
from sovereign_ai.spec.service import Service, ServiceKind


def test_a_field_that_is_left_out_is_unknown() -> None:
    service = Service(name="ids", kind="identity")
    assert service.used
    assert (service.supplier, service.entity, service.jurisdiction, service.grace) == (None,) * 4


def test_every_factory_needs_the_first_five_kinds() -> None:
    assert set(get_args(ServiceKind)[:5]) == NEEDED


def test_a_kind_outside_the_list_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        Service(name="mail", kind="mail")
    assert caught.value.problems[0].code == "not-allowed"

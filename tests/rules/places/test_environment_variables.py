from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.places import environment_variables
from sovereign_ai.rules.places.named_settings import MAY_NAME
from sovereign_ai.rules.places.permitted_places import PLAIN


@given(some.text(alphabet="reginoREGIOxX0123456789_+-. =@\\", max_size=12))
def test_a_value_that_says_nothing_is_plain_and_names_no_place(value: str) -> None:
    if re.search(environment_variables._PLAIN_VALUE, value):
        assert re.search(PLAIN, value)
        assert not re.search(MAY_NAME, value)


@pytest.mark.parametrize("value", ["region", "REGION", "xregions", "12345678", "0x7f", "a.b", "a@b", ""])
def test_a_value_that_says_nothing_is_told_from_one_that_may_name_a_place(value: str) -> None:
    assert bool(re.search(environment_variables._PLAIN_VALUE, value)) is (value == "")

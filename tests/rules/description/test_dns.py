"""Resolvers stand, and their operators sit, where all data may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import messages_of


def asked(**more: str) -> dict[str, Any]:
    resolver = {"address": "203.0.113.53", "entity": "Example Names", "seat": "DE", "country": "DE", **more}
    return {"resolvers": [resolver], "names": ["mirror.example.com"]}


def test_a_resolver_at_home_is_permitted_and_none_at_all_too() -> None:
    assert messages_of("RES-016", dns=asked()) == []
    assert messages_of("RES-016", dns={}) == []
    assert messages_of("RES-016") == []


@pytest.mark.parametrize("country", ["US", "CH", "GB", "FR"])
@pytest.mark.parametrize("field", ["seat", "country"])
def test_a_resolver_that_stands_or_is_run_from_abroad_is_a_violation(field: str, country: str) -> None:
    messages = messages_of("RES-016", dns=asked(**{field: country}))
    assert messages
    assert all(f" {country}; " in message for message in messages)

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


def test_a_public_resolver_is_judged_by_its_address_whatever_is_stated_beside_it() -> None:
    for address, seat in (("8.8.8.8", "US"), ("2620:fe::fe", "CH"), ("77.88.8.8", "RU")):
        messages = messages_of("RES-016", dns=asked(address=address))
        assert messages
        assert all(f", which sits in {seat}; " in message for message in messages)
    assert messages_of("RES-016", dns=asked(address="84.200.69.80")) == []


def way(**places: Any) -> list[dict[str, Any]]:
    """Give a gateway of an operator at home."""
    return [{"name": "out", "entity": "Example Names", "seat": "DE", "zones": ["restricted"], **places}]


@pytest.mark.parametrize(
    "places",
    [
        {"addresses": ["9.9.9.9/32"]},
        {"addresses": ["203.0.113.0/24", "1.1.1.0/24"]},
        {"addresses": ["2001:4860::/32"]},
        {"addresses": ["203.0.113.0/24"], "hosts": ["dns.google"]},
        {"addresses": ["203.0.113.0/24"], "hosts": ["x.dns.nextdns.io"]},
    ],
)
def test_a_gateway_to_a_public_resolver_abroad_is_a_violation(places: dict[str, Any]) -> None:
    assert messages_of("RES-016", gateways=way(**places))


def test_a_gateway_to_others_or_to_a_resolver_at_home_is_permitted() -> None:
    assert (
        messages_of("RES-016", gateways=way(addresses=["203.0.113.0/24"], hosts=["names.example.net"])) == []
    )
    assert messages_of("RES-016", gateways=way(addresses=["84.200.69.80/32"])) == []

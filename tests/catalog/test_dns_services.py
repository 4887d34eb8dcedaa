"""Public resolvers of the catalogue: sourced, each address one service's, found in every form."""

from __future__ import annotations

import ipaddress
from collections import Counter

import pytest

from sovereign_ai.catalog.dns_services import (
    public_resolver,
    public_resolver_named,
    public_resolvers,
    public_resolvers_in,
)
from sovereign_ai.catalog.jurisdictions import country


def test_every_service_has_a_seat_addresses_and_sourced_figures() -> None:
    assert len(public_resolvers()) >= 20
    for service in public_resolvers():
        assert country(service.seat).code == service.seat
        assert service.addresses
        assert all(figure.source and figure.read for figure in service.figures)


def test_an_address_and_a_name_belong_to_one_service_and_are_written_in_their_plain_form() -> None:
    addresses = Counter(address for service in public_resolvers() for address in service.addresses)
    names = Counter(name for service in public_resolvers() for name in service.names)
    assert set(addresses.values()) == set(names.values()) == {1}
    for address in addresses:
        assert ipaddress.ip_address(address).is_global
        assert str(ipaddress.ip_address(address)) == address
    assert all(name == name.lower().strip(".") for name in names)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("8.8.8.8", "google"),
        ("::ffff:8.8.8.8", "google"),
        ("2001:4860:4860:0:0:0:0:8888", "google"),
        ("2620:FE::FE", "quad9"),
        ("8.8.8.9", None),
        ("192.0.2.53", None),
        ("dns.google", None),
    ],
)
def test_a_service_is_found_by_its_address_in_every_form(text: str, name: str | None) -> None:
    service = public_resolver(text)
    assert (service.name if service else None) == name


def test_a_service_is_found_by_its_name_and_the_names_below() -> None:
    named = {host: public_resolver_named(host) for host in ("DNS.google.", "x.dns.google", "notdns.google")}
    assert [service.name if service else None for service in named.values()] == ["google", "google", None]


def test_the_services_in_a_range_are_those_whose_addresses_it_holds() -> None:
    assert [address for address, _ in public_resolvers_in("8.8.8.0/24")] == ["8.8.8.8"]
    assert public_resolvers_in("203.0.113.0/24") == ()

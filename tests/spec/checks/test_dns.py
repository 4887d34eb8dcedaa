"""Names and resolvers outside the cluster: one writing for each, all problems at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.subject import factory_of
from tests.spec.refusals import refusals


def resolver(address: str = "10.64.0.53", **more: str) -> dict[str, str]:
    return {"address": address, "entity": "Example Names", "seat": "DE", "country": "DE", **more}


def dns(names: tuple[str, ...] = ("mirror.example.com",), *resolvers: dict[str, str]) -> dict[str, Any]:
    return {"names": list(names), "resolvers": list(resolvers or (resolver(),))}


@pytest.mark.parametrize(
    "written",
    [
        "mirror.example.com",
        "MIRROR.Example.com",
        "mirror.example.com.",
        "*.mirror.example.com",
        "*.Mirror.example.COM.",
    ],
)
def test_a_name_has_one_writing_however_it_is_written(written: str) -> None:
    declared = factory_of(dns=dns((written,))).dns
    assert declared is not None
    assert declared.names == ("mirror.example.com",)
    assert factory_of(dns=dns((written,))).digest == factory_of(dns=dns()).digest


@pytest.mark.parametrize(
    "name",
    [
        "com",
        "*",
        ".",
        "",
        "*.com",
        "*.*.example.com",
        "mirror.*.com",
        "mi*.example.com",
        "mirror..example.com",
        ".example.com",
        "mirror.example.com..",
        "-mirror.example.com",
        "mirror-.example.com",
        "mirror_1.example.com",
        "10.0.0.1",
        "mirror.example.1",
        "https://mirror.example.com",
        "mirror.example.com:53",
        "mirror.example.com/path",
        "mirror.example.com {",
        "mirror.example.com 10.64.0.53",
        "mirror.example.com\n",
        "b\u00fccher.example",
        f"{'a' * 64}.example.com",
        "cluster.local",
        "web.research.svc.cluster.local",
        "printer.local",
        "10.in-addr.arpa",
        "8.b.d.0.1.0.0.2.ip6.arpa",
    ],
)
def test_what_is_no_name_outside_the_cluster_is_refused(name: str) -> None:
    assert [code for code, _ in refusals(dns=dns((name,)))] == ["bad-dns-name"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ex\u0430mple.com", "look-alike"),  # a Cyrillic letter among Latin ones
        ("xn--exmple-4nf.com", "bad-dns-name"),  # the same, encoded
        ("xn--80ak6aa92e.com", "bad-dns-name"),  # Cyrillic letters alone, which read as a Latin word
        ("xn--example.com", "bad-dns-name"),  # encodes nothing
        ("xn--.com", "bad-dns-name"),
        ("xn--abc-.com", "bad-dns-name"),
    ],
)
def test_a_name_that_reads_as_another_is_refused(name: str, code: str) -> None:
    assert [found for found, _ in refusals(dns=dns((name,)))] == [code]


def test_a_name_that_no_packet_can_hold_is_refused() -> None:
    name = ".".join(["abcdefgh"] * 30)
    assert refusals(dns=dns((name,))) == [("out-of-range", "dns.names[0]")]


def test_a_name_in_another_script_is_permitted_in_its_encoded_form() -> None:
    encoded = ("xn--bcher-kva.example", "xn--e1afmkfd.xn--e1afmkfd")
    assert refusals(dns=dns(encoded)) == []


@pytest.mark.parametrize(
    "address",
    [
        "10.64.0.053",
        "10.64.0",
        "10.64.0.53:53",
        "127.0.0.53",
        "::1",
        "0.0.0.1",
        "169.254.20.10",
        "224.0.0.251",
        "255.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2001:DB8:0::53",
        "fe80::53",
        "10.0.0.53",
        "10.32.0.10",
        "dns.example.com",
    ],
)
def test_what_is_no_address_of_a_resolver_outside_the_cluster_is_refused(address: str) -> None:
    expected = [("bad-resolver", "dns.resolvers[0].address")]
    assert refusals(dns=dns(("mirror.example.com",), resolver(address))) == expected


@pytest.mark.parametrize("address", ["10.64.0.53", "203.0.113.53", "2001:db8::53"])
def test_an_address_outside_the_cluster_is_permitted(address: str) -> None:
    assert refusals(dns=dns(("mirror.example.com",), resolver(address))) == []


def test_names_want_a_resolver_and_a_resolver_no_name() -> None:
    assert refusals(dns={"names": ["mirror.example.com"]}) == [("no-resolver", "dns.names")]
    assert refusals(dns={"resolvers": [resolver()]}) == []
    assert refusals(dns={}) == []


def test_every_problem_is_told_at_once() -> None:
    names = ("a.example.com", "example.com", "mirror.example.org", "MIRROR.example.org.")
    two = (resolver("10.64.0.53"), resolver("10.64.0.53"), resolver("127.0.0.1"))
    assert refusals(dns=dns(names, *two)) == [
        ("duplicate-name", "dns.names[0]"),
        ("duplicate-name", "dns.names[3]"),
        ("duplicate-resolver", "dns.resolvers[1].address"),
        ("bad-resolver", "dns.resolvers[2].address"),
    ]


def test_a_description_without_dns_has_the_digest_that_it_always_had() -> None:
    assert "dns" not in factory_of().to_data()
    assert "dns" in factory_of(dns={}).to_data()

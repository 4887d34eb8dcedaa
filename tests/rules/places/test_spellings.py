"""Each spelling of a place by itself, as the conditions of rules read it."""

from __future__ import annotations

from typing import Any

import cel
import pytest

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.places import spellings


def answer(expression: str, value: str) -> Any:
    return cel.compile(expression).execute(facts({"object": value}))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http%3A%2F%2fa%2eb%40c", ["http://a.b@c"]),
        ("%253A", [":"]),
        (r"http:\/\/a", ["http://a"]),
        ("100%", ["100%"]),
        ("plain", ["plain"]),
        ("http://exa\tmple.net", ["http://exa\tmple.net", "http://example.net"]),
        ("http://a\nhttp://b\n", ["http://a\nhttp://b\n"]),
        ("echo a\necho b", ["echo a\necho b"]),
    ],
)
def test_a_text_is_read_as_programs_decode_it(text: str, read: list[str]) -> None:
    assert answer(spellings.spellings("object"), text) == read


@pytest.mark.parametrize(
    ("text", "is_odd"),
    [
        ("https:a.example", True),
        ("https:///a.example", True),
        (r"http:\\a.example", True),
        ("x\uff0ey", True),
        ("\U0001d7cf.2.3.4", True),
        ("http://a.example", False),
        ("http:8080", False),
        ("http: a.example", False),
        ("gr\u00f6\u00dfe.txt", False),
    ],
)
def test_a_url_that_programs_read_differently_is_odd(text: str, is_odd: bool) -> None:
    assert answer(spellings.has_ambiguous_url("object"), text) is is_odd


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("git@a.example:x", "a.example"),
        ("a.b@c.example:/x", "c.example"),
        ("a.example::module", "a.example"),
        ("mount //a.example/x", "a.example"),
        ("3<>/dev/tcp/a.example/80", "a.example"),
        ("/dev/tcp/redis/6379", "redis"),
        ("/lib/python3.11:/app", ""),
        ("tests/x.py::y", ""),
        ("http://a.example/x", ""),
    ],
)
def test_a_host_that_is_named_in_the_way_of_a_program_is_read(text: str, host: str) -> None:
    for other in ("a.example", "c.example", "redis"):
        hosts = f"[{spellings.remote_hosts('object')}]"
        permitted = answer(f"{hosts}.all(l, l.all(h, h != {other!r}))", text)
        assert permitted is (host != other)


@pytest.mark.parametrize(
    ("text", "is_permitted"),
    [
        ("192.0.2.1", True),
        ("a 192.0.2.1,192.0.2.2", False),
        ("x=198.51.100.1", False),
        ("x==198.51.100.1", True),
        ("/opt/1.2.3.4/x", True),
        ("198.51.100.0/24", True),
        ("198.51.100.1/24", False),
        ("0306.51.100.1", False),
        ("0xC6.0x33.0x64.0x01", False),
        ("0xC6.1", False),
        ("@0xC6336401", False),
        ("300.1.1.1", True),
        ("1.2.3", True),
        ("2001:db8::1", False),
        ("2001:db8::/32", True),
        ("tcp:2001:db8::1", False),
        ("::ffff:abcd:effe", False),
        ("std::vector", True),
        ("a::b", True),
        ("00:11:22:33:44:55:66:77", True),
    ],
)
def test_an_address_is_read_in_each_form_and_no_version_is_one(text: str, is_permitted: bool) -> None:
    listed = spellings.addresses("object")
    are_named = f"{listed}.all(l, l.all(p, p == '192.0.2.1'))"
    assert answer(f"{are_named} && {spellings.other_addresses_are_own('object')}", text) is is_permitted

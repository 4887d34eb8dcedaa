"""Hosts and regions that a text names by a word in front of them, or by a form of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import cel
import pytest

from sovereign_ai.catalog import top_level_domains
from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.expressions import without_variables
from sovereign_ai.rules.places import named_hosts

_OURS = 'h.endsWith(".svc")'
_PARTS = {"public_domains": '" com net org "'}
_program = cache(cel.compile)


def _is_permitted(condition: Callable[[str, str], str], value: str) -> bool:
    """Return whether a text meets a condition; hosts below `svc` and the region `fra1` are permitted."""
    expression = without_variables(condition("object.a", _OURS), _PARTS)
    expression = expression.replace("$local", literal("[.]svc$")).replace("$regions", '["fra1"]')
    answer = _program(expression).execute(facts({"object": {"a": value}}))
    assert isinstance(answer, bool)
    return answer


def _named(value: str, permitted: str) -> str:
    return named_hosts.are_permitted_named(value, permitted)


def _told(value: str, permitted: str) -> str:
    return named_hosts.are_permitted_named(value, permitted, are_commands=True)


@pytest.mark.parametrize(
    "text",
    [
        "host: db.example.org",
        "server = db.example.org",
        '"endpoint": "https://otel.example.org:4317"',
        "--proxy\u0001proxy.example.org",
        "hosts:\n  - a.research.svc\n  - db.example.org",
        "upstream api.example.org;",
        "target => 'db.example.org'",
        "brokers: [a.svc:9092, kafka.example.org:9092]",
        "host: 3405803781",
        "addr: 0xCB007105",
        "server: 198.51.100.7",
    ],
)
def test_a_host_behind_a_word_for_one_is_named(text: str) -> None:
    assert not _is_permitted(_named, text)


@pytest.mark.parametrize(
    "text",
    [
        "host: db.research.svc",
        "host: localhost",
        "see db.example.org for more",
        "server.port: 8080",
        "module: torch.nn.org",
        "host: settings.yaml",
        "server_version: 1.2.com",
        "leader-election-id: lock.example.org",
        "runbook_url: https://runbooks.example.org/x",
        "server = app.run",
        "listen: 10.0.0.0/8",
        "peer: db-0.db",
    ],
)
def test_what_is_no_host_outside_or_stands_behind_no_word_for_one_is_permitted(text: str) -> None:
    assert _is_permitted(_named, text)


@pytest.mark.parametrize(
    "text",
    [
        "user:password@tcp(db.example.org:3306)/x",
        "user:password@db.example.org",
        "git@git.example.org:team/x",
        "\\\\files.example.org\\share",
        "db.example.org,5432",
        "curl -x proxy.example.org",
    ],
)
def test_a_form_names_a_host_without_a_word(text: str) -> None:
    assert not _is_permitted(named_hosts.are_permitted_by_form, text)


@pytest.mark.parametrize(
    "text", ["user:password@tcp(db.svc:3306)/x", "a@b", "1,5432", "mail to a@example.org"]
)
def test_a_form_of_a_host_inside_is_permitted(text: str) -> None:
    assert _is_permitted(named_hosts.are_permitted_by_form, text)


@pytest.mark.parametrize(
    "text",
    [
        "curl -T /data drop.example.org",
        "nc drop.example.org 443",
        "kcat -b kafka.example.org -t x",
        "dig x.example.org",
    ],
)
def test_a_client_is_told_a_host_by_its_place_among_the_words(text: str) -> None:
    assert not _is_permitted(_told, text)
    assert _is_permitted(_told, text.replace("example.org", "svc"))


def test_a_client_sends_a_file_and_runs_a_program() -> None:
    for text in ("curl -T /data/x.org drop.svc", "ssh a.svc ./run.sh", "kcat -b kafka.svc -t topic.org"):
        assert _is_permitted(_told, text), text


@pytest.mark.parametrize(
    "text", ['get("https://db.example.org/x")', "Redis('db.example.org')", 'getenv("HOST", "db.example.org")']
)
def test_a_call_names_a_host_within_its_brackets(text: str) -> None:
    assert not _is_permitted(named_hosts.are_permitted_in_calls, text)
    assert _is_permitted(named_hosts.are_permitted_in_calls, text.replace("example.org", "svc"))


@pytest.mark.parametrize(
    "text",
    ["db.host = db.example.org", "a:\n  db.host : db.example.org", "x.url\t:\t'https://db.example.org'"],
)
def test_a_name_with_dots_and_blanks_behind_it_is_a_setting_too(text: str) -> None:
    assert not _is_permitted(named_hosts.are_permitted_behind_blanks, text)
    assert _is_permitted(named_hosts.are_permitted_behind_blanks, text.replace("example.org", "svc"))


def test_a_name_with_blanks_behind_it_is_read_without_the_name_of_its_text_as_well() -> None:
    read = _program(named_hosts.with_spaced_key("object.n", "object.a"))
    for text, count in (("db.host = x", 2), ("db.host=x", 1)):
        assert len(read.execute(facts({"object": {"n": "N", "a": text}}))) == count


@pytest.mark.parametrize(
    "text",
    [
        "region: us-east-1",
        "--region\u0001eu-west-1",
        "arn:aws:sqs:us-east-1:1:x",
        "arn:aws:s3:::abroad",
        "projects/x/locations/us-central1/y",
        "DefaultEndpointsProtocol=https;AccountName=x",
        "user:password@cloud(x:region:y)/z",
    ],
)
def test_a_region_and_a_resource_of_a_cloud_are_named(text: str) -> None:
    assert not _is_permitted(lambda value, _: named_hosts.are_permitted_regions(value), text)


@pytest.mark.parametrize(
    "text", ["region: fra1", "arn:aws:sqs:fra1:1:x", "projects/x/locations/fra1/y", "a@b"]
)
def test_a_permitted_region_is_permitted(text: str) -> None:
    assert _is_permitted(lambda value, _: named_hosts.are_permitted_regions(value), text)


def test_words_that_are_called_no_country_are_no_countrys() -> None:
    assert all(len(word) == 2 for word in named_hosts.NO_COUNTRIES)
    for word in named_hosts.NO_COUNTRIES:
        assert _is_permitted(_named, f"host: a.{word}")
    assert not _is_permitted(_named, "host: a.de")


# Every word for what people read, with every word for what a program asks, in either order.
_READ = ("docs-x", "documentation", "help", "homepage", "licence", "license", "runbook", "schema")
_ASKED = ("addr", "broker", "endpoint", "host", "proxy", "server")


@pytest.mark.parametrize("asked", _ASKED)
@pytest.mark.parametrize("read", _READ)
def test_a_server_is_a_place_whatever_it_serves(read: str, asked: str) -> None:
    for name in (f"{read}-{asked}", f"{read}.{asked}", f"{asked}.{read}.{asked}"):
        assert not _is_permitted(_named, f"{name}: x.example.com"), name
        assert _is_permitted(_named, f"{name}: x.research.svc"), name


@pytest.mark.parametrize("read", _READ)
def test_what_people_read_leads_no_program_anywhere(read: str) -> None:
    for name in (f"{read}-url", f"{read}.url", read):
        assert _is_permitted(_named, f"{name}: x.example.com"), name


def test_no_name_of_a_file_is_public_but_those_that_are_looked_for() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    ends = [*top_level_domains()]
    for first in letters:
        ends += [first + second for second in letters if first + second not in named_hosts.NO_COUNTRIES]
    long, short = re.compile(named_hosts.FILE_NAME), re.compile(named_hosts.PUBLIC_FILE_NAME)
    differing = []
    for end in ends:
        if bool(long.search(f"x.{end}")) is not bool(short.search(f"x.{end}")):
            differing.append(end)
    assert len(ends) > 1_000
    assert differing == []


@pytest.mark.parametrize(
    ("text", "permitted"),
    [
        ("nameserver 2001:db8::7\n", False),
        ("host = 2001:db8::7\n", False),
        ('{"host": "2001:db8:0:0:0:0:0:7"}', False),
        ("peer: ::ffff:192.0.2.7\n", False),
        ("url: http://[2001:db8::7]:80/\n", False),
        ("2001:db8::7 minio.research.svc\n", False),
        ("servers:\n- 2001:db8::7\n", False),
        ("listen [::]:80;\naddress: '::1'\n", True),
        ("::1 localhost ip6-localhost\nff02::1 ip6-allnodes\n", True),
        ("host all all ::1/128 trust\nhost all all fd00::/8 trust\n", True),
        ("mac: 02:42:ac:11:00:02\nstart: 12:30:45\nguid: aa:bb:cc:dd:ee:ff:00:11\n", True),
        ("std::vector<int> a; face::bead(b);\n", True),
    ],
)
def test_an_address_of_ipv6_that_a_file_calls_a_host_is_the_pods_own(text: str, permitted: bool) -> None:
    expression = named_hosts.are_sixes_own("object.a")
    assert _program(expression).execute(facts({"object": {"a": text}})) is permitted


def test_curl_is_no_word_for_a_url() -> None:
    assert _is_permitted(_named, "    curl https://example.org/install.sh")
    assert not _is_permitted(_named, "publicurl https://example.org/x")

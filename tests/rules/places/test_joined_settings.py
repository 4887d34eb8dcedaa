"""Settings whose name and value stand apart, as lines `word: value`."""

from __future__ import annotations

import re

import cel
import pytest

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.places.joined_settings import HIDDEN_NAME, joined_lines, joined_settings


def _joined(text: str) -> list[str]:
    """Return the lines that are made of a text."""
    found: list[str] = []
    for expression in (*joined_settings("object.a"), joined_lines("object.a")):
        found += cel.compile(expression).execute(facts({"object": {"a": text}}))
    return [line for lines in found for line in lines.split("\n") if line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("server:\n  port: 80\n\n  # x\n  name: db.example.org\n", "host: db.example.org"),
        ("x:\n  server:\n    name: db.example.org\n", "host: db.example.org"),
        ("[server]\nname = db.example.org", "host: db.example.org"),
        ("<server><name>db.example.org</name></server>", "host: db.example.org"),
        ("- name: DB_HOST\n  value: db.example.org", "DB_HOST: db.example.org"),
        ("- value: db.example.org\n  name: DB_HOST", "DB_HOST: db.example.org"),
        ("x: &a db.example.org\nhost: *a", "host: db.example.org"),
        ("? host\n: db.example.org", "? host: db.example.org"),
        ("host=db.\\\n   example.org", "host=db.example.org"),
        ("- server:\n    name: db.example.org\n", "host: db.example.org"),
        ("- {name: DB_HOST, value: db.example.org}", "DB_HOST: db.example.org}"),
        ("x: &a db.example.org\ny: &ab b.c\nhosts:\n- *ab\n- *a\n", "hosts: db.example.org"),
        ("server:\n  primary:\n  - db.example.org\n", "host: db.example.org"),
        ('{"server": {"primary": ["x.svc", "db.example.org"]}}', "host: db.example.org"),
        ('{"a": {"server": {"name": "db.example.org"}}}', "host: db.example.org"),
        ("server:\n  a/b: db.example.org # here\n", "host: db.example.org"),
    ],
)
def test_a_value_is_joined_with_the_word_that_stands_apart(text: str, line: str) -> None:
    assert line in _joined(text)


@pytest.mark.parametrize(
    "text",
    [
        "server:\n  port: 80\nname: db.example.org\n",
        "x:\n  server:\n    port: 80\n  name: db.example.org\n",
        "[server]\nport = 80\n[about]\nname = db.example.org",
        "x: &a db.example.org\ntitle: *a",
        "server:\n  domain: db.example.org\n  cert: tls.pem\n",
        "[mysqld]\nlog_bin=mysql-bin.log\nplugin-load-add=auth_socket.so",
        "apiServer:\n  certSANs:\n  - api.example.org\n  - b.example.org\n",
        '{"server": {"allowedOrigins": ["a.example.org", "b.example.org"]}}',
        "server {\n  server_name\n    a.example.org\n    b.example.org;\n}\n",
        "database:\n  dialect: app.sql.info\n  pool: org.example.app\n",
        "[mysqld]\nload = auth_socket.so\n",
        "headers:\n  X: db.example.org\n",
        "server:\n  name: db.research.svc:80\n",
    ],
)
def test_what_another_block_holds_is_joined_with_nothing(text: str) -> None:
    assert _joined(text) == []


@pytest.mark.parametrize(
    ("text", "is_hidden"),
    [
        ('{"h\\u006fst": "x"}', True),
        ("a: !!binary eA==", True),
        ('{"title": "caf\\u00e9"}', False),
        ('{"a\\u0120b": 1}', False),
    ],
)
def test_an_escaped_letter_of_a_name_and_base64_of_yaml_hide_a_word(text: str, *, is_hidden: bool) -> None:
    assert bool(re.search(HIDDEN_NAME.removeprefix("(?i)"), text, re.IGNORECASE)) == is_hidden

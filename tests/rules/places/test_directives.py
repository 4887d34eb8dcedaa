"""Hosts that a program's own directive names, by no word for one."""

from __future__ import annotations

from functools import cache

import cel
import pytest

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.places.directives import directives

_program = cache(cel.compile)


def _named(text: str) -> list[str]:
    """Return the hosts that a text names by a directive."""
    lines = _program(directives("object.a")).execute(facts({"object": {"a": text}}))
    return "\n".join(lines).replace("host: ", "").split()


@pytest.mark.parametrize(
    "text",
    [
        "right=db.example.org",
        '  left = "db.example.org"',
        "ProxyPass / https://db.example.org/x",
        "proxypassmatch ^/a$ db.example.org",
        "RewriteRule ^/a$ http://db.example.org/$1 [P]",
        "RewriteRule ^/a$ http://db.example.org/$1 [QSA,proxy,L]",
        "Define up db.example.org",
        "server-template w 3 db.example.org:80",
        "route_list = * db.example.org",
        '"auths": {"db.example.org": {}}',
        "credHelpers:\n  db.example.org: ecr-login",
        '"db.example.org": {"auth": "x"}',
        '"https://db.example.org/v2/": { "identitytoken": "x"}',
    ],
)
def test_a_directive_names_a_host(text: str) -> None:
    assert "db.example.org" in _named(f"a\n{text}\nb\n")


@pytest.mark.parametrize(
    "text",
    [
        "rightsubnet=db.example.org",
        "leftid=db.example.org",
        "RewriteRule ^/a$ http://db.example.org/$1 [R=301,L]",
        "ProxyPreserveHost On",
        "authors: {db.example.org: x}",
        '"db.example.org": {"author": "x"}',
        "# see db.example.org",
    ],
)
def test_what_leads_nowhere_is_no_directive_of_a_host(text: str) -> None:
    assert _named(text) == []


@pytest.mark.parametrize("passing", ["proxy", "grpc", "fastcgi", "uwsgi", "scgi", "memcached"])
@pytest.mark.parametrize(
    "variable",
    [
        "set $v db.example.org;",
        'set $v "https://db.example.org:8443";',
        "map $uri $v {\n  hostnames;\n  default a;\n  /x db.example.org;\n}",
        "geo $v { default a; 10.0.0.0/8 db.example.org; }",
        "geo $remote_addr $v { default db.example.org; }",
        'split_clients "${remote_addr}a" $v { 5% db.example.org; * a; }',
        "map $uri $w { default db.example.org; }\nmap $host $v { default $w; }",
        "map $uri $w { default db.example.org; }\nmap $host $v { default https://${w}:1; }",
    ],
)
def test_a_variable_of_nginx_is_a_host_where_something_is_sent_to_it(variable: str, passing: str) -> None:
    assert "db.example.org" in _named(f"{variable}\nlocation / {{ {passing}_pass http://$v; }}\n")
    assert "db.example.org" in _named(f"{variable}\nlocation / {{\n{passing}_pass https://${{v}}:1/a;\n}}\n")
    if "$w" not in variable:
        # What another variable uses counts, whatever that one is for.
        assert _named(f"{variable}\nlocation / {{ {passing}_pass http://a.svc; return 301 $v; }}\n") == []

r"""Hosts that a program's own directive names, without a word for a host before them.

`named_hosts.py` reads a host behind a word for one. Some programs have a language of their own: nginx sends
to what a variable holds, whatever that is called; Apache names a path before a server; strongSwan calls the
other end `right`; container tools keep credentials under the registry's name, which is a key then. Of each a
line `host: value` is made, which is judged as if the file had it. What follows is CEL.

A variable of nginx counts where a `…_pass`, or another variable, uses it: most `map`s choose a header, a
redirect or a kind of content.

Sources, read 2026-11-29: nginx's references of `ngx_http_map_module`, `_geo_module`, `_split_clients_module`
and `_rewrite_module`; Apache's of `mod_proxy` and `mod_rewrite`; HAProxy's of `server-template`; Exim's of
`route_list`; strongSwan's `ipsec.conf(5)`; Docker's `config.json`, and `containers-auth.json(5)`.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import NAME

_URL = r"[\"']?(?:[a-z0-9+.-]+://)?"
_KEY_OF_HOST = rf"[\"']?(?:https?://)?{NAME}[^\s\"'{{}},]*[\"']?\s*:\s*"
_DIRECTIVES = (
    r"(?im)^[ \t]*(?:(?:left|right)[ \t]*=[ \t]*|proxypass(?:match)?[ \t]+\S+[ \t]+"
    r"|server-template[ \t]+\S+[ \t]+\S+[ \t]+|route_list[ \t]*=[ \t]*\S+[ \t]+"
    rf"|define[ \t]+\S+[ \t]+){_URL}{NAME}"
    r"|^[ \t]*rewriterule[ \t]+\S+[ \t]+\S+[ \t]+\[(?:[^\]\n]*,)?p(?:roxy)?[\],]"
)
"""A directive with the host that it names."""
_CREDENTIALS = (
    # Each entry has a member of its own; without one, the first of them.
    rf"(?i)(?:\bauths|\bcredhelpers)[\"']?\s*:\s*[{{]?\s*[\"']?(?:https?://)?{NAME}"
    rf"|{_KEY_OF_HOST}(?:[{{]?\s*[\"']?(?:auth|identitytoken|registrytoken)[\"']?\s*:"
    r"|[\"']?(?:acr|acr-env|desktop|ecr-login|gcloud|gcr|osxkeychain|pass|secretservice|wincred)\b)"
)
"""A key that credentials are under."""
# Short searches first, since these are long.
_MAY_BE_DIRECTIVE = (
    r"(?im)^[ \t]*(?:(?:left|right)[ \t]*=|proxypass|rewriterule|server-template|route_list|define[ \t])"
)
_MAY_BE_CREDENTIALS = r"(?i)\bauths?[\"']?\s*:|credhelpers|(?:identity|registry)token"
_SENT = r"_pass[ \t]+[^;\n]*;"
_SET = r"\bset[ \t]+[$][^;]*;"
_BRACED = r"[$][{][a-z0-9_]+[}]"
_MAP = rf"\b(?:map|geo|split_clients)\b(?:{_BRACED}|[^;{{}}])*[$][a-z0-9_]+\s*[{{](?:{_BRACED}|[^{{}}])*"
_OF_NGINX = f"(?i){_SENT}|{_SET}|{_MAP}"
_VARIABLE = r"^set\s+[$][A-Za-z0-9_]+|[$][A-Za-z0-9_]+\s*[{]"
"""What a piece of nginx's settings sets; a `…_pass` sets nothing."""
_USED = r"\s[^\s;]*[$][^\s;]*;"
"""The last word before a semicolon, with a variable in it: what is used."""
_HOST_WORD = r"\s[^\s;{}]*[.][^\s;{}]*;"
"""The last word before a semicolon, with a dot in it: what may be a host."""


def directives(value: str) -> str:
    """Return CEL for a list of lines `host: value`, one for each host that a directive in a text names."""
    found = []
    for may_be, pattern in ((_MAY_BE_DIRECTIVE, _DIRECTIVES), (_MAY_BE_CREDENTIALS, _CREDENTIALS)):
        found.append(f"({value}.matches({literal(may_be)}) ? {value}.findAll({literal(pattern)}) : [])")
    return f"(({' + '.join(found)}).map(m, {_lines('m')}) + {_of_variables(value)})"


def _of_variables(value: str) -> str:
    """Return CEL for the lines of nginx's variables that something is sent to."""
    pieces = f"{value}.findAll({literal(_OF_NGINX)})"
    used = f'u.map(b, b.findAll({literal(_USED)}).join("")).join("").replace("${{", "$")'
    name = 'v.findAll("[$][A-Za-z0-9_]+")[0]'
    is_used = f"b.findAll({literal(_VARIABLE)}).exists(v, w.contains({name}))"
    hosts = f'b.findAll({literal(_HOST_WORD)}).map(m, {_lines("m")}).join("\\n")'
    lines = f'u.filter(b, {is_used}).map(b, {hosts}).join("\\n")'
    return f'({value}.contains("_pass") ? [{pieces}].map(u, [{used}].map(w, {lines})[0]) : [])'


def _lines(text: str) -> str:
    """Return CEL for a line for each dotted name in a text."""
    return f'{text}.findAll({literal(f"(?i){NAME}")}).map(h, "host: " + h).join("\\n")'

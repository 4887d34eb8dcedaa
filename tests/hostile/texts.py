"""Texts that are hostile wherever they occur: they hide, move the cursor, forge a line, carry a secret or
become a template.
"""

from __future__ import annotations

FORGED = "FORGED ok: everything is as planned"
"""How a line begins that only a forger writes."""

SECRETS = {
    "private-key": "-----BEGIN PRIVATE KEY-----MC4CAQAwBQYDK2VwBCIEIJq7ZkVtQx-----END PRIVATE KEY-----",
    "github": "ghp_Zq7LkVtQx3mN8bR2cW5yD9fG4hJ6sA1pT0uE",
    "aws": "AKIAZQ7LKVTQX3MN8BR2",
    "gitlab": "glpat-Zq7LkVtQx3mN8bR2cW5y",
    "password": "password=Zq7LkVtQx3mN",
    "announced": "the password: Zq7LkVtQx3mN!",
    "url": "https://ci:Zq7LkVtQx3mN@registry.example.com/x",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJacTdMa1Z0UXgzbU4ifQ.Zq7LkVtQx3mN8bR2cW5yD9fG4hJ6sA1pT0uE",
    "slack": "xoxb-2718281828-Zq7LkVtQx3mN8bR2cW5yD9fG",
    "bearer": "Authorization: Bearer Zq7LkVtQx3mN8bR2cW5yD9fG",
}
"""Kind of secret to one that nobody uses."""
SECRET_CORES = ("Zq7LkVtQx3", "ZQ7LKVTQX3", "JacTdMa1Z0UXgzb", "MC4CAQAwBQYDK2Vw")
"""What each of them has at its heart."""

ESCAPES = {
    "clear-screen": "a\x1b[2J\x1b[Hb",
    "title": "a\x1b]0;owned\x07b",
    "c1": "a\x9b2Jb",
    "carriage-return": f"a\r{FORGED}",
    "line-end": f"a\n{FORGED}",
    "line-separator": f"a\u2028{FORGED}",
    "backspace": "ab\x08\x08\x08",
    "bidi": "a\u202egnp.exe",
    "zero-width": "a\u200bb",
    "hangul-filler": "a\u3164b",
    "blank-braille": "a\u2800b",
    "joiner": "a\u034fb",
    "tag": "a\U000e0041b",
    "variation": "a\ufe0fb",
    "object": "a\ufffcb",
}
"""Kind of hidden or obeyed character to a text with it."""

TEMPLATES = {
    "jinja": "{{ 7*7 }}",
    "jinja-block": "{% for x in y %}",
    "lookup": "{{ lookup('pipe', 'id') }}",
    "shell": "$(id)`id`",
    "format": "%s%n{0}",
    "path": "../../../../etc/passwd",
    "yaml": "a: [b, *c] #",
    "csv": '=cmd|"/c calc"!A1,"',
    "html": "<script>alert(1)</script>",
    "null-word": "null",
}
"""Kind of text that another program would evaluate to one."""

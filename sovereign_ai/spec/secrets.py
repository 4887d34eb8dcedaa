"""What of a user's value may be repeated in a message: nothing that may be a secret, and little of the rest.

>>> shown("opne"), shown("x" * 50)
("'opne'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
>>> shown("hunter2", field="registry.password"), shown("ghp_0123456789abcdefABCDEF")
('a value that is not shown', 'a value that is not shown')
"""

from __future__ import annotations

import re

MOST_SHOWN = 40
"""So many characters of a value are repeated at most."""
_HIDDEN = "a value that is not shown"
_SECRET_FIELD = re.compile(
    r"passw|passphrase|secret|token|credential|private|api[-_]?key|auth|bearer|cookie|\bpin\b|licen[cs]e", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN|PRIVATE KEY|://[^/\s]*@|[^\s:/@]+:[^\s:/@]+@"  # keys, and addresses with a password
    r"|\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|hvs\.|AKIA|ASIA|AIza|nvapi-|eyJ[A-Za-z0-9_-]{8}|pul-)"  # tokens by their known beginnings
    r"|\b(?=[A-Za-z0-9+/_=-]*[0-9])(?=[A-Za-z0-9+/_=-]*[A-Za-z])[A-Za-z0-9+/_=]{20,}"  # a long run of letters and digits
)


def may_be_secret(text: str, field: str = "") -> bool:
    """Tell whether a value looks like a secret, or its field's name says so."""
    return _SECRET_FIELD.search(field[-64:]) is not None or _SECRET_VALUE.search(text[:256]) is not None


def shown(value: object, field: str = "") -> str:
    """Write a value for a message: a scalar with at most 40 characters, or what kind of thing it is."""
    if isinstance(value, str):
        if may_be_secret(value, field):
            return _HIDDEN
        seen = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value[:MOST_SHOWN])
        return f"'{seen}…'" if len(value) > MOST_SHOWN else f"'{seen}'"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _HIDDEN if may_be_secret("", field) else _number(value)
    words = {"NoneType": "nothing", "bool": "true" if value else "false", "list": "a list", "tuple": "a list", "dict": "a mapping"}
    return words.get(type(value).__name__, f"a {type(value).__name__}")


def _number(value: float) -> str:
    """Write a number that is short enough to be shown."""
    if isinstance(value, float):
        return repr(value)
    return str(value) if abs(value) < 10**18 else "a number of more than 18 digits"

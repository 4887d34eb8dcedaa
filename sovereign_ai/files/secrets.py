"""Show a user's value in a message: nothing that may be a secret, and only the beginning of the rest.

>>> shown("opne"), shown("x" * 50)
("'opne'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
>>> shown("hunter2", field="registry.password"), shown("ghp_0123456789abcdefABCDEF")
('a value that is not shown', 'a value that is not shown')
"""

from __future__ import annotations

import re

from sovereign_ai.text import is_hidden, looks_secret, secret_at

MOST_SHOWN = 40
"""The most characters of a value that a message repeats."""
_MOST_SEARCHED = 1_024
_LONGEST_FIELD = 64
_HIDDEN = "a value that is not shown"
_SECRET_FIELD = re.compile(
    r"passw|passphrase|secret|token|credential|private|api[-_]?key|auth|bearer|cookie|\bpin\b|licen[cs]e",
    re.IGNORECASE,
)


_TYPES = {"NoneType": "nothing", "list": "a list", "tuple": "a list", "dict": "a mapping"}


def may_be_secret(text: str, field: str = "") -> bool:
    """Return whether a value looks like a secret, or has a field whose name announces one."""
    # The end of a field's path and, for a secret within other text, the beginning of a value are searched:
    # both may be megabytes long.
    if _SECRET_FIELD.search(field[-_LONGEST_FIELD:]) is not None or looks_secret(text):
        return True
    return secret_at(text[:_MOST_SEARCHED]) is not None


def shown(value: object, field: str = "") -> str:
    """Return a value for a message: a scalar of at most 40 characters, or the type of anything else."""
    if isinstance(value, str):
        if may_be_secret(value, field):
            return _HIDDEN
        start = ""
        for char in value[:MOST_SHOWN]:
            start += "\N{REPLACEMENT CHARACTER}" if is_hidden(char) else char
        return f"'{start}…'" if len(value) > MOST_SHOWN else f"'{start}'"
    # In Python, True is an int.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _HIDDEN if may_be_secret("", field) else _number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    name = type(value).__name__
    return _TYPES.get(name, f"a {name}")


def _number(value: float) -> str:
    """Return a number, unless it is too long to be shown."""
    if isinstance(value, float):
        return repr(value)
    # `str` of a very long whole number takes time that grows with its square, and Python refuses it above
    # 4,300 digits.
    return str(value) if abs(value) < 10**18 else "a number of more than 18 digits"

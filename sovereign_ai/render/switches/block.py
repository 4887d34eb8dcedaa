"""Nested mappings as YAML in block style: quick, and the same bytes whichever YAML library is there.

>>> print(block({"swp1": {"mtu": 9216, "state": "on"}, "empty": {}, "names": ["a-1", "on"]}), end="")
empty: {}
names:
- a-1
- "on"
swp1:
  mtu: 9216
  state: "on"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset(("on", "off", "yes", "no", "y", "n", "true", "false", "null"))
"""What YAML would read as something else than text."""


def block(data: Mapping[str, Any], indent: int = 0) -> str:
    """Write mappings of mappings and of lists of scalars: printable ASCII text, truth values, whole numbers of 64 bits; sorted by key.

    Args:
        data: the mapping.
        indent: blanks before each line.
    """
    return "".join(f"{line}\n" for line in _lines(data, " " * indent))


def _lines(data: Mapping[str, Any], before: str) -> Iterator[str]:
    """Give a mapping's lines."""
    for key in sorted(data):
        value = data[key]
        if isinstance(value, Mapping) and value:
            yield f"{before}{_scalar(key)}:"
            yield from _lines(value, before + "  ")
        elif isinstance(value, list):
            yield f"{before}{_scalar(key)}:" if value else f"{before}{_scalar(key)}: []"
            yield from (f"{before}- {_scalar(one)}" for one in value)
        else:
            yield f"{before}{_scalar(key)}: {'{}' if isinstance(value, Mapping) else _scalar(value)}"


def _scalar(value: str | int) -> str:
    """Write text, a truth value or a number; text in quotes unless it can only be text."""
    return _text(value) if isinstance(value, str) else orjson.dumps(value).decode()


@lru_cache(maxsize=1 << 16)
def _text(value: str) -> str:
    """Write text, in quotes unless it can only be text."""
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else orjson.dumps(value).decode()

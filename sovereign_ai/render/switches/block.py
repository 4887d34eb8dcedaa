"""Nested mappings as YAML in block style: fast, and with the same bytes whichever YAML library is installed.

>>> print(yaml_block({"swp1": {"mtu": 9216, "state": "on"}, "empty": {}, "names": ["a-1", "on"]}), end="")
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
"""Words that YAML reads as a truth value or null."""


def yaml_block(data: Mapping[str, Any], indent: int = 0) -> str:
    """Return mappings of mappings and of lists of scalars as YAML, sorted by key.

    Scalars are printable ASCII text, truth values, and whole numbers of 64 bits.

    Args:
        data: the mapping.
        indent: blanks before each line.
    """
    return "".join(f"{line}\n" for line in _lines(data, " " * indent))


def _lines(data: Mapping[str, Any], before: str) -> Iterator[str]:
    """Yield a mapping's lines, each with some blanks before it."""
    for key in sorted(data):
        value = data[key]
        head = f"{before}{_scalar(key)}:"
        if isinstance(value, Mapping | list) and not value:
            yield f"{head} []" if isinstance(value, list) else f"{head} {{}}"
        elif isinstance(value, Mapping):
            yield head
            yield from _lines(value, before + "  ")
        elif isinstance(value, list):
            yield head
            for item in value:
                yield f"{before}- {_scalar(item)}"
        else:
            yield f"{head} {_scalar(value)}"


def _scalar(value: str | int) -> str:
    """Return text, a truth value or a number as YAML."""
    if isinstance(value, str):
        return _text(value)
    return orjson.dumps(value).decode()


# The same few thousand names recur in the files of every switch of a large plan.
@lru_cache(maxsize=1 << 16)
def _text(value: str) -> str:
    """Return text as YAML, in quotes unless it can only be text; a JSON string is a YAML string too."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return orjson.dumps(value).decode()

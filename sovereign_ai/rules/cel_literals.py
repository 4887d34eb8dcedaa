"""Plain data as text of the Common Expression Language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson


def literal(value: Any) -> str:
    """Return plain data as a CEL literal, sorted; JSON text is one."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def is_one_of(words: Sequence[str]) -> str:
    """Return the end of a CEL comparison with some words.

    >>> is_one_of(["a"]), is_one_of(["b", "a"])
    ('== "a"', 'in ["b","a"]')
    """
    return f"== {literal(words[0])}" if len(words) == 1 else f"in {literal(list(words))}"

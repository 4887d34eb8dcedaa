"""Plain data as text of the Common Expression Language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

_NOT_RAW = re.compile(r"[\x00-\x1f\x7f]|\\$")
"""What a raw text cannot hold, or only in another way: control characters, and a backslash at its end."""


def literal(value: Any) -> str:
    r"""Return plain data as a CEL literal, sorted; JSON text is one.

    A text with backslashes, such as a regular expression, is written raw if it can be: each backslash would
    stand twice, and in the rendered policies, which are JSON, four times. Three quotes enclose one with both.

    >>> print(literal("[.]x"), literal(r"\.x"), literal("\\."), literal('"\\.'))
    "[.]x" r"\.x" r"\." r'"\.'
    """
    if isinstance(value, str) and "\\" in value and not _NOT_RAW.search(value):
        for quote in ('"', "'", '"""', "'''"):
            if quote not in value and value[-1] != quote[0]:
                return f"r{quote}{value}{quote}"
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def is_one_of(words: Sequence[str]) -> str:
    """Return the end of a CEL comparison with some words.

    >>> is_one_of(["a"]), is_one_of(["b", "a"])
    ('== "a"', 'in ["b","a"]')
    """
    return f"== {literal(words[0])}" if len(words) == 1 else f"in {literal(list(words))}"

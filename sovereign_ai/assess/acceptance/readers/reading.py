"""What a reader gives, and what it raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


class UnreadableError(ValueError):
    """The text is not a whole output of the tool; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers of one run.

    Attributes:
        values: metric to number.
        details: what a person wants to know of what was bad: the port, the GPU, the log line.
    """

    values: Mapping[str, float]
    details: tuple[str, ...] = ()


def document(text: str, tool: str) -> dict[str, Any]:
    """Take the JSON object out of a text that may have lines before it and after it.

    Raises:
        UnreadableError: there is no whole object.
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        found = orjson.loads(text[start : end + 1]) if 0 <= start < end else None
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"the output of {tool} is no whole JSON: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableError(f"no JSON object of {tool}")
    return found

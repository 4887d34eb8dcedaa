"""The result of a reader, its error, and a helper for tools that print JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import RESULTS, parse_json
from sovereign_ai.frozen_dataclass import frozen_dataclass


class UnreadableError(ValueError):
    """The text is no complete output of the tool; the message states what is missing."""


@frozen_dataclass
class ResultReading:
    """The numbers of one run.

    Attributes:
        values: number by metric.
        details: the port, the GPU or the log line of each error, for a person.
    """

    values: Mapping[str, float]
    details: tuple[str, ...] = ()


def document(text: str, tool: str) -> dict[str, Any]:
    """Return the JSON object of a text that may have lines before and after it.

    Raises:
        UnreadableError: there is no complete object.
    """
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        raise UnreadableError(f"no JSON object of {tool}")
    try:
        data = parse_json(text[start : end + 1].encode(), tool, RESULTS).data
    except SovereignError as error:
        raise UnreadableError(f"the output of {tool} is no whole JSON: {error.problems[0].message}") from None
    if not isinstance(data, dict):
        raise UnreadableError(f"no JSON object of {tool}")
    return data

"""Readers of the output of test tools: one module a tool, each with a pure function `read(text)`.

>>> from sovereign_ai.assess.acceptance.readers import READERS
>>> sorted(READERS)
['dcgm', 'fio', 'kernel', 'links', 'nccl']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sovereign_ai.assess.acceptance.readers import dcgm, fio, kernel, links, nccl
from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError
from sovereign_ai.text import clean

_MOST_DETAILS, _LONGEST = 50, 200
READERS: Mapping[str, Callable[[str], ResultReading]] = MappingProxyType(
    {"nccl": nccl.read, "dcgm": dcgm.read, "fio": fio.read, "links": links.read, "kernel": kernel.read}
)


def read(tool: str, text: str) -> ResultReading:
    """Read a tool's output.

    Raises:
        UnreadableError: it is no output of the tool, or a value is of another kind than the tool prints.
    """
    try:
        reading = READERS[tool](text)
    except UnreadableError:
        raise
    except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        # The readers trust the structure of a tool's output; a file of something else breaks it in any way.
        message = f"a value of {tool} is not of the kind that it prints: {str(error)[:_LONGEST]}"
        raise UnreadableError(message) from error
    endless = []
    for name, value in reading.values.items():
        if not math.isfinite(value):
            endless.append(name)
    if endless:
        raise UnreadableError(f"a value of {tool} is not finite: {', '.join(endless)}")
    # Details come from the file and go to a terminal, so they are cut and cleaned of control characters.
    details = [clean(detail[:_LONGEST]) for detail in reading.details[:_MOST_DETAILS]]
    more = len(reading.details) - _MOST_DETAILS
    if more > 0:
        details.append(f"and {more:,} more")
    return ResultReading(reading.values, tuple(details))

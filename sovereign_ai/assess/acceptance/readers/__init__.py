"""From a tool's output to numbers: one file a tool, `read(text)`, pure.

>>> from sovereign_ai.assess.acceptance.readers import READERS
>>> sorted(READERS)
['dcgm', 'fio', 'kernel', 'links', 'nccl']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sovereign_ai.assess.acceptance.readers import dcgm, fio, kernel, links, nccl
from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError

READERS: Mapping[str, Callable[[str], Reading]] = MappingProxyType(
    {"nccl": nccl.read, "dcgm": dcgm.read, "fio": fio.read, "links": links.read, "kernel": kernel.read}
)


def read(tool: str, text: str) -> Reading:
    """Read a tool's output.

    Raises:
        UnreadableError: it is none, also where a value is of another kind than the tool prints.
    """
    try:
        found = READERS[tool](text)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"a value of {tool} is not of the kind that it prints: {error}") from error
    endless = [name for name, value in found.values.items() if not math.isfinite(value)]
    if endless:
        raise UnreadableError(f"a value of {tool} is not finite: {', '.join(endless)}")
    return found

"""The members of a dataclass as a mapping, for plain data that is ready for JSON.

>>> from dataclasses import dataclass
>>> @dataclass
... class Point:
...     x: int
...     y: tuple[int, ...]
>>> members(Point(1, (2, 3)))
{'x': 1, 'y': (2, 3)}
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def members(record: Any) -> dict[str, Any]:
    """Return the members of a dataclass by name, in their order.

    Nested dataclasses stay as they are: unlike `dataclasses.asdict`, it neither converts nor copies them.
    """
    return {field.name: getattr(record, field.name) for field in fields(record)}

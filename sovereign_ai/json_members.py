"""The members of a JSON object, from a dataclass or from several mappings, as one mapping of plain data.

>>> from dataclasses import dataclass
>>> @dataclass
... class Point:
...     x: int
...     y: tuple[int, ...]
>>> members(Point(1, (2, 3)))
{'x': 1, 'y': (2, 3)}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def members(record: Any) -> dict[str, Any]:
    """Return the members of a dataclass by name, in their order.

    Nested dataclasses stay as they are: unlike `dataclasses.asdict`, it neither converts nor copies them.
    """
    return {field.name: getattr(record, field.name) for field in fields(record)}


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of several mappings as one, in their order.

    Of two parts that are made in different places, one may get a member that the other has under the same
    name; `|` would then leave out the first without a word.

    >>> merged({"name": "a"}, {"size": 1})
    {'name': 'a', 'size': 1}

    Raises:
        ValueError: two parts have a member of one name, which is a defect of the caller.
    """
    whole: dict[str, Any] = {}
    for part in parts:
        if twice := sorted(whole.keys() & part.keys()):
            message = f"two parts have the members {', '.join(twice)}"
            raise ValueError(message)
        whole.update(part)
    return whole

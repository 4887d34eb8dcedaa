"""Read what this program and Pulumi keep in the state folder: regular files alone, bounded, or a problem.

The folder lies on a disk like any other: a link may have been put into it, a pipe, or a file that a full disk
cut short. A record whose member is of another type than was written counts as damaged too, since its reader
would fail on it later, where nobody can say which file is meant.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from sovereign_ai.files import content_if_whole, content_of

__all__ = ["content_if_whole", "content_of", "record_from"]

_Record = TypeVar("_Record")
_TYPES = {"bool": bool, "int": int, "str": str}
"""Annotations of a record's members to their types in JSON."""


def record_from(kind: type[_Record], data: Any) -> _Record:
    """Return a record, a dataclass with members of plain types, from plain data.

    Args:
        kind: the dataclass.
        data: its members by name; others are left out.

    Raises:
        TypeError: a member has another type, or the data is no mapping.
        KeyError: a member is missing.
    """
    members: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        value = data[field.name]
        # `True` is an integer to Python, and to nobody else.
        if type(value) is not _TYPES[str(field.type)]:
            message = f"{field.name} is no {field.type}"
            raise TypeError(message)
        members[field.name] = value
    return kind(**members)

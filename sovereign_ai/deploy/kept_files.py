"""Read what this program and Pulumi keep in the state folder: regular files alone, bounded, or a problem.

The folder lies on a disk like any other: a link may have been put into it, a pipe, or a file that a full disk
cut short. A record whose member is of another type than was written counts as damaged too, since its reader
would fail on it later, where nobody can say which file is meant.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import STATE, FileKind, read

_Record = TypeVar("_Record")
_TYPES = {"bool": bool, "int": int, "str": str}
"""Annotations of a record's members to their types in JSON."""


def content_of(path: Path, kind: FileKind = STATE) -> bytes | None:
    """Return the content of a file; None if there is none.

    Raises:
        EnvironmentLacksError: it is no regular file, cannot be read, or is larger than its kind.
    """
    if not os.path.lexists(path):
        return None
    try:
        return read(path, kind)
    except SovereignError:
        # Another command may have removed it meanwhile.
        if not os.path.lexists(path):
            return None
        raise


def content_if_whole(path: Path, kind: FileKind = STATE) -> bytes | None:
    """Return the content of a file that may be missing or damaged; None where it cannot be read."""
    try:
        return content_of(path, kind)
    except SovereignError:
        return None


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

"""The lines of a description written in Python: each part remembers the call that made it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel

from sovereign_ai.errors import Where
from sovereign_ai.files import SourceMap, below

if TYPE_CHECKING:
    from sovereign_ai.spec.base import Model


def of_python(factory: Model, file: str | None = None) -> SourceMap:
    """Return the line of the call that made each part of a description made in Python."""
    values: dict[str, Where] = {}
    _walk(factory, "", values)
    if not file and factory.made_at:
        file = factory.made_at.file
    return SourceMap(values, {}, file or "")


def _walk(value: object, path: str, values: dict[str, Where]) -> None:
    """Record the place of a part and of the parts in it."""
    if isinstance(value, tuple | list):
        for index, item in enumerate(value):
            _walk(item, below(path, index), values)
    elif isinstance(value, dict):
        for name, item in value.items():
            _walk(item, below(path, str(name)), values)
    elif isinstance(value, BaseModel):
        made_at = getattr(value, "made_at", None)
        if made_at is not None:
            values[path] = replace(made_at, field=path)
        for name, info in type(value).model_fields.items():
            _walk(getattr(value, name), below(path, info.alias or name), values)

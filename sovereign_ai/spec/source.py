"""Where each field stands in the user's own text: every later finding points back through this map.

>>> source = SourceMap({"": Where("f.yaml", 1, 1), "pools": Where("f.yaml", 3, 3)}, {}, "f.yaml")
>>> str(source.where("pools[4].zone"))
'f.yaml:3:3: pools[4].zone'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel

from sovereign_ai.errors import Where

if TYPE_CHECKING:
    from sovereign_ai.spec.base import Model


def below(path: str, name: str | int) -> str:
    """Add a field's name or a list's index to a dotted path: `pools`, then `pools[0]`, then `pools[0].zone`."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def above(path: str) -> str:
    """Take the last step off a dotted path; the whole is the empty path."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The places of a description's fields.

    Attributes:
        values: dotted field to the place of its value.
        keys: dotted field to the place of its name, where it has one.
        file: the file that was read.
    """

    values: Mapping[str, Where]
    keys: Mapping[str, Where]
    file: str

    def where(self, field: str) -> Where:
        """Give the place of a field's value, or of the nearest part around it, with the field's own name."""
        return self._find(self.values, field)

    def key(self, field: str) -> Where:
        """Give the place of a field's name, or of the nearest part around it."""
        found = self.keys.get(field)
        return found if found is not None else self.where(field)

    def _find(self, places: Mapping[str, Where], field: str) -> Where:
        """Walk outwards until a place is known."""
        path = field
        while path and path not in places:
            path = above(path)
        found = places.get(path)
        return replace(found, field=field) if found is not None else Where(self.file, field=field)


def of_python(factory: Model, file: str | None = None) -> SourceMap:
    """Map each part of a description made in Python to the line of the call that made it."""
    values: dict[str, Where] = {}
    _walk(factory, "", values)
    return SourceMap(values, {}, file or (factory.made_at.file if factory.made_at else None) or "")


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

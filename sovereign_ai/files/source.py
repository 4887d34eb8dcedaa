"""The place of each field in the user's text, to which every later problem refers.

>>> source = SourceMap({"": Where("f.yaml", 1, 1), "pools": Where("f.yaml", 3, 3)}, {}, "f.yaml")
>>> str(source.where("pools[4].zone"))
'f.yaml:3:3: pools[4].zone'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sovereign_ai.errors import Where
from sovereign_ai.frozen_dataclass import frozen_dataclass


def below(path: str, name: str | int) -> str:
    """Return a dotted path with a name or an index added: `pools`, `pools[0]`, `pools[0].zone`."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def above(path: str) -> str:
    """Return a dotted path without its last step; the empty path is the whole document."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


@frozen_dataclass
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
        """Return the place of a field's value, or of the nearest value around it, with the field's name."""
        return self._find(self.values, field)

    def key(self, field: str) -> Where:
        """Return the place of a field's name, or of the nearest value around it."""
        # An entry of a list has no name.
        place = self.keys.get(field)
        return place if place is not None else self.where(field)

    def _find(self, places: Mapping[str, Where], field: str) -> Where:
        """Return the place of a field, or of the nearest value around it that has one."""
        # A missing field has no place of its own: the problem is shown where it should be.
        path = field
        while path and path not in places:
            path = above(path)
        place = places.get(path)
        return replace(place, field=field) if place is not None else Where(self.file, field=field)

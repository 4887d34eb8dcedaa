"""What a deployment takes for renamed, noted before its first write.

A run that was cut short has made some objects and deleted others. What is left of a tenant is no longer like
the tenant that takes its place, and what was made is no longer new. So the run that goes on takes for renamed
what the first one took, and drains and says the same. A run with another description knows by it what was
there before the one that was cut short.

    noted = Renames({"tenant.red": "tenant.blue"}, {("site", "here"): "there"})
    Renames.from_data(noted.to_data()) == noted
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Any

from sovereign_ai.deploy.moves.component_places import Places
from sovereign_ai.deploy.moves.place_renames import RenamedPlaces
from sovereign_ai.frozen_dataclass import frozen_dataclass

_COMPONENTS, _PLACES = "components", "places"


@frozen_dataclass
class Renames:
    """What a deployment takes for renamed.

    Attributes:
        components: each component that goes, and the one that takes its place; empty where none does.
        places: the places that have another name and are the same.
        is_resumed: whether the deployment at hand has the same objects as the one that noted this.
    """

    components: Mapping[str, str] = field(default_factory=dict)
    places: RenamedPlaces = field(default_factory=dict)
    is_resumed: bool = False

    @property
    def coming(self) -> set[str]:
        """The components that take the place of others."""
        return {new for new in self.components.values() if new}

    def to_data(self) -> dict[str, Any]:
        """Return plain data for the record of a stack."""
        places: dict[str, dict[str, str]] = {}
        for (kind, old), new in self.places.items():
            places.setdefault(kind, {})[old] = new
        return {_COMPONENTS: dict(self.components), _PLACES: places}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, is_resumed: bool = False) -> Renames:
        """Return what was noted; what is no name of anything is left out."""
        places: RenamedPlaces = {}
        for kind, names in _mapping(data.get(_PLACES)).items():
            for old, new in _texts(names).items():
                places[kind, old] = new
        return cls(_texts(data.get(_COMPONENTS)), places, is_resumed)

    def unfinished(self, components: AbstractSet[str], places: AbstractSet[tuple[str, str]]) -> Renames:
        """Return what of it is not done yet: a run that came to its end left nothing of any old name.

        Args:
            components: the components that have objects or machines.
            places: the places in which anything is, or of which the last deployment knew, each with its kind.
        """
        going = {old: new for old, new in self.components.items() if old in components}
        renamed = self.places if self.places.keys() & places else {}
        return Renames(going, renamed, self.is_resumed)

    def undone(self, places: Places) -> dict[tuple[str, str], AbstractSet[str]]:
        """Return where components are under the names that places had before."""
        former: dict[str, dict[str, str]] = defaultdict(dict)
        for (kind, old), new in self.places.items():
            former[kind][new] = old
        undone: dict[tuple[str, str], AbstractSet[str]] = {}
        for (component, kind), names in places.items():
            undone[component, kind] = {former[kind].get(name, name) for name in names}
        return undone


def _mapping(value: object) -> Mapping[str, object]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> dict[str, str]:
    """Return the texts in a mapping."""
    return {key: text for key, text in _mapping(value).items() if isinstance(text, str)}

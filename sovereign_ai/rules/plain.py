"""Objects as an API server would see them: without null fields, whole numbers as numbers, unknowns emptied and listed.

>>> plain({"spec": {"replicas": 2.0, "x": None, "image": UNKNOWN}})
({'spec': {'replicas': 2, 'image': ''}}, [('spec', 'image')])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final


class Unknown:
    """A value that is not known yet, such as a Pulumi output at preview."""

    def __repr__(self) -> str:
        """Write it as an unmistakable name."""
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

Path = tuple[str, ...]
_MAPS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "parameters", "resources.limits", "resources.requests"})
"""Fields whose keys are the user's own: there a null is an empty text to the API server, and the key stays."""


def plain(value: Any) -> tuple[Any, list[Path]]:
    """Give plain data and the paths of unknown values; list positions are left out of a path.

    Raises:
        TypeError: the value holds what JSON cannot.
    """
    unknown: list[Path] = []
    return _plain(value, (), unknown), unknown


def _plain(value: Any, path: Path, unknown: list[Path]) -> Any:
    """Copy one value."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict or isinstance(value, Mapping):
        return _mapping(value, path, unknown)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        copied = (_plain(item, path, unknown) for item in value)
        return [item for item in copied if item is not UNKNOWN]
    if kind is float:
        return int(value) if value.is_integer() else value
    if value is UNKNOWN:
        unknown.append(path)
        return value
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{'.'.join(path) or 'the object'} holds a {kind.__name__}, which no Kubernetes object can")


def _mapping(value: Mapping[Any, Any], path: Path, unknown: list[Path]) -> dict[str, Any]:
    """Copy a mapping without null fields; the key of an unknown value stays, since some rules look at keys."""
    found = {}
    for key, item in value.items():
        if item is None:
            if path and (path[-1] in _MAPS or ".".join(path[-2:]) in _MAPS):
                found[key] = ""
            continue
        copied = _plain(item, (*path, key), unknown)
        found[key] = "" if copied is UNKNOWN else copied
    return found

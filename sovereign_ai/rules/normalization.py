"""Plain data: objects as an API server sees them.

Null fields are left out, whole numbers are integers, and unknown values are emptied and listed.

>>> to_plain({"spec": {"replicas": 2.0, "x": None, "image": UNKNOWN}})
({'spec': {'replicas': 2, 'image': ''}}, [('spec', 'image')])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final


class Unknown:
    """A value that is not known yet, such as a Pulumi output at preview."""

    def __repr__(self) -> str:
        """Return an unmistakable name."""
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

Path = tuple[str, ...]
_MAPS = frozenset(
    {
        "annotations",
        "labels",
        "matchLabels",
        "nodeSelector",
        "parameters",
        "resources.limits",
        "resources.requests",
    }
)
"""Fields whose keys the user chooses. The API server reads a null there as an empty text."""


def to_plain(value: Any) -> tuple[Any, list[Path]]:
    """Return plain data and the paths of unknown values; positions in lists are left out of a path.

    Raises:
        TypeError: the value holds what JSON cannot.
    """
    unknown: list[Path] = []
    return _plain(value, (), unknown), unknown


def _plain(value: Any, path: Path, unknown: list[Path]) -> Any:
    """Return a copy of one value; add the path of an unknown one to `unknown`."""
    kind = type(value)
    # The exact types first: nearly all values are of them.
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is dict or isinstance(value, Mapping):
        return _plain_mapping(value, path, unknown)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        copied = [_plain(item, path, unknown) for item in value]
        return [item for item in copied if item is not UNKNOWN]
    if kind is float:
        # Pulumi's properties are a Protobuf Struct, which knows only floating point numbers.
        return int(value) if value.is_integer() else value
    if value is UNKNOWN:
        unknown.append(path)
        return value
    if isinstance(value, str):
        return str(value)
    field = ".".join(path) or "the object"
    raise TypeError(f"{field} holds a {kind.__name__}, which no Kubernetes object can")


def _has_user_keys(path: Path) -> bool:
    """Return whether the user chooses the keys of the mapping at a path."""
    if not path:
        return False
    last_two = ".".join(path[-2:])
    return path[-1] in _MAPS or last_two in _MAPS


def _plain_mapping(value: Mapping[Any, Any], path: Path, unknown: list[Path]) -> dict[str, Any]:
    """Return a copy of a mapping without null fields.

    The key of an unknown value stays, since some rules look at keys.
    """
    copy = {}
    for key, item in value.items():
        if item is None:
            if _has_user_keys(path):
                copy[key] = ""
            continue
        copied = _plain(item, (*path, key), unknown)
        copy[key] = "" if copied is UNKNOWN else copied
    return copy

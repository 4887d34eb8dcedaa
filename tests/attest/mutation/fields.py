"""The fields of a description: all that its models have, and how to change one in plain data."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from sovereign_ai.spec.base import Model
from sovereign_ai.spec.factory import AIFactory

Data = dict[str, Any]
RENAME = "another name, everywhere"
"""A change of a name: where it is given and wherever it is used."""
ABSENT = "left out"
"""A change that leaves a field out."""


def leaves(model: type[Model] = AIFactory, at: str = "") -> Iterator[str]:
    """Give every field that holds no other part, as in `sites[].power.feeds{}.capacity`."""
    for name, info in model.model_fields.items():
        path = f"{at}.{info.alias or name}" if at else info.alias or name
        parts = list(_parts(info.annotation))
        if not parts:
            yield path
        for part, mark in parts:
            yield from leaves(part, f"{path}{mark}")


def _parts(annotation: Any, mark: str = "") -> Iterator[tuple[type[Model], str]]:
    """Give the parts that an annotation holds, and how they are held: one, a list, or by name."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation, mark
    origin = getattr(annotation, "__origin__", None)
    for inner in get_args(annotation):
        yield from _parts(inner, "[]" if origin is tuple else "{}" if origin is dict else mark)


def general(path: str) -> str:
    """Take the places out of a path: `sites[1].country` is a `sites[].country`.

    >>> general("sites[0].power.feeds{B}.ups")
    'sites[].power.feeds{}.ups'
    """
    return re.sub(r"\{[A-Za-z]*\}", "{}", re.sub(r"\[[0-9]*\]", "[]", path))


def steps(path: str) -> list[str | int]:
    """Give the steps of a path; empty brackets mean the first.

    >>> steps("sites[1].power.feeds{}.ups")
    ['sites', 1, 'power', 'feeds', 'A', 'ups']
    """
    found: list[str | int] = []
    for step in path.split("."):
        match = re.fullmatch(r"([a-z_]+)(?:\[([0-9]*)\]|\{([A-Za-z]*)\})?", step)
        assert match, path
        found.append(match[1])
        if match[2] is not None:
            found.append(int(match[2] or 0))
        if match[3] is not None:
            found.append(match[3] or "A")
    return found


def value_at(data: Data, path: str) -> Any:
    """Give a field's value; None where it is left out."""
    inner: Any = data
    *way, last = steps(path)
    for step in way:
        inner = inner[step]
    return inner[last] if isinstance(last, int) else inner.get(last)


def changed(data: Data, path: str, value: Any) -> Data:
    """Give data with one field changed, which must not have had that value before."""
    other = copy.deepcopy(data)
    inner: Any = other
    *way, last = steps(path)
    for step in way:
        inner = inner[step]
    before = value_at(data, path)
    assert before != value, f"{path} is {value!r} already"
    if value == RENAME:
        return _renamed(other, before)  # type: ignore[no-any-return]  # a mapping stays one
    if value == ABSENT:
        del inner[last]
    else:
        inner[last] = value
    return other


def prepared(data: Data, given: Mapping[str, Any]) -> Data:
    """Give data with some fields set before the change."""
    for path, value in given.items():
        data = changed(data, path, value)
    return data


def renamed(name: str) -> str:
    """Give the new name, which sorts where the old one did."""
    return f"{name}0"


def _renamed(data: Any, name: str) -> Any:
    """Replace a name wherever it stands as a value."""
    if isinstance(data, dict):
        return {key: _renamed(value, name) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(value, name) for value in data]
    return renamed(name) if data == name else data

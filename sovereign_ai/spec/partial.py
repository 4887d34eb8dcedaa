"""The correct fields of a partly wrong part, to be checked although the part itself cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from sovereign_ai.spec.base import Model

MOST_ENTRIES = 200
"""Entries of a list that are checked, in a description that is refused in any case."""


class Missing:
    """Takes the place of a wrong value, so that the entries of a list keep their numbers."""


_MISSING = Missing()


def partial(kind: Any, value: Any) -> Any:
    """Return the correct half of a value of a type.

    Args:
        kind: the type of a field.
        value: the content of the file.

    Returns:
        The value; a part without its wrong fields; a tuple with `Missing` in place of wrong entries; or
        `Missing`.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        pass
    for inner in _members(kind):
        if isinstance(inner, type) and issubclass(inner, Model) and isinstance(value, dict):
            return inner.model_construct(**dict(_right_fields(inner, value)))
        if get_origin(inner) is tuple and isinstance(value, list):
            return tuple(partial(get_args(inner)[0], entry) for entry in value[:MOST_ENTRIES])
    return _MISSING


def _right_fields(model: type[Model], data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each field, as far as it is correct; a field that is left out is missing and has no default."""
    for name, info in model.model_fields.items():
        key = info.alias or name
        kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        yield name, partial(kind, data[key]) if key in data else _MISSING


def _members(kind: Any) -> Iterator[Any]:
    """Yield the types that a field may have, without their annotations."""
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind

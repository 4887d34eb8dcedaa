"""The correct fields of a partly wrong part, to be checked although the part itself cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from sovereign_ai.spec.base import Model
from sovereign_ai.spec.field_location import adapter, fields_of, full_type, locate_field, meant_field

MOST_ENTRIES = 200
"""Entries of a list that are checked, in a description that is refused in any case."""


class MissingValueError(Exception):
    """A check has asked for a value that is wrong, so nothing can be said by it."""


class Missing:
    """Takes the place of a wrong value, so that the entries of a list keep their numbers.

    It answers no question: what is asked of it raises, so that no check takes it for a value.

    Raises:
        MissingValueError: it is compared, counted, shown, iterated, or asked for an attribute.
    """

    def _refuse(self, *_: object) -> Any:
        raise MissingValueError

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __str__ = __repr__ = __format__ = __int__ = __float__ = __index__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __pow__ = _refuse
    __neg__ = __abs__ = __round__ = __or__ = __ror__ = __and__ = __rand__ = __call__ = _refuse

    def __getattr__(self, name: str) -> Any:
        raise MissingValueError(name)


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
        return adapter(kind).validate_python(value)
    except ValidationError:
        pass
    for inner in _members(kind):
        if isinstance(inner, type) and issubclass(inner, Model) and isinstance(value, dict):
            return inner.model_construct(**dict(_right_fields(inner, value)))
        if get_origin(inner) is dict and isinstance(value, dict):
            of = get_args(inner)[1]
            return {key: partial(of, entry) for key, entry in islice(value.items(), MOST_ENTRIES)}
        if get_origin(inner) is tuple and isinstance(value, list):
            entries = [partial(get_args(inner)[0], entry) for entry in value[:MOST_ENTRIES]]
            # Nothing may be concluded from the end of a list that was cut off.
            return (*entries, _MISSING) if len(value) > MOST_ENTRIES else tuple(entries)
    return _MISSING


def _right_fields(model: type[Model], data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each field, as far as it is correct.

    One that is left out has its default, if it has one and no field that does not exist is spelt like it.
    """
    misspelt = _misspelt(model, data)
    for name, info in model.model_fields.items():
        key = info.alias or name
        kind = full_type(info)
        if key in data:
            yield name, partial(kind, data[key])
        elif info.is_required() or key in misspelt:
            yield name, _MISSING
        else:
            # A default may be written as a file would hold it.
            yield name, partial(kind, info.get_default(call_default_factory=True, validated_data={}))


def _members(kind: Any) -> Iterator[Any]:
    """Yield the types that a field may have, without their annotations."""
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _misspelt(model: type[Model], data: dict[str, Any]) -> set[str]:
    """Return the fields that are left out and that unknown ones are spelt like."""
    fields = set(fields_of(model, by_alias=True))
    left_out = sorted(fields - set(data))
    return {meant_field(str(key), left_out) for key in set(data) - fields}


def without_unknown(model: type[Model], data: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return data without the fields that do not exist; one that is spelt like a field left out stays.

    Args:
        model: the part that was validated.
        data: the content of the file; it stays as it is.
        error: pydantic's errors of it.
    """
    unknown = [item["loc"] for item in error.errors(include_url=False) if item["type"] == "extra_forbidden"]
    rest = deepcopy(data) if unknown else data
    for loc in unknown:
        around: Any = rest
        for step in loc[:-1]:
            # Between the steps of the file stand the names of the types that a union tried.
            with suppress(KeyError, TypeError):
                around = around[step]
        owner = locate_field(model, loc).parent
        if isinstance(around, dict) and owner is not None:
            left_out = sorted(set(fields_of(owner, by_alias=True)) - set(around))
            if not meant_field(str(loc[-1]), left_out):
                around.pop(loc[-1], None)
    return rest

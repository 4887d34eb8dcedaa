"""Frozen dataclasses that are made in less time than the standard library needs.

`dataclasses.dataclass` compiles six methods for each class. A command that only validates a description
makes a hundred classes, which took a seventh of its time. Here the fields, `__init__` and the refusal of
changes come from the standard library. Comparison, hash and representation are functions that read fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform, overload

_NAME_OF = attrgetter("name")
_T = TypeVar("_T")


@overload
def frozen_dataclass(cls: type[_T], /) -> type[_T]: ...


@overload
def frozen_dataclass(*, kw_only: bool = False) -> Callable[[type[_T]], type[_T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen_dataclass(cls: type[_T] | None = None, /, *, kw_only: bool = False) -> Any:
    """Make a class what `dataclass(frozen=True, slots=True)` makes it.

    Methods that the class itself defines stay. `field()` takes what it takes elsewhere: `repr=False` keeps a
    field out of the representation, `compare=False` and `hash=False` keep it out of comparison and hash.

    Args:
        cls: the class.
        kw_only: whether `__init__` takes keywords alone.
    """
    if cls is None:
        return lambda made: _with_methods(made, kw_only=kw_only)
    return _with_methods(cls, kw_only=kw_only)


def _with_methods(cls: type[_T], *, kw_only: bool) -> type[_T]:
    """Make the dataclass, and set the methods that its body did not define."""
    body = dict(vars(cls))
    made = dataclass(frozen=True, slots=True, repr=False, eq=False, kw_only=kw_only)(cls)
    all_fields = fields(made)  # type: ignore[arg-type]
    compared_values = _values(filter(_is_compared, all_fields))
    hashed_values = _values(filter(_is_hashed, all_fields))

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared_values(self) == compared_values(other)

    def hash_of_values(self: Any) -> int:
        return hash(hashed_values(self))

    @recursive_repr("...")
    def representation(self: Any) -> str:
        shown = []
        for entry in all_fields:
            if entry.repr:
                shown.append(f"{entry.name}={getattr(self, entry.name)!r}")
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    for name, method in (("__eq__", equal), ("__hash__", hash_of_values), ("__repr__", representation)):
        if body.get(name) is None:
            setattr(made, name, method)
    return made


def _is_compared(entry: Field[Any]) -> bool:
    """Tell whether a field is part of the comparison."""
    return entry.compare


def _is_hashed(entry: Field[Any]) -> bool:
    """Tell whether a field is part of the hash: as it says, or as it is compared."""
    return entry.compare if entry.hash is None else entry.hash


def _values(entries: Iterable[Field[Any]]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads some fields of an object as a tuple.

    The class stands in it twice, as `attrgetter` gives a tuple for two names and more only.
    """
    return attrgetter(*map(_NAME_OF, entries), "__class__", "__class__")

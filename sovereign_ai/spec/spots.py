"""Walks from a model along an error's location to the field it means, and says in words what belongs there.

>>> from sovereign_ai.spec.pool import GpuNodePool
>>> locate(GpuNodePool, ("spares", "literal['auto']")).path
'spares'
>>> locate(GpuNodePool, ("spares",)).expected
"'auto' or a whole number from 0 to 100,000"
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sovereign_ai.spec.source import below
from sovereign_ai.units import Quantity, Ratio


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of text is, for messages; stands among the annotations of its type.

    Attributes:
        code: the problem's code when the text is of another form.
        words: what is expected, with its article: `a country code, such as DE`.
        mend: gives the right text for a wrong one where that can be told, such as lower case.
        digits: whether a number in quotation marks is such a text.
    """

    code: str
    words: str
    mend: Callable[[str], str | None] = field(default=lambda _: None, compare=False)
    digits: bool = False

    def advice(self, text: str) -> str:
        """Give the hint for a text of another form."""
        better = self.mend(text[:200])
        return f"write {better!r}" if better and better != text else f"write {self.words}"


@dataclass(frozen=True, slots=True)
class Spot:
    """A field of a description, as its models see it.

    Attributes:
        path: dotted path, `pools[0].zone`.
        name: the last step's name.
        type: the field's bare type; None where nothing is known.
        parent: the part whose field it is.
        literals: the words allowed, where only a few are.
        is_union: whether a word or something else may stand there.
        form: what kind of text it is.
        expected: what belongs there, in words.
        shape: `text`, `number`, `bool`, `list`, `mapping` or `other`.
        by_alias: whether fields are named by their alias.
    """

    path: str
    name: str
    type: Any
    parent: type[BaseModel] | None
    literals: tuple[str, ...]
    is_union: bool
    form: Form | None
    expected: str
    shape: str
    by_alias: bool


def fields_of(model: type[BaseModel], *, by_alias: bool) -> dict[str, FieldInfo]:
    """Give a part's fields under the names that the user writes."""
    return {(info.alias or name) if by_alias else name: info for name, info in model.model_fields.items()}


def locate(model: type[BaseModel], loc: Sequence[int | str], *, by_alias: bool = True) -> Spot:
    """Find the field that pydantic's location means."""
    kind: Any = model
    path, name, parent, key_kind = "", "", None, None
    for step in loc:
        arms, _ = _arms(kind)
        bare = arms[0] if len(arms) == 1 else None
        if step == "[key]":
            kind = key_kind
        elif isinstance(bare, type) and issubclass(bare, BaseModel):
            parent = bare
            info, name = _field(bare, str(step), by_alias=by_alias)
            path = below(path, name)
            kind = _whole(info) if info else None
        elif get_origin(bare) in (tuple, list) and isinstance(step, int):
            path, kind = below(path, step), get_args(bare)[0]
        elif get_origin(bare) is dict:
            path, name = below(path, str(step)), str(step)
            key_kind, kind = get_args(bare)
        elif kind is None:
            path = below(path, step)
    return _spot(path, name, kind, parent, by_alias=by_alias)


def _field(model: type[BaseModel], step: str, *, by_alias: bool) -> tuple[FieldInfo | None, str]:
    """Find a field by its alias or its name, and give the name that the user writes."""
    for name, info in model.model_fields.items():
        if step in (name, info.alias):
            return info, (info.alias or name) if by_alias else name
    return None, step


def _whole(info: FieldInfo) -> Any:
    """Give a field's type together with its constraints."""
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _arms(kind: Any) -> tuple[list[Any], list[Any]]:
    """Give the types that may stand for a type, None left out, and the constraints on it."""
    metadata: list[Any] = []
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metadata = [*more, *metadata]
    if get_origin(kind) in (Union, types.UnionType):
        arms: list[Any] = []
        for arm in get_args(kind):
            if arm is type(None):
                continue
            inner, inner_metadata = _arms(arm)
            arms += inner
            metadata += inner_metadata
        return arms, metadata
    return [kind], metadata


def _spot(path: str, name: str, kind: Any, parent: type[BaseModel] | None, *, by_alias: bool) -> Spot:
    """Describe what belongs at the end of a walk."""
    arms, metadata = _arms(kind)
    literals = tuple(str(word) for arm in arms if get_origin(arm) is Literal for word in get_args(arm))
    others = [arm for arm in arms if get_origin(arm) is not Literal]
    form = next((item for item in metadata if isinstance(item, Form)), None)
    bare = others[0] if others else None
    words = [repr(word) for word in literals] + [_words(arm, form, metadata) for arm in others]
    expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return Spot(path, name, bare, parent, literals, bool(literals and others), form, expected, _shape(bare, literals), by_alias)


def _words(kind: Any, form: Form | None, metadata: list[Any]) -> str:
    """Say what a type is."""
    origin = get_origin(kind)
    if form is not None:
        words = form.words
    elif origin in (tuple, list):
        words = f"a list of entries, each {_spot('', '', get_args(kind)[0], None, by_alias=True).expected}"
    elif origin is dict:
        words = "a mapping of names"
    elif kind in (int, float):
        words = _range("a whole number" if kind is int else "a number", metadata)
    else:
        words = _class_words(kind) if isinstance(kind, type) else "another value"
    return words


def _class_words(kind: type) -> str:
    """Say what a class is."""
    if issubclass(kind, BaseModel):
        needed = [alias for alias, info in fields_of(kind, by_alias=True).items() if info.is_required()]
        return f"the fields of {kind.__name__}: {', '.join(needed[:8])}" if needed else f"the fields of {kind.__name__}"
    if issubclass(kind, Quantity):
        return f"{kind.noun}, such as {kind.example!r}"
    if issubclass(kind, Ratio):
        return "a ratio, such as '1:1'"
    return {str: "text", bool: "true or false", date: "a date, such as 2026-12-31"}.get(kind, "another value")


def _range(noun: str, metadata: list[Any]) -> str:
    """Add the bounds to a number's noun."""
    bounds: list[Any] = []
    for item in metadata:
        bounds += item.metadata if isinstance(item, FieldInfo) else [item]
    least = next((item.ge for item in bounds if isinstance(item, Ge)), None)
    most = next((item.le for item in bounds if isinstance(item, Le)), None)
    return noun if least is None or most is None else f"{noun} from {least:,} to {most:,}"


def _shape(kind: Any, literals: tuple[str, ...]) -> str:
    """Give the shape of the value in the file."""
    if get_origin(kind) in (tuple, list):
        return "list"
    if kind is bool:
        return "bool"
    if kind in (int, float):
        return "number"
    if get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return "mapping"
    return "text" if literals or kind is str or (isinstance(kind, type) and issubclass(kind, Quantity | Ratio | date)) else "other"

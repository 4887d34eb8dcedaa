"""Find the field of a description that pydantic's location of an error refers to, and its value in words.

pydantic names a field by the steps to it: `("pools", 0, "zone")`, with further steps for unions. A user is
shown `pools[0].zone`, and what may be written there.

>>> from sovereign_ai.spec import GpuNodePool
>>> locate_field(GpuNodePool, ("spares", "literal['auto']")).path
'spares'
>>> locate_field(GpuNodePool, ("spares",)).expected
"'auto' or a whole number from 0 to 100,000"
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from sovereign_ai.errors import closest
from sovereign_ai.files import below
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import Quantity, Ratio

FIELD_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "type": ("kind", "protocol"),
    "size": ("capacity",),
    "speed": ("link", "rate"),
    "bandwidth": ("link", "rate"),
    "count": ("nodes", "replicas"),
    "machines": ("nodes",),
    "servers": ("nodes",),
    "server": ("system",),
    "machine": ("system",),
    "machine_type": ("system",),
    "instance_type": ("system",),
    "gpu": ("system",),
    "gpu_type": ("system",),
    "gpu_model": ("system",),
    "accelerator": ("system",),
    "location": ("country", "site"),
    "datacenter": ("site",),
    "jurisdiction": ("seat", "country"),
    "country": ("seat", "jurisdiction"),
    "quality": ("grade",),
    "tier": ("grade",),
    "datacenters": ("sites",),
    "node_pools": ("pools",),
    "networks": ("fabrics",),
    "security_zones": ("zones",),
    "customers": ("tenants",),
    "vendors": ("suppliers",),
}
"""What people also call a field, and its names; the first one that a part has is meant."""

_COUNT_MACHINES = "write 'nodes', the number of machines; the system says how many GPUs each has"
FIELD_ADVICE: Mapping[str, tuple[str, str]] = {
    "gpus": ("nodes", _COUNT_MACHINES),
    "gpu_count": ("nodes", _COUNT_MACHINES),
    "num_gpus": ("nodes", _COUNT_MACHINES),
    "gpus_per_node": ("system", "remove it: the system says how many GPUs a machine has"),
    "gpus_per_machine": ("system", "remove it: the system says how many GPUs a machine has"),
}
"""What is written in place of a name whose value is not that of another field: a field that the part has, and
the hint."""


@frozen_dataclass
class TextForm:
    """A kind of text, for messages; it is one of the annotations of its type.

    Attributes:
        code: the problem's code for text of another form.
        words: the expected text, with its article: `a country code, such as DE`.
        correct: returns the correct text for a wrong one where it can be derived, such as lower case.
        digits: whether a number in quotation marks is such a text.
        hint: returns the whole hint for a wrong text, where `correct` could only guess one of several.
    """

    code: str
    words: str
    correct: Callable[[str], str | None] = field(default=lambda _: None, compare=False)
    digits: bool = False
    hint: Callable[[str], str] | None = field(default=None, compare=False)

    def advice(self, text: str) -> str:
        """Return the hint for a text of another form."""
        # The beginning is enough, and comparing megabytes with names would take long.
        if self.hint is not None:
            return self.hint(text[:200])
        better = self.correct(text[:200])
        return f"write {better!r}" if better and better != text else f"write {self.words}"


@frozen_dataclass
class FieldLocation:
    """A field of a description, as its models define it.

    Attributes:
        path: dotted path, `pools[0].zone`.
        name: the last step's name.
        type: the field's bare type; None where it is not known.
        parent: the part whose field it is.
        literals: the words allowed, where only a few are.
        is_union: whether a word or something else is allowed.
        form: the kind of text.
        expected: the expected value in words.
        shape: `text`, `number`, `bool`, `list`, `mapping` or `other`.
        by_alias: whether fields are named by their alias.
        kind: the type with its constraints; None where it is not known.
        required: whether the part cannot be without the field.
    """

    path: str
    name: str
    type: Any
    parent: type[BaseModel] | None
    literals: tuple[str, ...]
    is_union: bool
    form: TextForm | None
    expected: str
    shape: str
    by_alias: bool
    kind: Any = None
    required: bool = False

    def accepts(self, value: object) -> bool:
        """Return whether a value is right here."""
        try:
            adapter(self.kind).validate_python(value)
        except ValidationError:
            return False
        return True


def fields_of(model: type[BaseModel], *, by_alias: bool) -> dict[str, FieldInfo]:
    """Return a part's fields under the names that the user writes."""
    fields: dict[str, FieldInfo] = {}
    for name, info in model.model_fields.items():
        fields[(info.alias or name) if by_alias else name] = info
    return fields


def meant_field(name: str, fields: Collection[str]) -> str:
    """Return the field that is meant by a name that a part does not have; empty where none is near."""
    for synonym in FIELD_SYNONYMS.get(name[:40].casefold(), ()):
        if synonym in fields:
            return synonym
    return closest(name, sorted(fields))


def advice_on(name: str, fields: Collection[str]) -> str:
    """Return the hint for a name that means something else than any field; empty for other names."""
    field, hint = FIELD_ADVICE.get(name[:40].casefold(), ("", ""))
    return hint if field in fields else ""


def locate_field(model: type[BaseModel], loc: Sequence[int | str], *, by_alias: bool = True) -> FieldLocation:
    """Return the field that pydantic's location refers to.

    A location has a step for each field and index, `[key]` for the key of a mapping, and a step such as
    `tuple[Name, ...]` for the arm of a union.
    """
    kind: Any = model
    path, name, parent, key_kind, required = "", "", None, None, False
    for number, step in enumerate(loc):
        arms, _ = _alternatives(kind)
        bare = arms[0] if len(arms) == 1 else None
        is_last = number + 1 == len(loc)
        required = False
        if bare is None and str(step).startswith(("tuple[", "list[")) and not is_last:
            kind = _list_of(arms) or kind
        elif step == "[key]":
            kind = key_kind
        elif isinstance(bare, type) and issubclass(bare, BaseModel):
            parent = bare
            info, name = _find_field(bare, str(step), by_alias=by_alias)
            path = below(path, name)
            kind = full_type(info) if info else None
            required = info is not None and info.is_required()
        elif get_origin(bare) in (tuple, list) and isinstance(step, int):
            path, kind = below(path, step), get_args(bare)[0]
        elif get_origin(bare) is dict:
            path, name = below(path, str(step)), str(step)
            key_kind, kind = get_args(bare)
        elif kind is None:
            path = below(path, step)
    return _field_at_end(path, name, kind, parent, by_alias=by_alias, required=required)


def _find_field(model: type[BaseModel], step: str, *, by_alias: bool) -> tuple[FieldInfo | None, str]:
    """Return a field by its alias or its name, and the name that the user writes."""
    for name, info in model.model_fields.items():
        if step in (name, info.alias):
            return info, (info.alias or name) if by_alias else name
    return None, step


def _list_of(arms: list[Any]) -> Any:
    """Return the list among the alternatives of a type; None if there is none."""
    for arm in arms:
        if get_origin(arm) in (tuple, list):
            return arm
    return None


def full_type(info: FieldInfo) -> Any:
    """Return a field's type together with its constraints."""
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the validator of a type; making one takes far longer than using it."""
    try:
        return _kept_adapter(kind)
    except TypeError:
        return TypeAdapter(kind)  # a type whose annotations have no hash


@cache
def _kept_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _alternatives(kind: Any) -> tuple[list[Any], list[Any]]:
    """Return the alternatives of a type, without None, and the constraints on it."""
    metadata: list[Any] = []
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metadata = [*more, *metadata]
    if get_origin(kind) not in (Union, types.UnionType):
        return [kind], metadata
    arms: list[Any] = []
    for arm in get_args(kind):
        if arm is type(None):
            continue
        inner, inner_metadata = _alternatives(arm)
        arms += inner
        metadata += inner_metadata
    return arms, metadata


def _field_at_end(
    path: str,
    name: str,
    kind: Any,
    parent: type[BaseModel] | None,
    *,
    by_alias: bool,
    required: bool = False,
) -> FieldLocation:
    """Return the field at the end of a walk, with its expected value."""
    arms, metadata = _alternatives(kind)
    literals: list[Any] = []
    others: list[Any] = []
    for arm in arms:
        if get_origin(arm) is Literal:
            literals += get_args(arm)
        elif isinstance(arm, type) and issubclass(arm, StrEnum):
            literals += arm
        else:
            others.append(arm)
    form = next((item for item in metadata if isinstance(item, TextForm)), None)
    words = [repr(str(word)) if isinstance(word, str) else str(word) for word in literals]
    words += [_type_words(arm, form, metadata) for arm in others]
    expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    bare = others[0] if others else None
    return FieldLocation(
        path=path,
        name=name,
        type=bare,
        parent=parent,
        literals=tuple(map(str, literals)),
        is_union=bool(literals and others),
        form=form,
        expected=expected,
        shape=_value_shape(bare, has_words=bool(literals)),
        by_alias=by_alias,
        kind=kind,
        required=required,
    )


def _type_words(kind: Any, form: TextForm | None, metadata: list[Any]) -> str:
    """Return a type in words."""
    if form is not None:
        return form.words
    origin = get_origin(kind)
    if origin in (tuple, list):
        entry = _field_at_end("", "", get_args(kind)[0], None, by_alias=True).expected
        return f"a list of entries, each {entry}"
    if origin is dict:
        return "a mapping of names"
    if kind in (int, float):
        return _range_words("a whole number" if kind is int else "a number", metadata)
    return _class_words(kind) if isinstance(kind, type) else "another value"


def _class_words(kind: type) -> str:
    """Return a class in words."""
    if issubclass(kind, BaseModel):
        fields = fields_of(kind, by_alias=True)
        needed = [alias for alias, info in fields.items() if info.is_required()]
        names = f": {', '.join(needed[:8])}" if needed else ""
        return f"the fields of {kind.__name__}{names}"
    if issubclass(kind, Quantity):
        return f"{kind.noun}, such as {kind.example!r}"
    if issubclass(kind, Ratio):
        return "a ratio, such as '1:1'"
    return {str: "text", bool: "true or false", date: "a date, such as 2026-12-31"}.get(kind, "another value")


def _range_words(noun: str, metadata: list[Any]) -> str:
    """Return a number's noun with its bounds."""
    bounds: list[Any] = []
    for item in metadata:
        # A bound is an annotation by itself, or inside of a `Field`.
        bounds += item.metadata if isinstance(item, FieldInfo) else [item]
    least = most = None
    for bound in bounds:
        if isinstance(bound, Ge) and least is None:
            least = bound.ge
        elif isinstance(bound, Le) and most is None:
            most = bound.le
    return noun if least is None or most is None else f"{noun} from {least:,} to {most:,}"


def _value_shape(kind: Any, *, has_words: bool) -> str:
    """Return the shape of the value in the file; `has_words` where a few words are allowed too."""
    if get_origin(kind) in (tuple, list):
        return "list"
    if kind is bool:
        return "bool"
    if kind in (int, float):
        return "number"
    is_class = isinstance(kind, type)
    if get_origin(kind) is dict or (is_class and issubclass(kind, BaseModel)):
        return "mapping"
    if has_words or kind is str or (is_class and issubclass(kind, Quantity | Ratio | date)):
        return "text"
    return "other"

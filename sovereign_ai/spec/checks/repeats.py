"""Entries that a list has twice: one is too many, or was meant to be another one.

Every list of a description is a set, but for those of `_MAY_REPEAT`. The lists are found by walking the
model, so that one of a new field is no exception. What another check reports of the same entry is not
reported again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import below, shown
from sovereign_ai.spec.base import Model

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

# A line may come back to a country.
_MAY_REPEAT = frozenset({"route"})
# Rows are compared with each other, and with the catalogue's own, where they are added to it.
_CHECKED_ELSEWHERE = frozenset({"catalog"})


def check_repeats(
    factory: AIFactory, fields: Collection[str], reported: Collection[str]
) -> Iterator[Problem]:
    """Yield every entry that its list has before it, in some fields of the factory.

    Args:
        factory: the description.
        fields: the fields of the factory that are correct as a whole.
        reported: dotted fields that have a problem already.
    """
    for name in type(factory).model_fields:
        if name in fields and name not in _CHECKED_ELSEWHERE:
            for problem in _walk(getattr(factory, name), name, name):
                place = problem.where.field
                if not any(field == place or field.startswith(f"{place}.") for field in reported):
                    yield problem


def _walk(value: object, path: str, field: str) -> Iterator[Problem]:
    """Check a value and every part below it; `field` is the name of the field that it is the value of."""
    if isinstance(value, tuple):
        if field not in _MAY_REPEAT:
            yield from _repeated(value, path)
        # Only parts have lists below them: names and numbers are not walked.
        if value and isinstance(value[0], Model):
            for index, item in enumerate(value):
                yield from _walk(item, below(path, index), field)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, below(path, name), field)
    elif isinstance(value, Model):
        for name, info in type(value).model_fields.items():
            yield from _walk(getattr(value, name), below(path, info.alias or name), name)


def _repeated(entries: tuple[object, ...], path: str) -> Iterator[Problem]:
    """Yield the entries of one list that are equal to an earlier one."""
    first: dict[Hashable, int] = {}
    for index, entry in enumerate(entries):
        earlier = first.setdefault(_content(entry), index)
        if earlier != index:
            what = "this entry" if isinstance(entry, Model) else shown(entry)
            message = f"{what} is in this list twice; the first is {below(path, earlier)}"
            yield Problem("duplicate-entry", message, Where(field=below(path, index)), "keep one of the two")


def _content(entry: object) -> Hashable:
    """Return what makes two entries equal."""
    if isinstance(entry, Model):
        return entry.model_dump_json()
    # A registry, or a part of one, is the same with a slash at its end and without.
    return entry.rstrip("/") if isinstance(entry, str) else str(entry)

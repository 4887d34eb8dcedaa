"""Entries that a list has twice: one is too many, or was meant to be another one.

Every list of a description is a set, but for those of `_MAY_REPEAT`. What another check reports of the same
entry is not reported again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import below, shown
from sovereign_ai.spec.base import Model
from sovereign_ai.spec.checks.lists import lists_of

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

# A line may come back to a country.
_MAY_REPEAT = frozenset({"route"})
# Two names that must differ: the check that compares them reports the list that holds both.
_PAIRS = frozenset({"between", "fabrics"})
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
    for path, field, entries in lists_of(factory, set(fields) - _CHECKED_ELSEWHERE):
        is_told = field in _PAIRS and len(entries) == 2 and path in reported
        if field in _MAY_REPEAT or is_told:
            continue
        for problem in _repeated(entries, path):
            place = problem.where.field
            if not any(each == place or each.startswith(f"{place}.") for each in reported):
                yield problem


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
        # A model's text has all its fields, as its JSON has; for that pydantic would first build a serializer
        # of each class, which took a fifth of the time of `validate`.
        return repr(entry)
    # A registry, or a part of one, is the same with a slash at its end and without.
    return entry.rstrip("/") if isinstance(entry, str) else str(entry)

"""Every list of a description, found by walking its models, so that one of a new field is no exception."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sovereign_ai.files import below
from sovereign_ai.spec.base import Model

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory


def lists_of(factory: AIFactory, fields: Collection[str]) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Yield dotted path, name of the field, and entries of every list in some fields of the factory.

    A list that is a value of a mapping has the name of the mapping's field.
    """
    for name in type(factory).model_fields:
        if name in fields:
            yield from _walk(getattr(factory, name), name, name)


def _walk(value: object, path: str, field: str) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Yield the lists in a value; `field` is the name of the field that it is the value of."""
    if isinstance(value, tuple):
        yield path, field, value
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

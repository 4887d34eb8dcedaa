"""The size that an object may have: what etcd accepts, checked before anything is sent.

etcd accepts requests of at most 1.5 MiB (its `--max-request-bytes`), and the API server adds to each object
who manages which field of it. An object beyond the limit would be refused in the middle of a deployment, so
it is a limit of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

MOST_OBJECT_BYTES = 1 << 20
"""The most bytes of an object's JSON: two thirds of what etcd accepts; the rest is for managed fields."""
SAFE_DESCRIPTION_BYTES = 1 << 16
"""A description with at most so many bytes of canonical JSON gives no such object.

No part of it is written more than four times into one."""


def object_problems(factory: AIFactory, objects: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield a problem for every object that etcd would not accept, at the list that makes it large."""
    for obj in objects:
        size = len(orjson.dumps(obj))
        if size <= MOST_OBJECT_BYTES:
            continue
        metadata = obj["metadata"]
        parts = (obj["kind"], metadata.get("namespace", ""), metadata["name"])
        name = "/".join(part for part in parts if part)
        field, entries = heaviest(factory)
        message = f"{name} would have {size:,} bytes, and an object has at most {MOST_OBJECT_BYTES:,}"
        entries_text = counted(entries, "entry", "entries")
        hint = f"shorten {field}, which has {entries_text}; etcd takes requests of at most 1.5 MiB"
        where = factory.where(field) if field else Where()
        yield Problem("object-too-large", message, where, hint)


def heaviest(factory: AIFactory) -> tuple[str, int]:
    """Return the list of a description with most text in it, and how many entries it has."""
    none = (0, "", 0)
    lists = list(_lists(factory.to_data(), ""))
    size, field, entries = max(lists, default=none)
    # The list in a list is meant where it makes up most of it, such as one zone's tenants.
    inner_lists = [each for each in lists if each[1].startswith(f"{field}[")]
    inner_size, inner_field, inner_entries = max(inner_lists, default=none)
    if inner_size * 2 > size:
        return inner_field, inner_entries
    return field, entries


def _lists(value: Any, path: str) -> Iterator[tuple[int, str, int]]:
    """Yield (bytes, field, entries) of every list below a value."""
    if isinstance(value, list):
        yield len(orjson.dumps(value)), path, len(value)
        for index, item in enumerate(value):
            yield from _lists(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _lists(item, f"{path}.{name}" if path else name)

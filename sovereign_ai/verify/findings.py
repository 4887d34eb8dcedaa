"""A finding: one object that is not as wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as wanted.

    Attributes:
        field: its path, `spec.ingress[0].from`.
        wanted: the value that is wanted; None where there should be none.
        found: the live value; None where there is none.
    """

    field: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        """Write path and both values on one line; of lists that differ in length, what is more or less."""
        if isinstance(self.wanted, list) and isinstance(self.found, list):
            more = [item for item in self.found if item not in self.wanted]
            less = [item for item in self.wanted if item not in self.found]
            parts = [f"more than wanted: {_short(more)}"] * bool(more) + [f"less than wanted: {_short(less)}"] * bool(less)
            if parts:
                return f"{self.field}: {'; '.join(parts)}"
        return f"{self.field}: wanted {_short(self.wanted)}, found {_short(self.found)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One object that is missing, changed, or foreign.

    Attributes:
        kind: `missing`: wanted and not there. `changed`: there, with other fields than wanted.
            `foreign`: there, and nobody declared it.
        resource: `Kind/namespace/name` or `Kind/name`.
        field: path of the first field that differs; empty unless changed.
        wanted: its wanted value.
        found: its live value.
        message: what was found, in words.
        hint: what to do next.
        also: further fields that differ, each on one line.
    """

    kind: Literal["missing", "changed", "foreign"]
    resource: str
    field: str
    wanted: Any
    found: Any
    message: str
    hint: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write one line."""
        more = f" (and {len(self.also)} more fields)" if self.also else ""
        return f"{self.kind} {self.resource}: {self.message}{more}"

    @property
    def order(self) -> tuple[str, str, str]:
        """Sort key."""
        return self.resource, self.kind, self.field

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "kind": self.kind,
            "resource": self.resource,
            "field": self.field,
            "wanted": self.wanted,
            "found": self.found,
            "message": self.message,
            "hint": self.hint,
            "also": list(self.also),
        }


def resource(obj: Mapping[str, Any]) -> str:
    """Name an object, `Kind/namespace/name` or `Kind/name`."""
    metadata = obj["metadata"]
    return "/".join(part for part in (obj["kind"], metadata.get("namespace", ""), metadata["name"]) if part)


def missing(name: str, hint: str = "run `sovereign-ai up` to restore it") -> Finding:
    """Say that something wanted is not there."""
    return Finding("missing", name, "", None, None, "it is wanted and not there", hint)


def changed(name: str, differences: Iterable[Difference], hint: str = "run `sovereign-ai up` to restore it") -> Finding:
    """Say that fields are not as wanted.

    Raises:
        ValueError: there is no difference.
    """
    first, *rest = differences
    return Finding("changed", name, first.field, first.wanted, first.found, str(first), hint, tuple(str(one) for one in rest))


def foreign(name: str, why: str, hint: str = "remove it, or declare it in the description") -> Finding:
    """Say that something is there that nobody declared."""
    return Finding("foreign", name, "", None, None, why, hint)


def _short(value: Any) -> str:
    """Write a value as JSON, cut where it is long."""
    if value is None:
        return "nothing"
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

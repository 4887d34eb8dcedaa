"""A finding: one object of a cluster that is missing, changed, foreign or failing, and its differing fields.

finding = changed("Namespace/lab", [Difference("metadata.labels[team]", "a", "b")])
print(finding)      # changed Namespace/lab: metadata.labels[team]: wanted "a", found "b"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_LONGEST = 160
"""Characters of a value in a message."""
_RESTORE = "run `sovereign-ai up` to restore it"
_DELETED = "metadata.deletionTimestamp"
_MAKE_AGAIN = "nobody can call a deletion back: once nothing holds it, `sovereign-ai up` makes it again"


@frozen_dataclass
class Difference:
    """One field whose live value differs from the wanted one.

    Attributes:
        field: its path, `spec.ingress[0].from`.
        wanted: the value that is wanted; None where there should be none.
        found: the live value; None where there is none.
    """

    field: str
    wanted: Any
    found: Any

    def to_data(self) -> dict[str, Any]:
        """Return plain data: the live value is the old one, the wanted value the new one."""
        return {"field": self.field, "old": self.found, "new": self.wanted}

    def __str__(self) -> str:
        """Return path and both values on one line; of two lists, only what is more and what is less."""
        wanted, live = self.wanted, self.found
        if isinstance(wanted, list) and isinstance(live, list):
            more = [item for item in live if item not in wanted]
            less = [item for item in wanted if item not in live]
            parts = []
            if more:
                parts.append(f"more than wanted: {brief(more)}")
            if less:
                parts.append(f"less than wanted: {brief(less)}")
            # Neither: the lists hold the same items in another order, or another number of times.
            if parts:
                return f"{self.field}: {'; '.join(parts)}"
        return f"{self.field}: wanted {brief(wanted)}, found {brief(live)}"


@frozen_dataclass
class ClusterFinding:
    """One object that is missing, changed, foreign, or failing.

    Attributes:
        kind: `missing`: wanted and not there. `changed`: there, with other fields than wanted.
            `foreign`: there, and not declared. `failing`: there as it is wanted, and its pods do not run.
        resource: `Kind/namespace/name` or `Kind/name`.
        field: path of the first field that differs; empty unless changed.
        wanted: its wanted value.
        found: its live value.
        message: the finding in words.
        hint: what to do next.
        also: further fields that differ, each on one line.
    """

    kind: Literal["missing", "changed", "foreign", "failing"]
    resource: str
    field: str
    wanted: Any
    found: Any
    message: str
    hint: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line."""
        more = f" (and {counted(len(self.also), 'more field')})" if self.also else ""
        return f"{self.kind} {self.resource}: {self.message}{more}"

    @property
    def order(self) -> tuple[str, ...]:
        """Sort key: resource, kind, first field, and then all that is printed.

        Two findings have the same key only if they are printed alike, so that their order never depends on
        the order in which a server or a thread answered.
        """
        values = (canonical_text(self.wanted), canonical_text(self.found))
        return (self.resource, self.kind, self.field, self.message, *values, self.hint, *self.also)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
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
    """Return an object's name in findings: `Kind/namespace/name` or `Kind/name`."""
    metadata = obj["metadata"]
    parts = [obj["kind"], metadata.get("namespace", ""), metadata["name"]]
    return "/".join(filter(None, parts))


def missing(name: str, hint: str = _RESTORE) -> ClusterFinding:
    """Return the finding that a wanted object is not there."""
    return ClusterFinding("missing", name, "", None, None, "it is wanted and not there", hint)


def changed(name: str, differences: Iterable[Difference], hint: str = "") -> ClusterFinding:
    """Return the finding that fields of an object differ.

    Raises:
        ValueError: there is no difference.
    """
    first, *rest = differences
    hint = hint or (_MAKE_AGAIN if first.field == _DELETED else _RESTORE)
    also = tuple(map(str, rest))
    return ClusterFinding("changed", name, first.field, first.wanted, first.found, str(first), hint, also)


def foreign(name: str, why: str, hint: str = "remove it, or declare it in the description") -> ClusterFinding:
    """Return the finding that an object is there and not declared."""
    return ClusterFinding("foreign", name, "", None, None, why, hint)


def failing(name: str, why: str, hint: str) -> ClusterFinding:
    """Return the finding that the pods of a workload do not run."""
    return ClusterFinding("failing", name, "", None, None, why, hint)


def canonical_text(value: Any) -> str:
    """Return a value as JSON with sorted keys: the same text whatever order the server sent."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def brief(value: Any) -> str:
    """Return a value as JSON, cut where it is long; `nothing` for None."""
    if value is None:
        return "nothing"
    text = canonical_text(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

"""A kind of an add-on, with the fields in which it can name a place, and how a table states them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.places.fields import Field

Family = Literal["network", "queues", "data", "workloads", "settings"]
"""The subject of a kind; the checks of a family share a message."""


@frozen_dataclass
class Addon:
    """A kind with its fields.

    Attributes:
        api_group: its API group; empty for the core group.
        kind: its name.
        family: its subject.
        source: the address of its reference.
        fields: the fields in which a place can be written.
        templates: paths of the pod templates that it holds.
        specs: paths of pod specifications that it holds without metadata around them.
        containers: paths of pod specifications, each with the field of a container outside of its list.
    """

    api_group: str
    kind: str
    family: Family
    source: str
    fields: tuple[Field, ...] = ()
    templates: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    containers: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Return API group and kind."""
        return f"{self.api_group}/{self.kind}"


K8S = "kubernetes.io/docs/reference/kubernetes-api"


def absent(*paths: str) -> tuple[Field, ...]:
    """Return fields that must be left out."""
    return tuple(Field(path, "absent") for path in paths)


def places(*paths: str) -> tuple[Field, ...]:
    """Return fields that hold a host or a URL."""
    return tuple(Field(path, "place") for path in paths)


def below(prefixes: Iterable[str], fields: Iterable[Field]) -> tuple[Field, ...]:
    """Return fields below each of some paths."""
    listed = tuple(fields)
    moved: list[Field] = []
    for prefix in prefixes:
        moved += [Field(f"{prefix}.{field.path}", field.must, field.words) for field in listed]
    return tuple(moved)

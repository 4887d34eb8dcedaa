"""Reads objects by which someone tries to get out, and what must be let in beside them: see `TABLES`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.rules.cases import changed

_NAMES = (
    "variants.yaml",
    "held_out.yaml",
    "low_severity.yaml",
    "mixed_kinds.yaml",
    "unlisted.yaml",
    "endpoints.yaml",
    "default_endpoints.yaml",
    "ecosystem.yaml",
    "plain.yaml",
    "platform.yaml",
    "fields.yaml",
)
TABLES = tuple(Path(__file__).with_name(name) for name in _NAMES)
"""The tables: `bases` are those of the first."""
NAMESPACE = "research"
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """An object that someone tries.

    Attributes:
        attack_class: the class of ways round, as `classes.yaml` names it.
        name: what is tried.
        decision: `deny` or `allow`.
        object: the object.
    """

    attack_class: str
    name: str
    decision: str
    object: Data

    def __str__(self) -> str:
        return f"{self.attack_class}/{self.name}".replace(" ", "-")


@cache
def read() -> tuple[Variant, ...]:
    """Read the tables."""
    tables = [yaml.load(table.read_text(encoding="utf-8"), yaml.CSafeLoader) for table in TABLES]
    bases = tables[0]["bases"]
    variants: list[Variant] = []
    for table in tables:
        for attack_class, rows in table["classes"].items():
            variants += _of_rows(attack_class, rows, bases)
    return tuple(variants)


def _of_rows(attack_class: str, rows: Data, bases: dict[str, Data]) -> list[Variant]:
    """Return the variants of one class of one table."""
    variants = []
    for list_name, decision in (("refused", "deny"), ("permitted", "allow")):
        for name, row in rows[list_name].items():
            variants.append(Variant(attack_class, name, decision, _complete(name, row, bases)))
    return variants


def of_class(attack_class: str, decision: str) -> tuple[Variant, ...]:
    """Return the variants of a class with one decision."""
    return tuple(row for row in read() if (row.attack_class, row.decision) == (attack_class, decision))


def _complete(name: str, row: Data, bases: dict[str, Data]) -> Data:
    """Return the object of a row, with a name and a namespace."""
    obj = changed(bases[row["of"]], row.get("set", {})) if "of" in row else deepcopy(row)
    metadata = {"name": name, "namespace": NAMESPACE} | obj.get("metadata", {})
    if not metadata["namespace"]:
        del metadata["namespace"]
    return {**obj, "metadata": metadata}

"""Reads `variants.yaml`: objects by which someone tries to get out, and what must be let in beside them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.rules.cases import changed

TABLE = Path(__file__).with_name("variants.yaml")
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
    """Read the table."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    variants: list[Variant] = []
    for attack_class, rows in table["classes"].items():
        for list_name, decision in (("refused", "deny"), ("permitted", "allow")):
            for name, row in rows[list_name].items():
                obj = _complete(name, row, table["bases"])
                variants.append(Variant(attack_class, name, decision, obj))
    return tuple(variants)


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

"""The cases that every place must decide alike: a folder each, with the object, the decision and its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One object and what must be decided on it, in the lab."""

    name: str
    obj: dict[str, Any]
    decision: str
    rules: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return self.name


def cases() -> list[Case]:
    """Read all of them, sorted."""
    return [_case(path.parent) for path in sorted(FOLDER.glob("*/*/decision.yaml"))]


def _case(folder: Path) -> Case:
    decided = yaml.safe_load((folder / "decision.yaml").read_text(encoding="utf-8"))
    obj = yaml.safe_load((folder / "object.yaml").read_text(encoding="utf-8"))
    return Case(f"{folder.parent.name}/{folder.name}", obj, decided["decision"], tuple(sorted(decided["rules"])), decided["reason"])

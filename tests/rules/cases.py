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
    otherwise: str = ""
    """What the API server itself may say instead of us, before or after it asks our policies."""
    admission: str = ""
    """The decision at admission, where the API server asks about less than the object holds."""

    def __str__(self) -> str:
        return self.name


def cases() -> list[Case]:
    """Read all of them, sorted."""
    return [_case(path.parent) for path in sorted(FOLDER.glob("*/*/decision.yaml"))]


def _case(folder: Path) -> Case:
    decided = yaml.safe_load((folder / "decision.yaml").read_text(encoding="utf-8"))
    obj = yaml.safe_load((folder / "object.yaml").read_text(encoding="utf-8"))
    name, rules = f"{folder.parent.name}/{folder.name}", tuple(sorted(decided["rules"]))
    more = {key: decided.get(key, "") for key in ("otherwise", "admission")}
    return Case(name, obj, decided["decision"], rules, decided["reason"], **more)

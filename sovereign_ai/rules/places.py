"""Where each rule is decided: the matrix that a reviewer reads.

>>> [cell.decided for cell in places_matrix() if cell.rule == "WHK-001"]
[False, True, True, False, True]
>>> share_decided() >= 0.8
True
"""

from __future__ import annotations

from dataclasses import dataclass

from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Place, Rule

PLACES: tuple[Place, ...] = ("plan", "bundle", "pulumi", "admission", "live")
"""Every place, in the order in which a change meets them; `plan` is the description with its plan."""
_NO_OBJECT = "it is about the description and the plan, of which no object here says enough"
_NO_DESCRIPTION = "it is about objects, and is decided as soon as there are any"


@dataclass(frozen=True, slots=True)
class Cell:
    """One rule in one place.

    Attributes:
        rule: the rule's id.
        place: the place.
        decided: whether it is decided there.
        why: why it is not; empty where it is.
    """

    rule: str
    place: Place
    decided: bool
    why: str


def places_matrix() -> tuple[Cell, ...]:
    """Give every rule in every place, rules sorted by id."""
    return tuple(Cell(rule.id, place, place in rule.places, _why(rule, place)) for rule in REGISTRY for place in PLACES)


def share_decided() -> float:
    """Give the part of object rules' cells that are decided, over the four places that hold objects."""
    ids = {rule.id for rule in REGISTRY if rule.checks}
    cells = [cell for cell in places_matrix() if cell.rule in ids and cell.place != "plan"]
    return sum(cell.decided for cell in cells) / len(cells)


def _why(rule: Rule, place: Place) -> str:
    """Say why a rule is not decided in a place."""
    if place in rule.places:
        return ""
    if not rule.checks:
        return dict(rule.elsewhere).get(place, _NO_OBJECT)
    return _NO_DESCRIPTION if place == "plan" else dict(rule.elsewhere)[place]

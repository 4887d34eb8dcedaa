"""Coverage of the rules: in which place each rule is decided, as the matrix that a reviewer reads.

>>> [cell.decided for cell in places_matrix() if cell.rule == "WHK-001"]
[False, True, True, False, True]
>>> decided_share() >= 0.8
True
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import DecisionPlace, Rule

PLACES: tuple[DecisionPlace, ...] = ("plan", "bundle", "pulumi", "admission", "live")
"""Every place, in the order in which a change meets them; `plan` is the description with its plan."""
_NO_OBJECT = "it is about the description and the plan, of which no object here says enough"
_NO_DESCRIPTION = "it is about objects, and is decided as soon as there are any"


@frozen_dataclass
class Cell:
    """One rule in one place.

    Attributes:
        rule: the rule's id.
        place: the place.
        decided: whether it is decided there.
        why: the reason if it is not; empty if it is.
    """

    rule: str
    place: DecisionPlace
    decided: bool
    why: str


def places_matrix() -> tuple[Cell, ...]:
    """Return a cell for every rule in every place, rules sorted by id."""
    cells = []
    for rule in REGISTRY:
        for place in PLACES:
            is_decided = place in rule.places
            cells.append(Cell(rule.id, place, is_decided, _reason(rule, place)))
    return tuple(cells)


def decided_share() -> float:
    """Return the share of object rules' cells that are decided, from 0 to 1, in the places with objects."""
    # Live rules are left out: they exist because no other place can decide them.
    ids = {rule.id for rule in REGISTRY if rule.checks}
    cells = [cell for cell in places_matrix() if cell.rule in ids and cell.place != "plan"]
    decided = [cell for cell in cells if cell.decided]
    return len(decided) / len(cells)


def _reason(rule: Rule, place: DecisionPlace) -> str:
    """Return why a rule is not decided in a place; empty if it is."""
    if place in rule.places:
        return ""
    reasons = dict(rule.elsewhere)
    if not rule.checks:
        return reasons.get(place, _NO_OBJECT)
    # An object rule that leaves out a place must give its reason, so a missing one is an error.
    return _NO_DESCRIPTION if place == "plan" else reasons[place]

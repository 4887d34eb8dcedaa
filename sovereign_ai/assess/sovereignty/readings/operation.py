"""SOV-4, SOV-7 and the two cut-off ladders: people, support, exit, security operations, certificates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sovereign_ai.assess.sovereignty.areas import home, inside, share_inside
from sovereign_ai.assess.sovereignty.drill import DAYS, Drill
from sovereign_ai.assess.sovereignty.graph import SERVED
from sovereign_ai.assess.sovereignty.parts.part import Part
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Subject, at_most, exactly

_SUPPLIED = ("network", "energy", "people", "services", "chips", "machines", "storage", "software")
_EAL = re.compile(r"\bEAL\s*([0-7])", re.IGNORECASE)


def operation(subject: Subject) -> Iterator[Reading]:
    """Give the readings."""
    yield _cut_off(subject, "SOV-1.8", subject.graph.parts)
    yield _cut_off(subject, "SOV-4.6", [part for part in subject.graph.parts if part.layer in _SUPPLIED])
    yield _exit(subject)
    yield _teams(subject)
    yield _skills(subject)
    yield _support(subject)
    yield from _security(subject)


def _cut_off(subject: Subject, criterion: str, parts: Iterable[Part]) -> Reading:
    """Read the ladder of a withdrawal: the earliest day on which a country outside stops training or inference.

    A stop within the year is an admission. Without one, what reaches in from outside and has no
    second source leaves less possible; nothing here shows that a service goes on by itself.
    """
    found = [part for part in parts if not home(part.law) or any(not home(code) for code in part.also)]
    described = [part for part in found if part.described]
    ids = {part.id for part in described}
    fields = {field for part in subject.graph.parts for field in part.fields} | {"pools", "zones"}
    drills = [drill for drill in subject.drills if drill.foreign and drill.trigger.kind == "country" and ids & set(drill.reached)]
    day, which = _earliest(drills, ids)
    if day == 0:
        return exactly(criterion, 1, f"cut off by {which}, it stops at once", *fields)
    if day is not None:
        return exactly(criterion, 2, f"cut off by {which}, it stops within {day} days", *fields)
    undecided = sorted(part.what for part in described if part.effect == "undecided")
    if undecided:
        return at_most(criterion, 2, f"whether it goes on without {undecided[0]} is not described", *fields)
    critical = [part for part in described if part.critical]
    if any(not part.alternative for part in critical):
        return at_most(
            criterion, 3, f"{sum(not part.alternative for part in critical)} critical parts from outside have no second source", *fields
        )
    if critical:
        return at_most(criterion, 4, "every critical part from outside has a second source", *fields)
    open_parts = sum(not part.known for part in subject.graph.parts)
    return at_most(criterion, 5, f"nothing described comes from outside; {open_parts} parts are not described", *fields)


def _earliest(drills: Iterable[Drill], ids: set[str]) -> tuple[int | None, str]:
    """Give the first day on which one of these parts has stopped and a service with it, and by which country."""
    stops: list[tuple[int, str]] = []
    for drill in drills:
        for day in DAYS:
            if ids & set(drill.stops[day]) and any(drill.served.get(served, {}).get(day) == "stops" for served in SERVED):
                stops.append((day, drill.trigger.name))
                break
    return min(stops) if stops else (None, "")


def _exit(subject: Subject) -> Reading:
    """SOV-4.1: how far a way out is prepared."""
    plan = subject.factory.operator.exit_plan
    if plan == "none":
        return at_most("SOV-4.1", 2, "there is no exit plan", "operator.exit_plan")
    if plan == "documented":
        return exactly("SOV-4.1", 3, "the exit plan is documented", "operator.exit_plan")
    return exactly("SOV-4.1", 4, "the exit plan is tested", "operator.exit_plan")


def _teams(subject: Subject) -> Reading:
    """SOV-4.2: who runs it, from where."""
    operator = subject.factory.operator
    fields = ("operator.staff.location", "operator.support", "operator.soc", "operator.sub_processors")
    staff = share_inside(operator.staff.location)
    if staff == "none":
        return exactly("SOV-4.2", 1, "staff work outside", *fields)
    if staff == "some":
        return at_most("SOV-4.2", 3, "some staff work outside", *fields)
    others = [body.purpose for body in operator.sub_processors if not home(body.seat) or not home(body.parent_seat or body.seat)]
    others += [words for areas, words in ((operator.support, "support"), (operator.soc, "security operations")) if not inside(areas)]
    if others:
        return exactly("SOV-4.2", 4, f"staff work inside; {others[0]} does not", *fields)
    return exactly("SOV-4.2", 5, "staff, support, security operations and sub-processors are inside", *fields)


def _skills(subject: Subject) -> Reading:
    """SOV-4.3: where staff are, whose citizens, and whether cleared."""
    staff = subject.factory.operator.staff
    fields = ("operator.staff",)
    where = share_inside(staff.location)
    if where == "none":
        return exactly("SOV-4.3", 1, "staff are outside", *fields)
    if where == "some" or not inside(staff.citizenship):
        return at_most("SOV-4.3", 3, "some staff are outside or of citizenship outside", *fields)
    return exactly(
        "SOV-4.3", 5 if staff.cleared else 4, f"all staff are inside{' and cleared' if staff.cleared else ', not all cleared'}", *fields
    )


def _support(subject: Subject) -> Reading:
    """SOV-4.4: from where support is given; the description knows clearance of staff alone."""
    operator = subject.factory.operator
    fields = ("operator.support", "operator.staff.cleared")
    where = share_inside(operator.support)
    if where == "none":
        return exactly("SOV-4.4", 1, "support is given from outside", *fields)
    if where == "some":
        return at_most("SOV-4.4", 3, "some support is given from outside", *fields)
    if operator.staff.cleared:
        return at_most("SOV-4.4", 5, "support is inside and staff are cleared; whether supporters are is not described", *fields)
    return exactly("SOV-4.4", 4, "support is inside, not cleared", *fields)


def _security(subject: Subject) -> Iterator[Reading]:
    """SOV-7.1 and SOV-7.3: an evaluation level in a certificate in force, and where the SOC sits."""
    where = share_inside(subject.factory.operator.soc)
    words = {"none": "outside", "some": "inside and outside", "all": "inside"}[where]
    answer = {"none": 1, "some": 2, "all": 5}[where]
    make = at_most if where == "all" else exactly
    yield make("SOV-7.3", answer, f"the security operations centre sits {words}", "operator.soc")
    levels = [int(found[1]) for scheme in subject.schemes if (found := _EAL.search(scheme))]
    if levels:
        yield at_most("SOV-7.1", min(max(levels), 4) + 1, f"a certificate of EAL{max(levels)} is declared", "operator.certificates")

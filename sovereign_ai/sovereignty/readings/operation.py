"""Readings of SOV-4, SOV-7 and the two cut-off ladders: people, support, exit, security, certificates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sovereign_ai.sovereignty.areas import home, inside, share_inside
from sovereign_ai.sovereignty.drill import DAYS, Drill
from sovereign_ai.sovereignty.graph import SERVED
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Subject, at_most, exactly
from sovereign_ai.spec import SubProcessor
from sovereign_ai.text import counted

# Layers with a supplier: keys and the law have none.
_SUPPLIED = ("network", "energy", "people", "services", "chips", "machines", "storage", "software")
# Evaluation Assurance Levels of the Common Criteria.
_EAL = re.compile(r"\bEAL\s*([0-7])", re.IGNORECASE)


def operation(subject: Subject) -> Iterator[CriterionReading]:
    """Yield the readings."""
    yield _cut_off(subject, "SOV-1.8", subject.graph.parts)
    yield _cut_off(subject, "SOV-4.6", [part for part in subject.graph.parts if part.layer in _SUPPLIED])
    yield _exit(subject)
    yield _teams(subject)
    yield _skills(subject)
    yield _support(subject)
    yield from _security(subject)


def _cut_off(subject: Subject, criterion: str, parts: Iterable[Dependency]) -> CriterionReading:
    """Return the ladder of a withdrawal: the first day on which a country outside stops a service.

    A stop within the year is an admission. Without one, parts from outside without a second source lower the
    best answer; nothing in a description shows that a service goes on by itself.

    Args:
        subject: the description.
        criterion: the criterion's id.
        parts: the parts that it covers.
    """
    described: list[Dependency] = []
    ids: set[str] = set()
    for part in parts:
        if part.described and _comes_from_outside(part):
            described.append(part)
            ids.add(part.id)
    fields = {"pools", "zones"}
    for part in subject.graph.parts:
        fields.update(part.fields)
    day, country = _earliest(subject.drills, ids)
    if day == 0:
        return exactly(criterion, 1, f"cut off by {country}, it stops at once", *fields)
    if day is not None:
        return exactly(criterion, 2, f"cut off by {country}, it stops within {counted(day, 'day')}", *fields)
    return _ceiling(subject, criterion, described, fields)


def _ceiling(
    subject: Subject, criterion: str, described: Iterable[Dependency], fields: Iterable[str]
) -> CriterionReading:
    """Return the best answer of a ladder on which nothing is known to stop within the year.

    Args:
        subject: the description.
        criterion: the criterion's id.
        described: the described parts from outside.
        fields: fields of the description that the parts follow from.
    """
    undecided: list[str] = []
    critical = without_second = 0
    for part in described:
        if part.effect == "undecided":
            undecided.append(part.what)
        if part.critical:
            critical += 1
            if not part.alternative:
                without_second += 1
    if undecided:
        why = f"whether it goes on without {min(undecided)} is not described"
        return at_most(criterion, 2, why, *fields)
    if without_second:
        single, several = "critical part from outside has", "critical parts from outside have"
        why = f"{counted(without_second, single, several)} no second source"
        return at_most(criterion, 3, why, *fields)
    if critical:
        return at_most(criterion, 4, "every critical part from outside has a second source", *fields)
    parts_text = counted(subject.graph.unknown, "part is", "parts are")
    why = f"nothing described comes from outside; {parts_text} not described"
    return at_most(criterion, 5, why, *fields)


def _comes_from_outside(part: Dependency) -> bool:
    """Return whether the law over a part, or any other country that it comes from, is outside."""
    for code in (part.law, *part.also):
        if not home(code):
            return True
    return False


def _earliest(drills: Iterable[Drill], ids: set[str]) -> tuple[int | None, str]:
    """Return the first day on which some parts have stopped a service, and the country that stops it.

    Args:
        drills: every drill; those of countries outside count.
        ids: ids of the parts.
    """
    stops: list[tuple[int, str]] = []
    for drill in drills:
        if drill.foreign and drill.trigger.kind == "country":
            day = _first_day(drill, ids)
            if day is not None:
                stops.append((day, drill.trigger.name))
    return min(stops) if stops else (None, "")


def _first_day(drill: Drill, ids: set[str]) -> int | None:
    """Return the first day on which one of some parts has stopped and a service with it; None for never."""
    for day in DAYS:
        has_stopped = bool(ids & set(drill.stops[day]))
        for served in SERVED:
            if has_stopped and drill.served.get(served, {}).get(day) == "stops":
                return day
    return None


def _exit(subject: Subject) -> CriterionReading:
    """Return SOV-4.1: the state of the exit plan."""
    plan = subject.factory.operator.exit_plan
    if plan == "none":
        return at_most("SOV-4.1", 2, "there is no exit plan", "operator.exit_plan")
    if plan == "documented":
        return exactly("SOV-4.1", 3, "the exit plan is documented", "operator.exit_plan")
    return exactly("SOV-4.1", 4, "the exit plan is tested", "operator.exit_plan")


def _teams(subject: Subject) -> CriterionReading:
    """Return SOV-4.2: the teams that run the factory, and where they work."""
    operator = subject.factory.operator
    fields = ("operator.staff.location", "operator.support", "operator.soc", "operator.sub_processors")
    staff = share_inside(operator.staff.location)
    if staff == "none":
        return exactly("SOV-4.2", 1, "staff work outside", *fields)
    if staff == "some":
        return at_most("SOV-4.2", 3, "some staff work outside", *fields)
    outside = []
    for body in operator.sub_processors:
        if _is_outside(body):
            outside.append(body.purpose)
    if not inside(operator.support):
        outside.append("support")
    if not inside(operator.soc):
        outside.append("security operations")
    if outside:
        return exactly("SOV-4.2", 4, f"staff work inside; {outside[0]} does not", *fields)
    return exactly("SOV-4.2", 5, "staff, support, security operations and sub-processors are inside", *fields)


def _is_outside(body: SubProcessor) -> bool:
    """Return whether a sub-processor or its parent has its seat outside."""
    return not home(body.seat) or not home(body.parent_seat or body.seat)


def _skills(subject: Subject) -> CriterionReading:
    """Return SOV-4.3: where staff work, their citizenship and their clearance."""
    staff = subject.factory.operator.staff
    fields = ("operator.staff",)
    location = share_inside(staff.location)
    if location == "none":
        return exactly("SOV-4.3", 1, "staff are outside", *fields)
    if location == "some" or not inside(staff.citizenship):
        return at_most("SOV-4.3", 3, "some staff are outside or of citizenship outside", *fields)
    if staff.cleared:
        return exactly("SOV-4.3", 5, "all staff are inside and cleared", *fields)
    return exactly("SOV-4.3", 4, "all staff are inside, not all cleared", *fields)


def _support(subject: Subject) -> CriterionReading:
    """Return SOV-4.4: where support is given from; the description has the clearance of staff only."""
    operator = subject.factory.operator
    fields = ("operator.support", "operator.staff.cleared")
    location = share_inside(operator.support)
    if location == "none":
        return exactly("SOV-4.4", 1, "support is given from outside", *fields)
    if location == "some":
        return at_most("SOV-4.4", 3, "some support is given from outside", *fields)
    if operator.staff.cleared:
        why = "support is inside and staff are cleared; whether supporters are is not described"
        return at_most("SOV-4.4", 5, why, *fields)
    return exactly("SOV-4.4", 4, "support is inside, not cleared", *fields)


def _security(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-7.1 and SOV-7.3: an evaluation level in a certificate in force, and the place of the SOC."""
    location = share_inside(subject.factory.operator.soc)
    answer, words = {"none": (1, "outside"), "some": (2, "inside and outside"), "all": (5, "inside")}[
        location
    ]
    # Outside is an admission; inside is a claim that evidence must support.
    read = at_most if location == "all" else exactly
    yield read("SOV-7.3", answer, f"the security operations centre sits {words}", "operator.soc")
    levels: list[int] = []
    for scheme in subject.schemes:
        match = _EAL.search(scheme)
        if match:
            levels.append(int(match[1]))
    if levels:
        highest = max(levels)
        # The answers are EAL0 to EAL4, counted from 1.
        answer = min(highest, 4) + 1
        yield at_most(
            "SOV-7.1", answer, f"a certificate of EAL{highest} is declared", "operator.certificates"
        )

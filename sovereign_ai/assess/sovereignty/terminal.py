"""The report in 80 columns of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from sovereign_ai.assess.sovereignty.criteria import CRITERIA, LEVELS, OBJECTIVES, criterion
from sovereign_ai.assess.sovereignty.drill import DAYS, MOST, Drill
from sovereign_ai.assess.sovereignty.found import NOTICE, Found

WIDTH = 80
_SHOWN = 8


def lines(report: Found) -> list[str]:
    """Write a report: verdict, what governs it, drills, sets, export control, shares, other frameworks, questions."""
    found = [f"Sovereignty of {report.factory} on {report.now}"[:WIDTH], *_wrap(NOTICE), *_wrap(f"Perimeter: {report.perimeter}"), ""]
    for part in (_verdict, _answers, _drills, _sets, _exports, _shares, _frameworks, _questions):
        found += [*part(report), ""]
    return found[:-1]


def _wrap(text: str, indent: str = "", later: str | None = None) -> list[str]:
    """Break a text into lines."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent if later is None else later) or [indent.rstrip()]


def _verdict(report: Found) -> Iterator[str]:
    """Write level, scores, what governs, and the next step."""
    found = report.verdict
    standing = "complete" if found.complete else f"incomplete, {len(found.open)} of {len(CRITERIA)} criteria open"
    yield "EU Cloud Sovereignty Framework"
    yield f"  proven   SEAL-{found.level} {LEVELS[found.level]} ({standing})"
    if not found.complete:
        yield f"  ceiling  SEAL-{found.ceiling} if every open criterion came out at its best"
    for name, score in found.scores.items():
        yield f"  score    {score} % proven, {found.ceilings[name]} % at best (weights {name})"
    yield from _wrap(f"held at SEAL-{found.level} by {_some(found.governing)}", "  ", "    ")
    if found.ceiling < 4 and not found.complete:
        yield from _wrap(f"held at the ceiling by {_some(found.governing_ceiling)}, whatever the evidence", "  ", "    ")
    if found.steps:
        step = found.steps[0]
        barred = found.by_description[step.level]
        yield from _wrap(
            f"to SEAL-{step.level}: {step.cost} {step.unit}; {len(step.changes) - len(barred)} of them by evidence alone", "  ", "    "
        )
        for change in step.changes[:_SHOWN]:
            way = "another description" if change.criterion in barred else "evidence"
            words = criterion(change.criterion).answer(change.target).words
            yield from _wrap(f"{change.criterion} {change.current or 'open'} -> {change.target}, by {way}: {words}", "    ", "      ")
        if len(step.changes) > _SHOWN:
            yield f"    and {len(step.changes) - _SHOWN} more"


def _answers(report: Found) -> Iterator[str]:
    """Write each objective's criteria: a number, or the best that is possible."""
    yield "Answers (number/best; ~ described, not proven; ? open, the best possible)"
    for objective, name in OBJECTIVES.items():
        cells = []
        for one in report.answers:
            if one.criterion.startswith(f"{objective}."):
                value = str(one.number) if not one.open else f"~{one.claimed}" if one.claimed else f"?{one.best}"
                cells.append(f".{one.criterion.partition('.')[2]}={value}/{criterion(one.criterion).top}")
        yield from _wrap(f"{objective} {name}: {' '.join(cells)}", "  ", "    ")
    for one in report.answers:
        if one.barred:
            yield from _wrap(f"{one.criterion} lowered by {', '.join(one.barred)}", "  ", "    ")


def _drills(report: Found) -> Iterator[str]:
    """Write the drills: training and inference by day."""
    dark = sum(not part.known for part in report.graph.parts)
    yield f"Disconnect drill, after {', '.join(map(str, DAYS))} days"
    shown = [drill for drill in report.drills if drill.foreign or _hurts(drill)]
    for drill in sorted(shown, key=lambda one: (not one.foreign, one.trigger)):
        mark = "outside" if drill.foreign else "inside"
        yield f"  {drill.trigger.kind} {drill.trigger.name} ({mark}; {len(drill.reached)} parts)"[:WIDTH]
        for served in drill.served:
            yield f"    {served:<9} {_states(drill, served)}"[:WIDTH]
        if drill.second_source:
            yield from _wrap(f"second source: {_some(drill.second_source)}", "    ", "      ")
        if drill.reserve:
            yield from _wrap(f"in reserve: {_some(f'{name} {count:,}' for name, count in drill.reserve.items())}", "    ", "      ")
    if len(shown) < len(report.drills):
        yield f"  {len(report.drills) - len(shown)} more triggers inside stop nothing"
    if dark:
        yield from _wrap(f"{dark} parts are not described and could make each of these worse.", "  ")


def _states(drill: Drill, served: str) -> str:
    """Write a service's states, and the capacity left where some of it has stopped."""
    cells: list[tuple[int, str]] = []
    for day in DAYS:
        state, left = drill.served[served][day], drill.capacity[served][day]
        words = f"{state}, {left} % left" if left < 100 and state != "stops" else state
        if not cells or cells[-1][1] != words:
            cells.append((day, words))
    return "; ".join(words if day == 0 else f"day {day}: {words}" for day, words in cells)


def _hurts(drill: Drill) -> bool:
    """Whether a trigger stops a service, or a part of one."""
    return any(left < 100 for found in drill.capacity.values() for left in found.values())


def _sets(report: Found) -> Iterator[str]:
    """Write the smallest sets of holders and countries."""
    yield f"Smallest sets that stop it (exact up to {MOST} at once)"
    for served, sets in report.sets.items():
        for day, found in sets.holders.items():
            yield from _wrap(f"{served}, day {day}, holders: {_some(' + '.join(one) for one in found)}", "  ", "    ")
        yield from _wrap(f"{served}, day 365, countries: {_some(' + '.join(one) for one in sets.countries[365])}", "  ", "    ")
        yield from _wrap(
            f"{served}, parts lost outright: {len(sets.parts)} sets, {sum(len(one) == 1 for one in sets.parts)} of one part", "  ", "    "
        )


def _exports(report: Found) -> Iterator[str]:
    """Write the export-control figures."""
    yield "Export control (a threshold reached is an exposure, no classification)"
    for one in report.exposures:
        density = "unknown" if one.density is None else f"{one.density}"
        reached = ", ".join(one.reaches) or "no threshold known to be reached"
        tpp = "unknown" if one.tpp is None else f"{one.tpp:,}"
        yield from _wrap(f"{one.accelerator}: TPP {tpp}, performance density {density}: {reached}", "  ", "    ")


def _shares(report: Found) -> Iterator[str]:
    """Write the shares."""
    yield "Shares by layer"
    for one in report.concentration:
        shares = ", ".join(f"{holder} {share} %" for holder, share in one.shares[:4])
        yield from _wrap(f"{one.layer}: {shares}; {one.outside} % outside; index {one.index:,} ({one.note})", "  ", "    ")


def _frameworks(report: Found) -> Iterator[str]:
    """Write the counts of the other frameworks."""
    yield "Other frameworks, as described"
    for one in report.frameworks:
        counts = f"{one.count('met')} met, {one.count('not met')} not met, {one.count('open')} open of {len(one.items)}"
        yield from _wrap(f"{one.title}, {one.version}: {counts}", "  ", "    ")
        missed = [item.id for item in one.items if item.outcome == "not met"]
        if missed:
            yield from _wrap(f"not met: {_some(missed)}", "    ", "      ")


def _questions(report: Found) -> Iterator[str]:
    """Write how many questions are left, and the first of them."""
    found = report.questions()
    yield f"Questions to a person: {len(found)} (all of them in the JSON form)"
    for one in found[:_SHOWN]:
        yield from _wrap(f"{one['id']}: {one['ask']}? {one['because']}", "  ", "    ")


def _some(names: Iterable[str]) -> str:
    """Write the first names and how many more there are."""
    listed = list(names)
    if not listed:
        return "none"
    rest = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")

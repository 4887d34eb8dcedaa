"""The sovereignty report as plain text of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from sovereign_ai.sovereignty.answers import CriterionAnswer
from sovereign_ai.sovereignty.criteria import CRITERIA, LEVELS, OBJECTIVES, criterion
from sovereign_ai.sovereignty.drill import DAYS, MOST, Drill
from sovereign_ai.sovereignty.results import NOTICE, AssessmentResults
from sovereign_ai.sovereignty.score import LevelStep
from sovereign_ai.text import counted

WIDTH = 80
_SHOWN = 8
"""Entries of a list that are shown; the JSON form has all of them."""


def lines(report: AssessmentResults) -> list[str]:
    """Return the lines of a report, section by section with an empty line between."""
    text = [
        f"Sovereignty of {report.factory} on {report.now}"[:WIDTH],
        *_wrap(NOTICE),
        *_wrap(f"Perimeter: {report.perimeter}"),
    ]
    for section in (_verdict, _answers, _drills, _sets, _exports, _shares, _frameworks, _questions):
        text += ["", *section(report)]
    return text


def _wrap(text: str, indent: str = "", later: str | None = None) -> list[str]:
    """Break a text into lines.

    Args:
        text: the text.
        indent: spaces before the first line.
        later: spaces before the other lines; left out, the same.
    """
    following = indent if later is None else later
    wrapped = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=following)
    return wrapped or [indent.rstrip()]


def _verdict(report: AssessmentResults) -> Iterator[str]:
    """Yield level, scores, the criteria that hold the level, and the next step."""
    verdict = report.verdict
    standing = "complete"
    if not verdict.complete:
        standing = f"incomplete, {len(verdict.open)} of {len(CRITERIA)} criteria open"
    yield "EU Cloud Sovereignty Framework"
    yield f"  proven   SEAL-{verdict.level} {LEVELS[verdict.level]} ({standing})"
    if not verdict.complete:
        yield f"  ceiling  SEAL-{verdict.ceiling} if every open criterion came out at its best"
    for name, score in verdict.scores.items():
        yield f"  score    {score} % proven, {verdict.ceilings[name]} % at best (weights {name})"
    yield from _wrap(f"held at SEAL-{verdict.level} by {_some(verdict.governing)}", "  ", "    ")
    if verdict.ceiling < 4 and not verdict.complete:
        text = f"held at the ceiling by {_some(verdict.governing_ceiling)}, whatever the evidence"
        yield from _wrap(text, "  ", "    ")
    if verdict.steps:
        step = verdict.steps[0]
        yield from _step(step, verdict.by_description[step.level])


def _step(step: LevelStep, barred: Sequence[str]) -> Iterator[str]:
    """Yield the changes to the next level.

    Args:
        step: the changes.
        barred: criteria that no evidence can change, only another description.
    """
    by_evidence = len(step.changes) - len(barred)
    text = f"to SEAL-{step.level}: {step.cost} {step.unit}; {by_evidence} of them by evidence alone"
    yield from _wrap(text, "  ", "    ")
    for change in step.changes[:_SHOWN]:
        way = "another description" if change.criterion in barred else "evidence"
        words = criterion(change.criterion).answer(change.target).words
        current = change.current or "open"
        text = f"{change.criterion} {current} -> {change.target}, by {way}: {words}"
        yield from _wrap(text, "    ", "      ")
    if len(step.changes) > _SHOWN:
        yield f"    and {len(step.changes) - _SHOWN} more"


def _answers(report: AssessmentResults) -> Iterator[str]:
    """Yield each objective's criteria: a number, or the best that is possible."""
    yield "Answers (number/best; ~ described, not proven; ? open, the best possible)"
    for objective, name in OBJECTIVES.items():
        cells: list[str] = []
        for answer in report.answers:
            if answer.criterion.startswith(f"{objective}."):
                cell = _cell(answer)
                cells.append(cell)
        yield from _wrap(f"{objective} {name}: {' '.join(cells)}", "  ", "    ")
    for answer in report.answers:
        if answer.barred:
            yield from _wrap(f"{answer.criterion} lowered by {', '.join(answer.barred)}", "  ", "    ")


def _cell(answer: CriterionAnswer) -> str:
    """Return one criterion's answer in short, such as `.4=~3/5`."""
    value = str(answer.number)
    if answer.open:
        value = f"~{answer.claimed}" if answer.claimed else f"?{answer.best}"
    return f".{answer.criterion.partition('.')[2]}={value}/{criterion(answer.criterion).top}"


def _drills(report: AssessmentResults) -> Iterator[str]:
    """Yield the drills: training and inference by day."""
    yield f"Disconnect drill, after {', '.join(map(str, DAYS))} days"
    shown = []
    for drill in report.drills:
        if drill.foreign or _hurts(drill):
            shown.append(drill)
    for drill in sorted(shown, key=lambda drill: (not drill.foreign, drill.trigger)):
        yield from _drill(drill)
    if len(shown) < len(report.drills):
        more = len(report.drills) - len(shown)
        triggers = counted(more, "more trigger inside stops", "more triggers inside stop")
        yield f"  {triggers} nothing"
    unknown = report.graph.unknown
    if unknown:
        parts_text = counted(unknown, "part is", "parts are")
        yield from _wrap(f"{parts_text} not described and could make each of these worse.", "  ")


def _drill(drill: Drill) -> Iterator[str]:
    """Yield one drill."""
    mark = "outside" if drill.foreign else "inside"
    parts_text = counted(len(drill.reached), "part")
    yield f"  {drill.trigger.kind} {drill.trigger.name} ({mark}; {parts_text})"[:WIDTH]
    for served in drill.served:
        yield f"    {served:<9} {_states(drill, served)}"[:WIDTH]
    if drill.second_source:
        yield from _wrap(f"second source: {_some(drill.second_source)}", "    ", "      ")
    if drill.reserve:
        counts: list[str] = []
        for name, pieces in drill.reserve.items():
            count = f"{name} {pieces:,}"
            counts.append(count)
        yield from _wrap(f"in reserve: {_some(counts)}", "    ", "      ")


def _states(drill: Drill, served: str) -> str:
    """Return a service's states, and the capacity left where some of it has stopped."""
    cells: list[str] = []
    last = ""
    for day in DAYS:
        state, left = drill.served[served][day], drill.capacity[served][day]
        words = f"{state}, {left} % left" if left < 100 and state != "stops" else state
        # Days on which nothing changes are left out.
        if words != last:
            cells.append(words if day == 0 else f"day {day}: {words}")
        last = words
    return "; ".join(cells)


def _hurts(drill: Drill) -> bool:
    """Return whether a trigger stops a service, or a part of one."""
    for by_day in drill.capacity.values():
        if min(by_day.values()) < 100:
            return True
    return False


def _sets(report: AssessmentResults) -> Iterator[str]:
    """Yield the smallest sets of holders, countries and parts."""
    yield f"Smallest sets that stop it (exact up to {MOST} at once)"
    for served, sets in report.sets.items():
        for day, holders in sets.holders.items():
            yield from _wrap(f"{served}, day {day}, holders: {_joined(holders)}", "  ", "    ")
        countries = _joined(sets.countries[365])
        yield from _wrap(f"{served}, day 365, countries: {countries}", "  ", "    ")
        single = 0
        for parts in sets.parts:
            if len(parts) == 1:
                single += 1
        text = f"{served}, parts lost outright: {counted(len(sets.parts), 'set')}, {single} of one part"
        yield from _wrap(text, "  ", "    ")


def _joined(sets: Iterable[Sequence[str]]) -> str:
    """Return the first sets, the members of each joined by a plus."""
    texts: list[str] = []
    for members in sets:
        text = " + ".join(members)
        texts.append(text)
    return _some(texts)


def _exports(report: AssessmentResults) -> Iterator[str]:
    """Yield the export-control figures."""
    yield "Export control (a threshold reached is an exposure, no classification)"
    for exposure in report.exposures:
        density = "unknown" if exposure.density is None else f"{exposure.density}"
        reached = ", ".join(exposure.reaches) or "no threshold known to be reached"
        tpp = "unknown" if exposure.tpp is None else f"{exposure.tpp:,}"
        text = f"{exposure.accelerator}: TPP {tpp}, performance density {density}: {reached}"
        yield from _wrap(text, "  ", "    ")


def _shares(report: AssessmentResults) -> Iterator[str]:
    """Yield the shares by layer."""
    yield "Shares by layer"
    for layer in report.concentration:
        shares: list[str] = []
        for holder, percent in layer.shares[:4]:
            share = f"{holder} {percent} %"
            shares.append(share)
        index = f"index {layer.index:,} ({layer.note})"
        yield from _wrap(
            f"{layer.layer}: {', '.join(shares)}; {layer.outside} % outside; {index}", "  ", "    "
        )


def _frameworks(report: AssessmentResults) -> Iterator[str]:
    """Yield the counts of the other frameworks."""
    yield "Other frameworks, as described"
    for framework in report.frameworks:
        met, not_met = framework.count("met"), framework.count("not met")
        still_open = framework.count("open")
        counts = f"{met} met, {not_met} not met, {still_open} open of {len(framework.items)}"
        yield from _wrap(f"{framework.title}, {framework.version}: {counts}", "  ", "    ")
        missed = []
        for item in framework.items:
            if item.outcome == "not met":
                missed.append(item.id)
        if missed:
            yield from _wrap(f"not met: {_some(missed)}", "    ", "      ")


def _questions(report: AssessmentResults) -> Iterator[str]:
    """Yield the number of questions that are left, and the first of them."""
    questions = report.questions()
    yield f"Questions to a person: {len(questions)} (all of them in the JSON form)"
    for question in questions[:_SHOWN]:
        text = f"{question['id']}: {question['ask']}? {question['because']}"
        yield from _wrap(text, "  ", "    ")


def _some(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    listed = list(names)
    if not listed:
        return "none"
    rest = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")

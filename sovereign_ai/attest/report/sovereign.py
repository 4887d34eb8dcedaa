"""The page's sections about sovereignty: dependencies, the disconnect drill, verdict, open questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sovereign_ai.attest.report import dependencies as graph
from sovereign_ai.attest.report import timeline
from sovereign_ai.attest.report.gather import Report
from sovereign_ai.attest.report.markup import Markup, tag
from sovereign_ai.attest.report.numbers import listed, mark, table, why
from sovereign_ai.sovereignty import (
    CRITERIA,
    LEVELS,
    OBJECTIVES,
    Drill,
    Framework,
    SovereigntyReport,
    SovereigntyVerdict,
    criterion,
)
from sovereign_ai.text import counted

Cells = tuple[object, ...]
"""The cells of a row."""
_OUTCOMES = {"met": "good", "unmet": "bad", "not met": "bad", "open": "odd"}


def dependencies(report: Report) -> Iterator[Markup]:
    """Yield the graph, the single points of failure, and every part."""
    assessed = report.sovereignty
    narrow = graph.chokepoints(assessed)
    parts_text = counted(len(assessed.graph.parts), "part")
    text = (
        f"{len(narrow)} of {parts_text} stop a service when they alone are lost; "
        "they are marked with ! and drawn strong."
    )
    yield tag("p", text)
    yield graph.picture(assessed)
    yield tag("h3", "Smallest sets whose loss stops a service")
    yield table(("service", "of", "sets of at most three"), _cut_sets(assessed))
    yield tag("h3", "Every part")
    head = ("part", "held by", "made in / by", "channel", "a cut", "grace", "second source", "alone stops")
    yield table(head, _parts(assessed, narrow))


def _cut_sets(assessed: SovereigntyReport) -> Iterator[Cells]:
    """Yield a row for each service and kind of loss: the smallest sets that stop the service."""
    for service, sets in assessed.sets.items():
        cut_sets = []
        for parts in sets.parts:
            cut_sets.append(tuple(map(graph.name_of, parts)))
        yield service, "parts, lost outright", _written(cut_sets)
        for what, by_day in (("holders withdraw", sets.holders), ("countries cut off", sets.countries)):
            for day, groups in by_day.items():
                yield service, f"{what}, within {counted(day, 'day')}", _written(groups) or "none"


def _written(sets: Iterable[Iterable[str]]) -> str:
    """Return sets of names as text, `a + b; c`."""
    return "; ".join(" + ".join(names) for names in sets)


def _parts(assessed: SovereigntyReport, narrow: Mapping[str, Sequence[str]]) -> Iterator[Cells]:
    """Yield a row for each part of the graph."""
    for part in assessed.graph.parts:
        reasons = [
            ("what", part.what),
            ("source", part.source),
            ("follows from", ", ".join(part.fields)),
            ("licence", part.licence),
        ]
        holder = f"{part.holder} ({part.law or 'law not known'})"
        made = " / ".join(filter(None, (part.origin, part.made_by))) or "not known"
        grace = "" if part.grace_days is None else counted(part.grace_days, "day")
        alternative = part.alternative or "none described"
        narrowed = ", ".join(narrow.get(part.id, []))
        title = why(graph.name_of(part.id), reasons)
        yield title, holder, made, part.channel, part.effect, grace, alternative, narrowed


def drill(report: Report) -> Iterator[Markup]:
    """Yield the drill's timeline and what each trigger reaches."""
    drills = report.sovereignty.drills
    text = (
        "Arithmetic over the graph; nothing was disconnected. "
        "* means at best, since some parts are not described."
    )
    yield tag("p", text, class_="soft")
    yield timeline.picture(drills)
    head = (
        "switched off",
        "stops at once",
        "stops by day 365",
        "not replaced",
        "runs on without patches",
        "second source",
    )
    yield table(head, [_drill_row(each) for each in drills])


def _drill_row(drill: Drill) -> Cells:
    """Return a drill's row."""
    at_once = drill.stops[0]
    later = [name for name in drill.stops[365] if name not in at_once]
    shrinking: list[str] = []
    for name in drill.shrinks:
        reserve = f" ({drill.reserve[name]:,} in reserve)" if name in drill.reserve else ""
        shrinking.append(f"{name}{reserve}")
    second = [f"{name}: {other}" for name, other in drill.second_source.items()]
    cells: list[object] = [f"{drill.trigger.kind} {drill.trigger.name}"]
    for names in (at_once, later, shrinking, drill.ages, second):
        text = ", ".join(names) or "none"
        cells.append(text)
    return tuple(cells)


def verdict(report: Report) -> Iterator[Markup]:
    """Yield the framework's verdict, its answers, shares, export control and other frameworks."""
    assessed = report.sovereignty
    yield tag("p", f"Perimeter: {assessed.perimeter}.")
    yield from _level(assessed.verdict)
    yield tag("h3", "The criteria")
    yield table(("criterion", "asks", "answer | best | top", "evidence", "why"), _answers(assessed))
    yield tag("h3", "Concentration")
    yield table(("layer", "shares", "outside the EEA", "how far to trust it"), _concentration(assessed))
    yield tag("h3", "Export control")
    head = ("accelerator", "TPP", "performance density", "rules that reach it", "arithmetic and source")
    yield table(head, _exposures(assessed))
    for framework in assessed.frameworks:
        yield tag("h3", f"{framework.id}: {framework.title} ({framework.status})")
        source = f"{framework.version}, {framework.dated}; {framework.source}"
        yield tag("p", source, class_="soft")
        yield table(("requirement", "asks", "state", "why"), _requirements(framework))


def _level(level: SovereigntyVerdict) -> Iterator[Markup]:
    """Yield the level, its scores, what it is limited by, and the smallest step to the next one."""
    state = mark("complete", "good")
    if not level.complete:
        state = mark(f"incomplete: {len(level.open)} of {len(CRITERIA)} criteria open", "odd")
    proven = tag("strong", f"Proven: SEAL-{level.level}, {LEVELS[level.level]}. ")
    yield tag("p", proven, f"Ceiling: SEAL-{level.ceiling}. ", state)
    pairs: list[tuple[str, str]] = []
    for name, score in level.scores.items():
        at_best = level.ceilings[name]
        pairs.append((f"score, weights {name}", f"{score} % proven, {at_best} % at best"))
    pairs.append(("held at this level by", ", ".join(level.governing)))
    pairs.append(("held at the ceiling by", ", ".join(level.governing_ceiling)))
    yield listed(pairs)
    # Only the next step: those beyond it start from its end.
    for step in level.steps[:1]:
        changes: list[Cells] = []
        for change in step.changes:
            meaning = criterion(change.criterion).answer(change.target).words
            changes.append((change.criterion, change.current or "open", change.target, meaning))
        yield tag("h3", f"Smallest step to SEAL-{step.level}: {step.cost} {step.unit}")
        yield table(("criterion", "now", "needed", "that is"), changes)


def _concentration(assessed: SovereigntyReport) -> Iterator[Cells]:
    """Yield a row for each layer: the shares of its countries, and the share outside the EEA."""
    for layer in assessed.concentration:
        shares = ", ".join(f"{name} {share:g} %" for name, share in layer.shares)
        yield layer.layer, shares, f"{layer.outside:g} %", layer.note


def _exposures(assessed: SovereigntyReport) -> Iterator[Cells]:
    """Yield a row for each accelerator: its performance as export rules count it, and those rules."""
    for chip in assessed.exposures:
        rules = ", ".join(chip.reaches) or "none"
        yield chip.accelerator, _or_unknown(chip.tpp), _or_unknown(chip.density), rules, chip.why


def _requirements(framework: Framework) -> Iterator[Cells]:
    """Yield a row for each requirement of another framework."""
    for item in framework.items:
        state = mark(item.outcome, _OUTCOMES.get(item.outcome, "odd"))
        yield item.id, item.words, state, item.why


def _answers(assessed: SovereigntyReport) -> Iterator[Cells]:
    """Yield a row for each criterion."""
    for answer in assessed.answers:
        question = criterion(answer.criterion)
        state = mark("open", "odd")
        if not answer.open:
            grade = "good" if answer.number == question.top else "warn"
            state = mark(str(answer.number), grade)
        objective = f"{question.objective} {OBJECTIVES[question.objective]}"
        reasons = [
            ("objective", objective),
            ("fields", ", ".join(answer.fields)),
            ("source", answer.source or "the description"),
            ("needs evidence of grade", str(answer.needs)),
            ("barred by", ", ".join(answer.barred)),
        ]
        title = why(question.title, reasons)
        points = tag("span", state, f" | {answer.best} | {question.top}")
        yield answer.criterion, title, points, str(answer.grade or "none"), answer.why


def _or_unknown(value: float | None) -> str:
    """Return a number, or that it is not known."""
    return "not known" if value is None else f"{value:,}"


def questions(report: Report) -> Iterator[Markup]:
    """Yield the questions that only a person can answer, and the figures that are missing."""
    rows: list[Cells] = []
    for question in report.sovereignty.questions():
        row = (question["of"], question["id"], question["ask"], question["because"])
        rows.append(row)
    yield table(("of", "id", "question", "because"), rows)
    needs = {*report.energy.needs, *report.cost.needs, *report.goodput.needs}
    yield tag("h3", "Figures that would close gaps")
    yield tag("p", ", ".join(sorted(needs)) or "None.", class_="code")

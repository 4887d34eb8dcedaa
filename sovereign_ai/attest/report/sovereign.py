"""The page's sections about sovereignty: dependencies, the disconnect drill, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.sovereignty.criteria import CRITERIA, LEVELS, OBJECTIVES, criterion
from sovereign_ai.assess.sovereignty.drill import Drill
from sovereign_ai.attest.report import dependencies as graph
from sovereign_ai.attest.report import timeline
from sovereign_ai.attest.report.gather import Report
from sovereign_ai.attest.report.markup import Markup, tag
from sovereign_ai.attest.report.numbers import listed, mark, table, why

_OUTCOMES = {"met": "good", "unmet": "bad", "not met": "bad", "open": "odd"}


def dependencies(report: Report) -> Iterator[Markup]:
    """Give the graph, the single points of failure, and every part."""
    found = report.sovereignty
    narrow = graph.chokepoints(found)
    text = (
        f"{len(narrow)} of {len(found.graph.parts)} parts stop a service when they alone are lost; they are marked with ! and drawn strong."
    )
    yield tag("p", text)
    yield graph.picture(found)
    yield tag("h3", "Smallest sets whose loss stops a service")
    rows = []
    for served, sets in found.sets.items():
        rows.append((served, "parts, lost outright", "; ".join(" + ".join(name.rstrip(":") for name in one) for one in sets.parts)))
        for what, days in (("holders withdraw", sets.holders), ("countries cut off", sets.countries)):
            rows += [
                (served, f"{what}, within {day} days", "; ".join(" + ".join(one) for one in listed_) or "none")
                for day, listed_ in days.items()
            ]
    yield table(("service", "of", "sets of at most three"), rows)
    yield tag("h3", "Every part")
    parts = (
        (
            why(
                part.id, [("what", part.what), ("source", part.source), ("follows from", ", ".join(part.fields)), ("licence", part.licence)]
            ),
            f"{part.holder} ({part.law or 'law not known'})",
            " / ".join(one for one in (part.origin or "", part.made_by) if one) or "not known",
            part.channel,
            part.effect,
            _days(part.grace_days),
            part.alternative or "none described",
            ", ".join(narrow.get(part.id, [])),
        )
        for part in found.graph.parts
    )
    yield table(("part", "held by", "made in / by", "channel", "a cut", "grace", "second source", "alone stops"), parts)


def _days(days: int | None) -> str:
    return "" if days is None else f"{days} days"


def drill(report: Report) -> Iterator[Markup]:
    """Give the drill's timeline and what each trigger reaches."""
    found = report.sovereignty.drills
    yield tag(
        "p", "Arithmetic over the graph; nothing was disconnected. * means at best, since some parts nobody describes.", class_="soft"
    )
    yield timeline.picture(found)
    yield table(
        ("switched off", "stops at once", "stops by day 365", "not replaced", "runs on without patches", "second source"), map(_row, found)
    )


def _row(one: Drill) -> tuple[object, ...]:
    """Give a drill's row."""
    first = set(one.stops[0])
    later = [name for name in one.stops[365] if name not in first]
    reserve = [f"{name} ({one.reserve[name]:,} in reserve)" if name in one.reserve else name for name in one.shrinks]
    second = [f"{name}: {other}" for name, other in one.second_source.items()]
    return f"{one.trigger.kind} {one.trigger.name}", *(
        ", ".join(names) or "none" for names in (one.stops[0], later, reserve, one.ages, second)
    )


def verdict(report: Report) -> Iterator[Markup]:
    """Give the framework's verdict, its answers, shares, export control and other frameworks."""
    found = report.sovereignty
    level = found.verdict
    yield tag("p", f"Perimeter: {found.perimeter}.")
    state = mark("complete", "good") if level.complete else mark(f"incomplete: {len(level.open)} of {len(CRITERIA)} criteria open", "odd")
    yield tag("p", tag("strong", f"Proven: SEAL-{level.level}, {LEVELS[level.level]}. "), f"Ceiling: SEAL-{level.ceiling}. ", state)
    scores = [(f"score, weights {name}", f"{score} % proven, {level.ceilings[name]} % at best") for name, score in level.scores.items()]
    held = [("held at this level by", ", ".join(level.governing)), ("held at the ceiling by", ", ".join(level.governing_ceiling))]
    yield listed([*scores, *held])
    for step in level.steps[:1]:
        changes = (
            (one.criterion, one.current or "open", one.target, criterion(one.criterion).answer(one.target).words) for one in step.changes
        )
        yield tag("h3", f"Smallest step to SEAL-{step.level}: {step.cost} {step.unit}")
        yield table(("criterion", "now", "needed", "that is"), changes)
    yield tag("h3", "The criteria")
    yield table(("criterion", "asks", "answer | best | top", "evidence", "why"), _answers(report))
    yield tag("h3", "Concentration")
    shares = ((one.layer, _shares(one.shares), f"{one.outside:g} %", one.note) for one in found.concentration)
    yield table(("layer", "shares", "outside the EEA", "how far to trust it"), shares)
    yield tag("h3", "Export control")
    chips = ((one.accelerator, _or(one.tpp), _or(one.density), ", ".join(one.reaches) or "none", one.why) for one in found.exposures)
    yield table(("accelerator", "TPP", "performance density", "rules that reach it", "arithmetic and source"), chips)
    for frame in found.frameworks:
        yield tag("h3", f"{frame.id}: {frame.title} ({frame.status})")
        yield tag("p", f"{frame.version}, {frame.dated}; {frame.source}", class_="soft")
        items = ((one.id, one.words, mark(one.outcome, _OUTCOMES.get(one.outcome, "odd")), one.why) for one in frame.items)
        yield table(("requirement", "asks", "stands", "why"), items)


def _answers(report: Report) -> Iterator[tuple[object, ...]]:
    """Give a row a criterion."""
    for one in report.sovereignty.answers:
        asked = criterion(one.criterion)
        state = mark("open", "odd") if one.open else mark(str(one.number), "good" if one.number == asked.top else "warn")
        more = [
            ("objective", f"{asked.objective} {OBJECTIVES[asked.objective]}"),
            ("fields", ", ".join(one.fields)),
            ("source", one.source or "the description"),
        ]
        more += [("needs evidence of grade", str(one.needs)), ("barred by", ", ".join(one.barred))]
        yield one.criterion, why(asked.title, more), tag("span", state, f" | {one.best} | {asked.top}"), str(one.grade or "none"), one.why


def _shares(shares: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{name} {share:g} %" for name, share in shares)


def _or(value: float | None) -> str:
    return "not known" if value is None else f"{value:,}"


def questions(report: Report) -> Iterator[Markup]:
    """Give what only a person can answer."""
    yield table(
        ("of", "id", "question", "because"), ((one["of"], one["id"], one["ask"], one["because"]) for one in report.sovereignty.questions())
    )
    needs = sorted({name for found in (report.energy, report.cost, report.goodput) for name in found.needs})
    yield tag("h3", "Figures that would close gaps")
    yield tag("p", ", ".join(needs) or "None.", class_="code")

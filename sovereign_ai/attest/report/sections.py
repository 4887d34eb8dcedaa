"""The page's sections about the plan, its power, its cost and its jobs, and about a live observation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.assess import lengths
from sovereign_ai.assess.energy import Energy
from sovereign_ai.attest.report import atlas, bars, elevations
from sovereign_ai.attest.report.controls import place
from sovereign_ai.attest.report.flows import KINDS
from sovereign_ai.attest.report.gather import Report
from sovereign_ai.attest.report.hours import balances
from sovereign_ai.attest.report.markup import Markup, join, tag
from sovereign_ai.attest.report.numbers import fact, key, mark, numbers, table, why
from sovereign_ai.attest.report.usage import used
from sovereign_ai.plan import summary
from sovereign_ai.render import draw_plan as drawn
from sovereign_ai.text import counted

Cells = tuple[object, ...]
"""The cells of a row."""
_STATES = {True: ("holds", "good"), False: ("fails", "bad"), None: ("open", "odd")}
"""Outcome of a check to its word and colour."""
_TOTALS = {
    "gpus": "GPUs",
    "it_load_watts": "IT load at the peak, W",
    "nodes": "machines",
    "spares": "spare machines",
}
_CHECKS = {"holds": "good", "fails": "bad", "open": "odd", "due": "warn"}
_MOST_HOLDING = 8
_MOST_NAMES = 12
_SHOWN_NAMES = 6
"""A longer list of racks is shown by its first names and its last."""


def _soft(text: str) -> Markup:
    """Return a paragraph of explanation."""
    return tag("p", text, class_="soft")


def _state(outcome: bool | None) -> Markup:
    """Return the word and colour of a check's outcome."""
    word, colour = _STATES[outcome]
    return mark(word, colour)


def keys(report: Report) -> Markup:
    """Return the figures that a reader looks for first, each with its source."""
    totals = summary(report.plan)["totals"]
    counted = [("source", "counted in the plan"), ("plan", report.plan.digest)]
    site_names = ", ".join(site.site for site in report.plan.power)
    load = [
        ("source", "from the plan; each site's reasons stand under power"),
        ("sites", site_names),
    ]
    kilowatts = totals["it_load_watts"] / 1000
    cost = report.cost
    machines = f"{totals['nodes']:,} | {totals['spares']:,}"
    capex = cost.measure("capex.total.known")
    gpu_hour = cost.measure("gpu-hour.known")
    shown = [_level(report), _violations(report)]
    shown.append(fact("GPUs in use", f"{totals['gpus']:,}", counted))
    shown.append(fact("machines | spares", machines, counted))
    shown.append(fact("racks", f"{totals['racks']:,}", counted))
    shown.append(fact("IT load at the peak", f"{kilowatts:,.1f} kW", load))
    shown.append(key("to build, known part", "cost", capex, cost.measures))
    shown.append(key("a GPU-hour, known part", "cost", gpu_hour, cost.measures))
    shown += _pues(report)
    return tag("div", *shown, class_="keys")


def _level(report: Report) -> Markup:
    """Return the sovereignty level, proven and at best."""
    level = report.sovereignty.verdict
    holding = ", ".join(level.governing[:_MOST_HOLDING]) or "nothing"
    pairs = [
        ("held there by", holding),
        ("open criteria", str(len(level.open))),
        ("means", "open criteria count at their worst"),
    ]
    value = f"SEAL-{level.level} | SEAL-{level.ceiling}"
    return fact("sovereignty, proven | ceiling", value, pairs)


def _violations(report: Report) -> Markup:
    """Return the number of violations in all clusters."""
    count = sum(len(verdict.violations) for verdict in report.verdicts.values())
    source = "rules over description, plan and every cluster's objects, see the control table"
    return fact("rules", counted(count, "violation"), [("source", source)])


def _pues(report: Report) -> Iterator[Markup]:
    """Yield the PUE of each site that has one."""
    energy = report.energy
    known = set()
    for measure in energy.measures:
        known.add(measure.id)
    for site in report.plan.power:
        id_ = f"site.{site.site}.pue"
        if id_ in known:
            yield key(f"PUE, site {site.site}", "energy", energy.measure(id_), energy.measures)


def plan(report: Report) -> Iterator[Markup]:
    """Yield the plan's picture, totals, parts, cables and warnings."""
    yield _plan_picture(report)
    facts = summary(report.plan)
    totals = []
    for name, n in facts["totals"].items():
        total = (_TOTALS.get(name, name.replace("_", " ")), f"{n:,}")
        totals.append(total)
    yield tag("h3", "Totals")
    yield table(("of", "number"), totals)
    yield from _plan_parts(facts)
    cabling: list[Cells] = []
    for plane in lengths(report.factory, report.plan):
        row = (plane.plane, _state(plane.holds), plane.text)
        cabling.append(row)
    yield tag("h3", "Cables against the reach of their optics")
    yield _soft("By the places of racks in their rows; widths, rises and row pitches are our judgement.")
    yield table(("plane", "reaches", "longest"), cabling)
    yield tag("h3", "Warnings of the plan")
    warnings = []
    for line in facts["warnings"]:
        warning = tag("li", line)
        warnings.append(warning)
    yield tag("ul", *warnings) if warnings else _soft("None.")


def _plan_picture(report: Report) -> Markup:
    """Return the plan's own picture, coloured by the page's style sheet instead of its own."""
    svg = drawn(report.plan)
    svg = re.sub(r"<style>.*?</style>", "", svg, count=1, flags=re.DOTALL)
    # Inside HTML the element needs no namespace.
    svg = svg.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return tag(
        "div",
        Markup(svg),
        class_="scroll picture plan-picture",
        tabindex="0",
        role="group",
        aria_label="racks and fabric",
    )


def _plan_parts(facts: Mapping[str, Any]) -> Iterator[Markup]:
    """Yield fabrics, storage and clusters of a plan, each with its reasons."""
    for fabric in facts["fabrics"]:
        switches = f"{fabric['leaf']:,} leaf, {fabric['spine']:,} spine, {fabric['core']:,} core"
        head = f"{fabric['name']}: {switches}, {counted(fabric['cables'], 'cable')}"
        oversubscription = ("oversubscription", fabric["oversubscription"])
        bisection = ("bisection", str(fabric["bisection"]))
        yield why(head, [*fabric["why"].items(), oversubscription, bisection])
    for tier in facts["storage"]:
        head = f"storage {tier['tier']} at {tier['site']}: {counted(tier['servers'], 'server')}"
        yield why(head, tier["why"].items())
    for cluster in facts["clusters"]:
        nodes_text = counted(cluster["nodes"], "node")
        gpus_text = counted(cluster["gpus"], "GPU")
        size = f"{nodes_text}, {gpus_text}"
        head = f"cluster {cluster['cluster']}: {size}, under the law of {cluster['jurisdiction']}"
        yield why(head, cluster["why"].items())


def racks(report: Report) -> Iterator[Markup]:
    """Yield the rack elevations, and the racks that look alike."""
    yield _soft(
        "Each distinct rack once, bottom to top; hold a pointer over a device for its name and height."
    )
    yield elevations.picture(report.factory, report.plan)
    rows: list[Cells] = []
    for elevation in elevations.elevations(report.factory, report.plan):
        first = elevation.first
        rack = f"{len(elevation.names)} x {first.kind}, {first.hall}"
        rows.append((rack, f"{first.power / 1000:g} kW", ", ".join(first.pdus), _names(elevation.names)))
    yield tag(
        "details",
        tag("summary", "Which racks look like these, and where the numbers come from"),
        _soft("From the plan; heights and power from the catalogue."),
        table(("rack", "power", "PDUs of the first", "names"), rows),
    )


def _names(names: tuple[str, ...]) -> str:
    """Return the names of racks, of many the first ones and the last."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN_NAMES])} … {names[-1]}"


def flows(report: Report) -> Iterator[Markup]:
    """Yield the map of flows by jurisdiction, and each flow."""
    crossing = [flow for flow in report.flows if flow.crosses]
    total = len(report.flows)
    flows_text = counted(total, "flow")
    yield tag("p", f"{flows_text} and holds are declared; {len(crossing)} of them leave their jurisdiction.")
    yield atlas.picture(report.factory, report.flows)
    yield _soft(
        "A declaration is no measurement: what really crosses a border, a network's own counters must show."
    )
    # What crosses a border comes first.
    staying = [flow for flow in report.flows if not flow.crosses]
    rows: list[Cells] = []
    for flow in (*sorted(crossing), *sorted(staying)):
        row = (
            KINDS[flow.kind],
            f"{flow.origin}: {flow.source}",
            f"{flow.target}: {flow.sink}",
            mark("crosses", "warn") if flow.crosses else "stays",
            flow.detail,
            place(report, report.factory.where(flow.field)),
        )
        rows.append(row)
    yield table(("flow", "from", "to", "border", "how", "declared at"), rows)


def energy(report: Report) -> Iterator[Markup]:
    """Yield power by feed, failures, cooling, limits, and every number."""
    yield bars.power(report.factory, report.plan)
    yield _soft(
        "Dark bar: load with all feeds up; light bar: most after the loss of another feed; "
        "outline: what it may carry."
    )
    for site in report.plan.power:
        unknown = ("supplies not known", ", ".join(site.unknown))
        yield why(f"Site {site.site}: where these numbers come from", [*site.why.items(), unknown])
    assessed = report.energy
    yield tag("h3", "Single failures")
    yield table(("site", "loss of", "survived", "machines stop", "why"), _failures(assessed))
    yield tag("h3", "Cooling")
    yield table(("site", "hall", "kind", "cooled", "why"), _cooling(assessed))
    yield tag("h3", "Limits and duties")
    yield table(("site", "rule", "state", "from", "why"), _limits(assessed))
    yield from balances(assessed.balances)
    yield tag("h3", "Every number of energy")
    yield numbers("energy", assessed.measures)


def _failures(assessed: Energy) -> Iterator[Cells]:
    """Yield a row for each single failure."""
    for failure in assessed.failures:
        stops = "open" if failure.stops is None else f"{failure.stops:,}"
        reason = _reason(failure.why, failure.needs)
        yield failure.site, failure.what, _state(failure.survives), stops, reason


def _cooling(assessed: Energy) -> Iterator[Cells]:
    """Yield a row for each hall's cooling."""
    for hall in assessed.cooled:
        yield hall.site, hall.hall, hall.kind, _state(hall.holds), _reason(hall.why, hall.needs)


def _limits(assessed: Energy) -> Iterator[Cells]:
    """Yield a row for each limit or duty."""
    for limit in assessed.checks:
        rule = why(limit.rule, [("source", limit.source)])
        state = mark(limit.status, _CHECKS.get(limit.status, "odd"))
        since = tag("span", limit.since, class_="whole") if limit.since else ""
        yield limit.site, rule, state, since, _reason(limit.why, limit.needs)


def _reason(reason: str, needs: tuple[str, ...]) -> str:
    """Return a reason, and the figures that an open outcome waits for."""
    if not needs:
        return reason
    return f"{reason}; waits for {', '.join(needs)}"


def cost(report: Report) -> Iterator[Markup]:
    """Yield cost bars with ranges, the tornado, and every number."""
    yield bars.cost(report.cost)
    yield _soft(
        "Bars are known parts; lines are ranges; what has no price is called unknown and is in no sum. "
        "Each number and its source are below."
    )
    if report.usage is not None:
        yield from used(report.usage)
    yield tag("h3", "What moves the known cost of a GPU-hour most")
    yield bars.tornado(report.cost)
    yield tag("h3", "Every number of cost")
    yield numbers("cost", report.cost.measures)


def goodput(report: Report) -> Iterator[Markup]:
    """Yield each job's verdict and every number."""
    assessed = report.goodput
    rows: list[Cells] = []
    for job in assessed.jobs:
        colour = {"feasible": "good", "infeasible": "bad"}.get(job.verdict, "warn")
        simulated: list[str] = []
        for run in job.simulated:
            result = f"{run.name} {run.goodput:.3f} ± {run.error:.3f}"
            simulated.append(f"{result} ({run.runs} runs, seed {run.seed})")
        measure = assessed.measure(f"job.{job.name}.goodput")
        row = (
            job.name,
            "declared" if job.declared else "the whole pool",
            mark(job.verdict, colour),
            key("goodput", "goodput", measure, assessed.measures),
            "; ".join(simulated),
        )
        rows.append(row)
    yield table(("job", "from", "verdict", "share of time that becomes progress", "simulated"), rows)
    yield tag("h3", "Every number of goodput")
    yield numbers("goodput", assessed.measures)


def observed(report: Report) -> Iterator[Markup]:
    """Yield a live observation, or that there is none."""
    # An observation is a file from outside: any member may be missing.
    seen = report.observation
    if not seen:
        note = " No running cluster was observed for this report; it is about the description alone."
        yield tag("p", mark("not observed", "odd"), note)
        return
    state = mark("as wanted", "good") if seen.get("ok") else mark("differs", "bad")
    rest: object = ""
    if not seen.get("complete"):
        rest = join(" ", mark("incomplete: not every probe was made", "odd"))
    time = seen.get("observed_at", "an unknown time")
    yield tag("p", f"Cluster {seen.get('cluster', '')}, observed at {time}: ", state, rest)
    counts = [(str(name), str(count)) for name, count in seen.get("counts", {}).items()]
    yield tag("h3", "Counted")
    yield table(("of", "number"), sorted(counts))
    yield tag("h3", "Missing, changed or foreign")
    yield _observed_table(("kind", "resource", "field", "message"), seen.get("findings", []))
    yield tag("h3", "Probes")
    yield _observed_table(("name", "expected", "status", "detail"), seen.get("probes", []))


def _observed_table(fields: tuple[str, ...], entries: Iterable[Mapping[str, Any]]) -> Markup:
    """Return a table of some fields of an observation's entries; a field that an entry lacks is empty."""
    rows: list[Cells] = []
    for entry in entries:
        cells = tuple(str(entry.get(name, "")) for name in fields)
        rows.append(cells)
    return table(fields, rows)

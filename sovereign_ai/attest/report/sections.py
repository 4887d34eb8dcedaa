"""The page's sections about the plan, its power, its cost and its jobs, and about what was seen live."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sovereign_ai.assess.cables import lengths
from sovereign_ai.attest.report import atlas, bars, elevations
from sovereign_ai.attest.report.controls import place
from sovereign_ai.attest.report.flows import KINDS
from sovereign_ai.attest.report.gather import Report
from sovereign_ai.attest.report.hours import balances
from sovereign_ai.attest.report.markup import Markup, join, tag
from sovereign_ai.attest.report.numbers import fact, key, mark, numbers, table, why
from sovereign_ai.plan.summary import summary
from sovereign_ai.render.picture import picture as drawn

_STATES = {True: ("good", "holds"), False: ("bad", "fails"), None: ("odd", "open")}
_TOTALS = {"gpus": "GPUs", "it_load_watts": "IT load at the peak, W", "nodes": "machines", "spares": "spare machines"}
_CHECKS = {"holds": "good", "fails": "bad", "open": "odd", "due": "warn"}


def keys(report: Report) -> Markup:
    """Give the figures that a reader looks for first, each with its source."""
    level = report.sovereignty.verdict
    totals = summary(report.plan)["totals"]
    broken = sum(len(verdict.violations) for verdict in report.verdicts.values())
    held = ", ".join(level.governing[:8]) or "nothing"
    seal = [("held there by", held), ("open criteria", str(len(level.open))), ("means", "open criteria count at their worst")]
    plain = [("source", "counted in the plan"), ("plan", report.plan.digest)]
    sites = [
        ("source", "from the plan; each site's reasons stand under power"),
        ("sites", ", ".join(one.site for one in report.plan.power)),
    ]
    cost, energy = report.cost, report.energy
    shown = [
        fact("sovereignty, proven | ceiling", f"SEAL-{level.level} | SEAL-{level.ceiling}", seal),
        fact(
            "rules", f"{broken} violations", [("source", "rules over description, plan and every cluster's objects, see the control table")]
        ),
        fact("GPUs in use", f"{totals['gpus']:,}", plain),
        fact("machines | spares", f"{totals['nodes']:,} | {totals['spares']:,}", plain),
        fact("racks", f"{totals['racks']:,}", plain),
        fact("IT load at the peak", f"{totals['it_load_watts'] / 1000:,.1f} kW", sites),
        key("to build, known part", "cost", cost.measure("capex.total.known"), cost.measures),
        key("a GPU-hour, known part", "cost", cost.measure("gpu-hour.known"), cost.measures),
        *(
            key(f"PUE, site {one.site}", "energy", energy.measure(f"site.{one.site}.pue"), energy.measures)
            for one in report.plan.power
            if any(measure.id == f"site.{one.site}.pue" for measure in energy.measures)
        ),
    ]
    return tag("div", *shown, class_="keys")


def plan(report: Report) -> Iterator[Markup]:
    """Give the plan's picture, totals and warnings."""
    svg = re.sub(r"<style>.*?</style>", "", drawn(report.plan), count=1, flags=re.DOTALL).replace(' xmlns="http://www.w3.org/2000/svg"', "")
    yield tag("div", Markup(svg), class_="scroll picture plan-picture", tabindex="0", role="group", aria_label="racks and fabric")
    facts = summary(report.plan)
    yield tag("h3", "Totals")
    yield table(("of", "number"), ((_TOTALS.get(name, name.replace("_", " ")), f"{value:,}") for name, value in facts["totals"].items()))
    for fabric in facts["fabrics"]:
        head = f"{fabric['name']}: {fabric['leaf']} leaf, {fabric['spine']} spine, {fabric['core']} core, {fabric['cables']:,} cables"
        yield why(head, [*fabric["why"].items(), ("oversubscription", fabric["oversubscription"]), ("bisection", str(fabric["bisection"]))])
    for tier in facts["storage"]:
        yield why(f"storage {tier['tier']} at {tier['site']}: {tier['servers']} servers", tier["why"].items())
    for cluster in facts["clusters"]:
        head = f"cluster {cluster['cluster']}: {cluster['nodes']:,} nodes, {cluster['gpus']:,} GPUs, under the law of {cluster['jurisdiction']}"
        yield why(head, cluster["why"].items())
    cabling = [(one.plane, mark(*reversed(_STATES[one.holds])), one.said) for one in lengths(report.factory, report.plan)]
    yield tag("h3", "Cables against the reach of their optics")
    yield tag("p", "By the places of racks in their rows; widths, rises and row pitches are our judgement.", class_="soft")
    yield table(("plane", "reaches", "longest"), cabling)
    yield tag("h3", "Warnings of the plan")
    yield tag("ul", *(tag("li", line) for line in facts["warnings"])) if facts["warnings"] else tag("p", "None.", class_="soft")


def racks(report: Report) -> Iterator[Markup]:
    """Give the rack elevations."""
    yield tag("p", "Each distinct rack once, bottom to top; hold a pointer over a device for its name and height.", class_="soft")
    yield elevations.picture(report.factory, report.plan)
    found = elevations.elevations(report.factory, report.plan)
    names = (
        (
            f"{len(one.names)} x {one.first.kind}, {one.first.hall}",
            elevations.watts(one.first),
            ", ".join(one.first.pdus),
            _names(one.names),
        )
        for one in found
    )
    shown = table(("rack", "power", "PDUs of the first", "names"), names)
    note = tag("p", "From the plan; heights and power from the catalogue.", class_="soft")
    yield tag("details", tag("summary", "Which racks look like these, and where the numbers come from"), note, shown)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:6])} … {names[-1]}"


def flows(report: Report) -> Iterator[Markup]:
    """Give the map of flows by jurisdiction."""
    crossing = [flow for flow in report.flows if flow.crosses]
    yield tag("p", f"{len(report.flows)} flows and holds are declared; {len(crossing)} of them leave their jurisdiction.")
    yield atlas.picture(report.factory, report.flows)
    yield tag("p", "A declaration is no measurement: what really crosses a border, a network's own counters must show.", class_="soft")
    ordered = sorted(report.flows, key=lambda flow: (not flow.crosses, flow))
    rows = (
        (
            KINDS[flow.kind],
            f"{flow.origin}: {flow.source}",
            f"{flow.target}: {flow.sink}",
            mark("crosses", "warn") if flow.crosses else "stays",
            flow.detail,
            place(report, report.factory.where(flow.field)),
        )
        for flow in ordered
    )
    yield table(("flow", "from", "to", "border", "how", "declared at"), rows)


def energy(report: Report) -> Iterator[Markup]:
    """Give power by feed, failures, cooling, limits, and every number."""
    yield bars.power(report.factory, report.plan)
    yield tag(
        "p", "Dark bar: load with all feeds up; light bar: most after the loss of another feed; outline: what it may carry.", class_="soft"
    )
    for site in report.plan.power:
        unknown = [("supplies not known", ", ".join(site.unknown))]
        yield why(f"Site {site.site}: where these numbers come from", [*site.why.items(), *unknown])
    found = report.energy
    yield tag("h3", "Single failures")
    failures = (
        (one.site, one.what, mark(*reversed(_STATES[one.survives])), _count(one.stops), _waits(one.why, one.needs))
        for one in found.failures
    )
    yield table(("site", "loss of", "survived", "machines stop", "why"), failures)
    yield tag("h3", "Cooling")
    cooled = ((one.site, one.hall, one.kind, mark(*reversed(_STATES[one.holds])), _waits(one.why, one.needs)) for one in found.cooled)
    yield table(("site", "hall", "kind", "cooled", "why"), cooled)
    yield tag("h3", "Limits and duties")
    limits = (
        (
            one.site,
            why(one.rule, [("source", one.source)]),
            mark(one.status, _CHECKS.get(one.status, "odd")),
            tag("span", one.since, class_="whole") if one.since else "",
            _waits(one.why, one.needs),
        )
        for one in found.checks
    )
    yield table(("site", "rule", "stands", "from", "why"), limits)
    yield from balances(found.balances)
    yield tag("h3", "Every number of energy")
    yield numbers("energy", found.measures)


def _count(stops: int | None) -> str:
    return "open" if stops is None else f"{stops:,}"


def _waits(reason: str, needs: tuple[str, ...]) -> str:
    return f"{reason}; waits for {', '.join(needs)}" if needs else reason


def cost(report: Report) -> Iterator[Markup]:
    """Give cost bars with ranges, the tornado, and every number."""
    yield bars.cost(report.cost)
    text = "Bars are known parts; lines are ranges; what nobody prices is called unknown and is in no sum. Each number and its source stands below."
    yield tag("p", text, class_="soft")
    yield tag("h3", "What moves the known cost of a GPU-hour most")
    yield bars.tornado(report.cost)
    yield tag("h3", "Every number of cost")
    yield numbers("cost", report.cost.measures)


def goodput(report: Report) -> Iterator[Markup]:
    """Give each job's verdict and every number."""
    found = report.goodput
    jobs = []
    for job in found.jobs:
        kind = {"feasible": "good", "infeasible": "bad"}.get(job.verdict, "warn")
        simulated = "; ".join(f"{one.name} {one.goodput:.3f} ± {one.error:.3f} ({one.runs} runs, seed {one.seed})" for one in job.simulated)
        number = key("goodput", "goodput", found.measure(f"job.{job.name}.goodput"), found.measures)
        jobs.append((job.name, "declared" if job.declared else "the whole pool", mark(job.verdict, kind), number, simulated))
    yield table(("job", "from", "verdict", "share of time that becomes progress", "simulated"), jobs)
    yield tag("h3", "Every number of goodput")
    yield numbers("goodput", found.measures)


def observed(report: Report) -> Iterator[Markup]:
    """Give what a live cluster showed, or that nobody looked."""
    seen = report.observation
    if not seen:
        yield tag(
            "p", mark("not observed", "odd"), " Nobody looked at a running cluster for this report; what it says is of the description."
        )
        return
    state = mark("as wanted", "good") if seen.get("ok") else mark("differs", "bad")
    whole = "" if seen.get("complete") else join(" ", mark("incomplete: not every probe was made", "odd"))
    yield tag("p", f"Cluster {seen.get('cluster', '')}, observed at {seen.get('observed_at', 'an unknown time')}: ", state, whole)
    yield tag("h3", "Counted")
    yield table(("of", "number"), sorted((str(name), str(count)) for name, count in seen.get("counts", {}).items()))
    yield tag("h3", "Missing, changed or foreign")
    fields = ("kind", "resource", "field", "message")
    yield table(fields, ([str(one.get(name, "")) for name in fields] for one in seen.get("findings", [])))
    yield tag("h3", "Probes")
    names = ("name", "expected", "status", "detail")
    yield table(names, ([str(one.get(name, "")) for name in names] for one in seen.get("probes", [])))

"""`diff`: two descriptions side by side in fields, plan, findings, level, power and cost; the review tool for a change.

Parts in lists are told by their names, so that a pool that moves up a list has not changed, and one that is renamed has gone
and come. Numbers are compared as they are written, to six significant digits.

    found = compare(side(old, plan(old), now=day), side(new, plan(new), now=day))
    found.differs, found.lines()
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sovereign_ai.assess.cost.report import assess as assess_cost
from sovereign_ai.assess.energy.report import assess as assess_energy
from sovereign_ai.assess.measure import Measure
from sovereign_ai.assess.sovereignty.evidence import NONE, EvidenceSet
from sovereign_ai.assess.sovereignty.report import assess as assess_sovereignty
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.summary import summary
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.check import check
from sovereign_ai.spec.factory import AIFactory

SECTIONS = ("spec", "plan", "findings", "sovereignty", "power", "cost")
"""What is compared, in order."""
_WIDTH = 80
_COST = ("capex.total.known", "year.total.known", "year.energy.known", "gpu-hour.known", "break-even.known")
_POWER = ("it.peak", "it.typical", "pue", "e-dc", "emissions", "ref")
_WORDS = {True: "yes", False: "no", None: "open"}
Rows = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Side:
    """One description, as rows of text by section.

    Attributes:
        name: how the reader calls it.
        rows: section to name to value.
    """

    name: str
    rows: Mapping[str, Rows]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        section: one of `SECTIONS`.
        name: of the field, total, finding or number.
        left: value on the left; None where it is only on the right.
        right: value on the right; None where it is only on the left.
    """

    section: str
    name: str
    left: str | None
    right: str | None

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {"section": self.section, "name": self.name, "left": self.left, "right": self.right}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two descriptions against each other.

    Attributes:
        left: name of the left one.
        right: name of the right one.
        changes: every difference, by section and in order.
        outlook: `level`, `ceiling`, `violations`, `it power` and `cost` of both, changed or not.
    """

    left: str
    right: str
    changes: tuple[Change, ...]
    outlook: tuple[Change, ...]

    @property
    def differs(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "left": self.left,
            "right": self.right,
            "differs": self.differs,
            "outlook": [one.to_data() for one in self.outlook],
            "changes": [one.to_data() for one in self.changes],
        }

    def lines(self) -> list[str]:
        """Write it in 80 columns."""
        return list(_lines(self))


def side(name: str, factory: AIFactory, plan: Plan, *, now: date, evidence: EvidenceSet = NONE) -> Side:
    """Read what is compared from one description.

    Args:
        name: how the reader calls it.
        factory: the description.
        plan: what follows from it.
        now: the day that counts for waivers, certificates and evidence.
        evidence: what a person adds.
    """
    level = assess_sovereignty(factory, plan, now=now, evidence=evidence).verdict
    waivers = {f"waivers[{one.id}]": f"{one.rule} on {one.resource} until {one.expires}" for one in factory.waivers}
    sovereign = {"level": f"SEAL-{level.level}", "ceiling": f"SEAL-{level.ceiling}", "open criteria": str(len(level.open))}
    sovereign |= {f"score {weights}": f"{score} %" for weights, score in level.scores.items()}
    sovereign |= {"held by": ", ".join(level.governing)}
    return Side(
        name,
        {
            "spec": _flat(factory.to_data()) | waivers,
            "plan": _plan(plan),
            "findings": _findings(factory, plan, now),
            "sovereignty": sovereign,
            "power": _power(factory, plan),
            "cost": _measures(assess_cost(factory, plan).measures, set(_COST)),
        },
    )


def _flat(data: Any, name: str = "") -> dict[str, str]:
    """Flatten plain data to dotted names.

    >>> _flat({"pools": [{"name": "a", "nodes": 2}], "of": ["DE", "FR"]})
    {'pools[a].name': 'a', 'pools[a].nodes': '2', 'of': 'DE, FR'}
    """
    if isinstance(data, dict):
        return {key: text for part, value in data.items() for key, text in _flat(value, f"{name}.{part}" if name else str(part)).items()}
    if isinstance(data, list):
        if not any(isinstance(one, dict) for one in data):
            return {name: ", ".join(map(str, data))}
        found: dict[str, str] = {}
        for index, one in enumerate(data):
            found |= _flat(one, f"{name}[{_label(one, index)}]")
        return found
    return {name: "" if data is None else str(data).lower() if isinstance(data, bool) else str(data)}


def _label(part: Any, index: int) -> str:
    """Name a part of a list by what names it, else by its place."""
    if isinstance(part, dict):
        for key in ("name", "to", "data", "scheme"):
            if isinstance(part.get(key), str):
                return str(part[key])
    return str(index)


def _plan(plan: Plan) -> dict[str, str]:
    """Give totals, pools and clusters of a plan."""
    facts = summary(plan)
    found = {name: f"{value:,}" for name, value in facts["totals"].items()}
    for pool in facts["pools"]:
        found |= {f"pool {pool['pool']} {name}": f"{pool[name]:,}" for name in ("nodes", "spares", "gpus", "racks")}
    for fabric in facts["fabrics"]:
        found[f"fabric {fabric['name']}"] = f"{fabric['leaf']}+{fabric['spine']}+{fabric['core']} switches, {fabric['oversubscription']}"
    for tier in facts["storage"]:
        found[f"storage {tier['tier']} at {tier['site']}"] = f"{tier['servers']} servers, {tier['capacity']:,} B"
    for cluster in facts["clusters"]:
        found[f"cluster {cluster['cluster']}"] = f"{cluster['nodes']:,} nodes, {cluster['gpus']:,} GPUs"
    return found | {f"warning: {line}": "there" for line in facts["warnings"]}


def _findings(factory: AIFactory, plan: Plan, now: date) -> dict[str, str]:
    """Give every finding of every cluster."""
    found: dict[str, str] = {}
    for cluster in plan.clusters:
        bundle = render(factory, plan, cluster.name)
        for one in check(factory, plan, bundle.objects, now=now, cluster=cluster.name).findings:
            name = f"{one.rule} {one.resource} {one.field}: {one.message}".strip()
            found[name] = f"{one.status} {one.waiver}".strip()
    return dict(sorted(found.items()))


def _power(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Give power by site and feed, and what the energy assessment says of it."""
    found: dict[str, str] = {}
    for site in plan.power:
        for feed, watts in site.feeds.items():
            found[f"site {site.site} feed {feed}"] = f"{watts / 1000:,.1f} kW, loss survived: {_WORDS[site.survives.get(feed)]}"
    wanted = {f"site.{site.site}.{name}" for site in plan.power for name in _POWER}
    return found | _measures(assess_energy(factory, plan).measures, wanted)


def _measures(measures: tuple[Measure, ...], wanted: set[str]) -> dict[str, str]:
    """Write some numbers."""
    return {one.id: str(one) for one in measures if one.id in wanted}


def compare(left: Side, right: Side) -> Comparison:
    """Hold two descriptions against each other."""
    changes = tuple(change for section in SECTIONS for change in _changes(section, left.rows[section], right.rows[section]))
    return Comparison(left.name, right.name, changes, tuple(_outlook(left, right)))


def _changes(section: str, left: Rows, right: Rows) -> Iterator[Change]:
    """Give what differs in a section; names in the order of the left, then of the right."""
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield Change(section, name, left.get(name), right.get(name))


def _outlook(left: Side, right: Side) -> Iterator[Change]:
    """Give the figures that a reviewer looks at first."""
    for section, name in (("sovereignty", "level"), ("sovereignty", "ceiling"), ("plan", "gpus"), ("plan", "it_load_watts")):
        yield Change(section, name, left.rows[section].get(name), right.rows[section].get(name))
    counts = [sum(state.startswith("violation") for state in one.rows["findings"].values()) for one in (left, right)]
    yield Change("findings", "violations", str(counts[0]), str(counts[1]))
    for name in ("capex.total.known", "gpu-hour.known"):
        yield Change("cost", name, left.rows["cost"].get(name), right.rows["cost"].get(name))


def _lines(found: Comparison) -> Iterator[str]:
    """Write a comparison."""
    yield from textwrap.wrap(f"- {found.left}", _WIDTH, subsequent_indent="  ")
    yield from textwrap.wrap(f"+ {found.right}", _WIDTH, subsequent_indent="  ")
    for one in found.outlook:
        if one.left == one.right:
            yield from textwrap.wrap(f"  {one.name}: {one.left}", _WIDTH, subsequent_indent="    ")
        else:
            yield from textwrap.wrap(f"! {one.name}: {one.left} -> {one.right}", _WIDTH, subsequent_indent="    ")
    for section in SECTIONS:
        mine = [one for one in found.changes if one.section == section]
        if mine:
            yield ""
            yield f"{section} ({len(mine)})"
            for one in mine:
                yield from _change(one)
    if not found.differs:
        yield "no difference"


def _change(one: Change) -> Iterator[str]:
    """Write one difference: its name, then what stood there and what stands there now."""
    if one.section == "findings":
        mark = "+" if one.left is None else "-" if one.right is None else "!"
        state = one.right if one.left is None else one.left if one.right is None else f"{one.left} -> {one.right}"
        yield from textwrap.wrap(f"  {mark} {one.name} [{state}]", _WIDTH, subsequent_indent="      ")
        return
    yield from textwrap.wrap(f"  {one.name}", _WIDTH, subsequent_indent="      ")
    for mark, value in (("-", one.left), ("+", one.right)):
        if value is not None:
            yield from textwrap.wrap(f"    {mark} {value or '(empty)'}", _WIDTH, subsequent_indent="      ")

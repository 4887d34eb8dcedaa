"""`diff`: two descriptions side by side in fields, plan, findings, sovereignty, power and cost.

Parts of lists are identified by their names, so that a pool that moves up a list has not changed, and one
that is renamed was removed and added. Numbers are compared as they are written, to six significant digits.

    comparison = compare(side(old, plan(old), now=day), side(new, plan(new), now=day))
    comparison.differs, comparison.lines()
"""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from sovereign_ai.assess import Measure
from sovereign_ai.assess.cost import assess_cost
from sovereign_ai.assess.energy import assess_energy
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, summary
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import check
from sovereign_ai.sovereignty import NONE, EvidenceSet, assess_sovereignty
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes

SECTIONS = ("spec", "plan", "findings", "sovereignty", "power", "cost")
"""What is compared, in order."""
_WIDTH = 80
_COST = ("capex.total.known", "year.total.known", "year.energy.known", "gpu-hour.known", "break-even.known")
_POWER = ("it.peak", "it.typical", "pue", "e-dc", "emissions", "ref")
_WORDS = {True: "yes", False: "no", None: "open"}
_OUTLOOK = (
    ("sovereignty", "level"),
    ("sovereignty", "ceiling"),
    ("plan", "gpus"),
    ("plan", "it_load_watts"),
)
"""(Section, name) of the figures that a reviewer looks at first, before violations and cost."""
_OUTLOOK_COST = ("capex.total.known", "gpu-hour.known")
_NAMING_FIELDS = ("name", "to", "data", "scheme")
"""Fields that identify a part of a list, in order of preference."""
Rows = Mapping[str, str]
"""Name to value, as text."""


@frozen_dataclass
class Side:
    """One description, as rows of text by section.

    Attributes:
        name: what the reader calls it.
        rows: section to name to value.
    """

    name: str
    rows: Mapping[str, Rows]


@frozen_dataclass
class FactoryChange:
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
        """Return plain data."""
        return {"section": self.section, "name": self.name, "left": self.left, "right": self.right}


@frozen_dataclass
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
    changes: tuple[FactoryChange, ...]
    outlook: tuple[FactoryChange, ...]

    @property
    def differs(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "left": self.left,
            "right": self.right,
            "differs": self.differs,
            "outlook": [change.to_data() for change in self.outlook],
            "changes": [change.to_data() for change in self.changes],
        }

    def lines(self) -> list[str]:
        """Return the comparison as lines of at most 80 columns."""
        return list(_lines(self))


def compared_side(
    name: str, factory: AIFactory, plan: Plan, *, now: date, evidence: EvidenceSet = NONE
) -> Side:
    """Return the rows of one description that are compared.

    Args:
        name: what the reader calls it.
        factory: the description.
        plan: what follows from it.
        now: the day that counts for waivers, certificates and evidence.
        evidence: what a person adds.
    """
    # Waivers are no part of the description's plain data.
    fields = _flat(factory.to_data())
    for waiver in factory.waivers:
        fields[f"waivers[{waiver.id}]"] = f"{waiver.rule} on {waiver.resource} until {waiver.expires}"
    rows = {
        "spec": fields,
        "plan": _plan_rows(plan),
        "findings": _finding_rows(factory, plan, now),
        "sovereignty": _sovereignty_rows(factory, plan, now, evidence),
        "power": _power_rows(factory, plan),
        "cost": _measure_rows(assess_cost(factory, plan).measures, _COST),
    }
    return Side(name, rows)


def _sovereignty_rows(factory: AIFactory, plan: Plan, now: date, evidence: EvidenceSet) -> dict[str, str]:
    """Return level, ceiling, scores and what the level is limited by."""
    level = assess_sovereignty(factory, plan, now=now, evidence=evidence).verdict
    rows = {
        "level": f"SEAL-{level.level}",
        "ceiling": f"SEAL-{level.ceiling}",
        "open criteria": str(len(level.open)),
    }
    for weights, score in level.scores.items():
        rows[f"score {weights}"] = f"{score} %"
    rows["held by"] = ", ".join(level.governing)
    return rows


def _flat(data: Any, name: str = "") -> dict[str, str]:
    """Flatten plain data to dotted names.

    >>> _flat({"pools": [{"name": "a", "nodes": 2}], "of": ["DE", "FR"]})
    {'pools[a].name': 'a', 'pools[a].nodes': '2', 'of': 'DE, FR'}
    """
    rows: dict[str, str] = {}
    if isinstance(data, dict):
        for part, value in data.items():
            rows |= _flat(value, f"{name}.{part}" if name else str(part))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            rows |= _flat(item, f"{name}[{_item_name(item, index)}]")
    elif isinstance(data, list):
        rows[name] = ", ".join(str(item) for item in data)
    else:
        rows[name] = _scalar(data)
    return rows


def _scalar(value: Any) -> str:
    """Return a value as text; truth values as in YAML and JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _item_name(item: Any, index: int) -> str:
    """Return what identifies an item of a list: its name, else its position."""
    if isinstance(item, dict):
        for key in _NAMING_FIELDS:
            if isinstance(item.get(key), str):
                return str(item[key])
    return str(index)


def _plan_rows(plan: Plan) -> dict[str, str]:
    """Return totals, pools, fabrics, storage, clusters and warnings of a plan."""
    facts = summary(plan)
    rows = {name: f"{value:,}" for name, value in facts["totals"].items()}
    for pool in facts["pools"]:
        for name in ("nodes", "spares", "gpus", "racks"):
            rows[f"pool {pool['pool']} {name}"] = f"{pool[name]:,}"
    for fabric in facts["fabrics"]:
        switches = f"{fabric['leaf']}+{fabric['spine']}+{counted(fabric['core'], 'switch', 'switches')}"
        rows[f"fabric {fabric['name']}"] = f"{switches}, {fabric['oversubscription']}"
    for tier in facts["storage"]:
        name = f"storage {tier['tier']} at {tier['site']}"
        rows[name] = f"{counted(tier['servers'], 'server')}, {Bytes(tier['capacity'])}"
    for cluster in facts["clusters"]:
        name = f"cluster {cluster['cluster']}"
        rows[name] = f"{counted(cluster['nodes'], 'node')}, {counted(cluster['gpus'], 'GPU')}"
    for line in facts["warnings"]:
        rows[f"warning: {line}"] = "there"
    return rows


def _finding_rows(factory: AIFactory, plan: Plan, now: date) -> dict[str, str]:
    """Return every finding of every cluster with its status, sorted."""
    rows: dict[str, str] = {}
    for cluster in plan.clusters:
        bundle = render(factory, plan, cluster.name)
        verdict = check(factory, plan, bundle.objects, now=now, cluster=cluster.name)
        # A finding on the description is in every cluster's verdict; it is kept once.
        for finding in verdict.findings:
            name = f"{finding.rule} {finding.resource} {finding.field}: {finding.message}".strip()
            rows[name] = f"{finding.status} {finding.waiver}".strip()
    return dict(sorted(rows.items()))


def _power_rows(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Return power by site and feed, and the key figures of the energy assessment."""
    rows: dict[str, str] = {}
    wanted: set[str] = set()
    for site in plan.power:
        for feed, watts in site.feeds.items():
            survived = _WORDS[site.survives.get(feed)]
            rows[f"site {site.site} feed {feed}"] = f"{watts / 1000:,.1f} kW, loss survived: {survived}"
        wanted.update(f"site.{site.site}.{name}" for name in _POWER)
    return rows | _measure_rows(assess_energy(factory, plan).measures, wanted)


def _measure_rows(measures: Iterable[Measure], wanted: Container[str]) -> dict[str, str]:
    """Return some numbers of an assessment."""
    return {measure.id: str(measure) for measure in measures if measure.id in wanted}


def compare(left: Side, right: Side) -> Comparison:
    """Compare two descriptions."""
    changes: list[FactoryChange] = []
    for section in SECTIONS:
        changes += _changes(section, left.rows[section], right.rows[section])
    return Comparison(left.name, right.name, tuple(changes), tuple(_outlook(left, right)))


def _changes(section: str, left: Rows, right: Rows) -> Iterator[FactoryChange]:
    """Yield what differs in a section; names in the order of the left, then of the right."""
    # A dictionary keeps the order, and each name once.
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield FactoryChange(section, name, left.get(name), right.get(name))


def _outlook(left: Side, right: Side) -> Iterator[FactoryChange]:
    """Yield the figures that a reviewer looks at first."""
    for section, name in _OUTLOOK:
        yield FactoryChange(section, name, left.rows[section].get(name), right.rows[section].get(name))
    yield FactoryChange("findings", "violations", _violations(left), _violations(right))
    for name in _OUTLOOK_COST:
        yield FactoryChange("cost", name, left.rows["cost"].get(name), right.rows["cost"].get(name))


def _violations(described: Side) -> str:
    """Return the number of a description's violations."""
    states = described.rows["findings"].values()
    return str(sum(state.startswith("violation") for state in states))


def _lines(comparison: Comparison) -> Iterator[str]:
    """Yield a comparison as lines: both names, the outlook, then every change by section."""
    yield from _wrapped(f"- {comparison.left}", "  ")
    yield from _wrapped(f"+ {comparison.right}", "  ")
    for change in comparison.outlook:
        if change.left == change.right:
            yield from _wrapped(f"  {change.name}: {change.left}", "    ")
        else:
            yield from _wrapped(f"! {change.name}: {change.left} -> {change.right}", "    ")
    for section in SECTIONS:
        changes = [change for change in comparison.changes if change.section == section]
        if not changes:
            continue
        yield ""
        yield f"{section} ({len(changes)})"
        for change in changes:
            yield from _change_lines(change)
    if not comparison.differs:
        yield "no difference"


def _wrapped(text: str, indent: str) -> list[str]:
    """Return a text in lines, those after the first with an indent."""
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent)


def _change_lines(change: FactoryChange) -> Iterator[str]:
    """Yield one difference: its name, then its value on the left and on the right."""
    if change.section == "findings":
        # A finding's name is its whole text, so its state follows in the same line.
        yield from _wrapped(f"  {_finding_change(change)}", "      ")
        return
    yield from _wrapped(f"  {change.name}", "      ")
    for mark, value in (("-", change.left), ("+", change.right)):
        if value is not None:
            yield from _wrapped(f"    {mark} {value or '(empty)'}", "      ")


def _finding_change(change: FactoryChange) -> str:
    """Return how a finding changed: new, gone, or with another state."""
    if change.left is None:
        return f"+ {change.name} [{change.right}]"
    if change.right is None:
        return f"- {change.name} [{change.left}]"
    return f"! {change.name} [{change.left} -> {change.right}]"

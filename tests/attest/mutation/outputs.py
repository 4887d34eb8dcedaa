"""Everything that follows from a description, as named outputs, so that two descriptions can be held against
each other.

An output's name says what it is, never of which pool or site: `rule.LNK-001`, `plan.racks.power`,
`figure.site.supply`. Left out are digests, which change with everything, places in the text, and reasons in
words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from sovereign_ai.assess.cables import lengths
from sovereign_ai.assess.cost.order_prices import price_order
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.energy.report import Energy, assess_energy
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.measure import Measure
from sovereign_ai.attest.report.flows import flows
from sovereign_ai.attest.report.gather import certificates
from sovereign_ai.plan.cabling.order import order_cables
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.whole_check import check
from sovereign_ai.sovereignty.report import SovereigntyReport, assess_sovereignty
from sovereign_ai.spec.factory import AIFactory

NOW = date(2026, 11, 24)
_POOL = re.compile(r"\.pool\.[^.]+")
_NAMED = frozenset({"site", "job", "pool", "service", "hall", "tier"})
"""First words of a measure's name under which the second is a name of the description."""
_BY_KIND = frozenset(
    {
        "price",
        "count",
        "system",
        "peak",
        "mfu",
        "failure-rate",
        "rent",
        "device",
        "gpus",
        "memory",
        "bandwidth",
        "wan",
        "lines",
    }
)
"""First words of a measure's name behind which a catalogue name stands."""
_REVISION = re.compile(r"policy revision [0-9a-f]{16}")


@dataclass(frozen=True)
class Outputs:
    """What follows from one description.

    Attributes:
        named: output to its value as canonical text.
        measures: every number by its full name.
    """

    named: Mapping[str, str]
    measures: Mapping[str, Measure]

    def changed(self, other: Outputs) -> set[str]:
        """Give the outputs that differ, numbers that follow from others left out: their inputs tell of
        them.
        """
        return {name for name in {*self.named, *other.named} if self.named.get(name) != other.named.get(name)}


def outputs(factory: AIFactory) -> Outputs:
    """Derive everything from a description."""
    derived = plan(factory)
    energy = assess_energy(factory, derived)
    numbers = _measures(factory, derived, energy)
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for part in (
        _plan(derived),
        _judged(factory, derived),
        _energy(energy),
        _sovereign(factory, derived),
        _told(factory, derived),
    ):
        for name, value in part:
            found[name].append(value)
    for one in numbers.values():
        if not one.formula:
            found[f"figure.{general(one.id)}"].append(one.to_data())
    digests = (factory.digest, factory.waivers_digest, derived.digest)
    return Outputs(
        {name: _text(sorted(_text(value, *digests) for value in values)) for name, values in found.items()},
        numbers,
    )


def _text(value: Any, *digests: str) -> str:
    """Write a value with sorted keys, some digests left out."""
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    for one in digests:
        written = written.replace(one, "digest")
    return _REVISION.sub(
        "policy revision", written
    )  # a digest of the policy's spec, which is compared itself


def general(name: str) -> str:
    """Take names of the description out of a measure's name.

    >>> general("site.fra1.pue"), general("price.dgx-h100")
    ('site.pue', 'price')
    """
    name = _POOL.sub(".pool", name)
    parts = name.split(".")
    if parts[0] == "contract":
        return f"contract.{parts[-1]}"
    if parts[0] in _NAMED:
        return ".".join((parts[0], *parts[2:])) if parts[0] != "tier" else f"tier.{parts[-1]}"
    return parts[0] if parts[0] in _BY_KIND else name


def _measures(factory: AIFactory, derived: Plan, energy: Energy) -> dict[str, Measure]:
    """Give every number of energy, cost and goodput, each once."""
    cost, goodput = assess_cost(factory, derived), assess_goodput(factory, derived, runs=0)
    return {one.id: one for found in (goodput, cost, energy) for one in found.measures}


def _plan(derived: Plan) -> Iterator[tuple[str, Any]]:
    """Give each part of the plan, a list of rows by the fields of its rows."""
    for name, value in derived.to_data().items():
        if name == "spec_digest":
            continue
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            if isinstance(row, dict):
                yield from ((f"plan.{name}.{field}", inner) for field, inner in row.items() if field != "why")
            else:
                yield f"plan.{name}", row


def _judged(factory: AIFactory, derived: Plan) -> Iterator[tuple[str, Any]]:
    """Give objects by kind, and findings by rule."""
    for cluster in derived.clusters:
        bundle = render(factory, derived, cluster.name)
        yield from ((f"object.{one['kind']}", one) for one in bundle.objects)
        for finding in check(factory, derived, bundle.objects, now=NOW, cluster=cluster.name).findings:
            told = (finding.resource, finding.field, finding.message, finding.status, finding.waiver)
            yield f"rule.{finding.rule}", (cluster.name, *told)


def _energy(found: Energy) -> Iterator[tuple[str, Any]]:
    """Give failures, cooling, checks and the European report."""
    yield from ((f"failure.{one.what.split(' ')[0]}", one.to_data()) for one in found.failures)
    yield from (("cooled", one.to_data()) for one in found.cooled)
    yield from ((f"limit.{one.rule.split(' ')[0].rstrip(',')}", one.to_data()) for one in found.checks)
    yield from (("kpi", one) for one in found.kpis)


def _told(factory: AIFactory, derived: Plan) -> Iterator[tuple[str, Any]]:
    """Give what the report shows beside assessments."""
    yield from ((f"flow.{one.kind}", one.to_data()) for one in flows(factory))
    yield from (("cabling", one.to_data()) for one in lengths(factory, derived))
    if factory.cabling is not None:
        lines = price_order(order_cables(factory, derived), {})
        yield from (("order", one.to_data()) for one in lines)
    yield from (("waiver", one.model_dump(mode="json", exclude={"signature"})) for one in factory.waivers)
    yield from (("certificate", one) for one in certificates(factory, NOW))


def _sovereign(factory: AIFactory, derived: Plan) -> Iterator[tuple[str, Any]]:
    """Give parts by layer, drills, sets, exposure, shares, criteria and the items of other frameworks."""
    found: SovereigntyReport = assess_sovereignty(factory, derived, now=NOW)
    yield "perimeter", found.perimeter
    yield from ((f"part.{one.layer}", one.to_data()) for one in found.graph.parts)
    yield from ((f"drill.{one.trigger.kind}", one.to_data()) for one in found.drills)
    yield from ((f"sets.{served}", one.to_data()) for served, one in found.sets.items())
    yield from (("exposure", one.to_data()) for one in found.exposures)
    yield from ((f"share.{one.layer}", one.to_data()) for one in found.concentration)
    yield from (
        (f"criterion.{one.criterion}", (one.number, one.claimed, one.best, one.barred))
        for one in found.answers
    )
    yield "level", found.verdict.to_data()
    for framework in found.frameworks:
        yield from ((f"framework.{framework.id}.{one.id}", one.outcome) for one in framework.items)


def unexplained(before: Outputs, after: Outputs) -> Iterable[str]:
    """Give numbers that changed although they follow in the same way from inputs that did not."""
    for name in before.measures.keys() & after.measures.keys():
        old, new = before.measures[name], after.measures[name]
        same = (old.formula, old.inputs) == (new.formula, new.inputs) and bool(old.inputs)
        moved = (old.value, old.low, old.high, old.basis) != (new.value, new.low, new.high, new.basis)
        if same and moved and all(before.measures[one] == after.measures[one] for one in old.inputs):
            yield name

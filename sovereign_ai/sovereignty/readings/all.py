"""Every reading of one description."""

from __future__ import annotations

from datetime import date

from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.drill import Drill
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.readings.data import data
from sovereign_ai.sovereignty.readings.law import law
from sovereign_ai.sovereignty.readings.operation import operation
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Subject
from sovereign_ai.sovereignty.readings.supply import supply
from sovereign_ai.spec import AIFactory


def readings(
    factory: AIFactory, plan: Plan, graph: Graph, drills: tuple[Drill, ...], now: date
) -> dict[str, CriterionReading]:
    """Return the reading of each criterion to which the description gives one."""
    certificates = factory.operator.certificates
    schemes = tuple(certificate.scheme for certificate in certificates if certificate.expires >= now)
    subject = Subject(factory, plan, graph, drills, schemes)
    results: dict[str, CriterionReading] = {}
    for source in (law, data, operation, supply):
        for reading in source(subject):
            results[reading.criterion] = reading
    return results

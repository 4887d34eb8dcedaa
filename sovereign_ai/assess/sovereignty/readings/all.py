"""Every reading of one description."""

from __future__ import annotations

from datetime import date

from sovereign_ai.assess.sovereignty.drill import Drill
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.assess.sovereignty.readings.data import data
from sovereign_ai.assess.sovereignty.readings.law import law
from sovereign_ai.assess.sovereignty.readings.operation import operation
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Subject
from sovereign_ai.assess.sovereignty.readings.supply import supply
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory


def readings(factory: AIFactory, plan: Plan, graph: Graph, drills: tuple[Drill, ...], now: date) -> dict[str, Reading]:
    """Give the reading of each criterion to which the description says something."""
    schemes = tuple(one.scheme for one in factory.operator.certificates if one.expires >= now)
    subject = Subject(factory, plan, graph, drills, schemes)
    return {one.criterion: one for source in (law, data, operation, supply) for one in source(subject)}

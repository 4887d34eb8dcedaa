r"""The sovereignty report of one factory: graph, drills, exposure, shares, the framework's verdict, and other frameworks.

    report = assess(factory, plan(factory), now=date(2026, 11, 24), evidence=read_evidence("stacks/lab"))
    print("\n".join(report.lines()))

It is a self-assessment of the service perimeter that the description declares. It is no audit, no
certificate, and no legal advice, and it says so in every form it takes.
"""

from __future__ import annotations

from datetime import date

from sovereign_ai.assess.sovereignty.answers import answers, bars_of
from sovereign_ai.assess.sovereignty.concentration import concentration
from sovereign_ai.assess.sovereignty.drill import country_sets, drills, holder_sets, part_sets
from sovereign_ai.assess.sovereignty.evidence import NONE, EvidenceSet
from sovereign_ai.assess.sovereignty.export_control import exposure
from sovereign_ai.assess.sovereignty.found import Found, Sets
from sovereign_ai.assess.sovereignty.frameworks import frameworks
from sovereign_ai.assess.sovereignty.graph import Graph, graph
from sovereign_ai.assess.sovereignty.readings.all import readings
from sovereign_ai.assess.sovereignty.terminal import lines
from sovereign_ai.assess.sovereignty.verdict import verdict
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory


class SovereigntyReport(Found):
    """Everything that is found, and how it is written for a terminal."""

    __slots__ = ()

    def lines(self) -> list[str]:
        """Write it for a terminal of 80 columns."""
        return lines(self)


def assess(factory: AIFactory, plan: Plan, *, now: date, evidence: EvidenceSet = NONE) -> SovereigntyReport:
    """Assess a factory's sovereignty.

    Args:
        factory: the description.
        plan: what follows from it.
        now: the day on which waivers, certificates and evidence must be in force.
        evidence: what a person adds; see `evidence.read_evidence`.
    """
    needs = graph(factory, plan)
    ran = drills(needs)
    read = readings(factory, plan, needs, ran, now)
    found = answers(read, evidence, bars_of(factory, plan, now), now)
    return SovereigntyReport(
        factory=factory.name,
        perimeter=factory.operator.perimeter,
        now=now,
        spec_digest=factory.digest,
        graph=needs,
        drills=ran,
        sets={served: _sets(needs, served) for served in needs.trees},
        exposures=tuple(exposure(name) for name in sorted({system(pool.system).accelerator for pool in factory.pools})),
        concentration=concentration(factory, plan, needs),
        answers=found,
        verdict=verdict(found),
        frameworks=frameworks(factory, plan, needs, ran),
    )


def _sets(needs: Graph, served: str) -> Sets:
    """Give the smallest sets for one service, at once and within a year."""
    return Sets(
        part_sets(needs, served),
        {day: holder_sets(needs, served, day) for day in (0, 365)},
        {day: country_sets(needs, served, day) for day in (0, 365)},
    )

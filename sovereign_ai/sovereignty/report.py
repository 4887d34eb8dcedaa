r"""The sovereignty assessment of a factory: graph, drills, exports, shares, verdict and other frameworks.

    report = assess(factory, plan(factory), now=date(2026, 11, 24), evidence=read_evidence("stacks/lab"))
    print("\n".join(report.lines()))

It is a self-assessment of the service perimeter that the description declares. It is no audit, no certificate
and no legal advice, and every form of the report states so.
"""

from __future__ import annotations

from datetime import date

from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.answers import answers, bars_of
from sovereign_ai.sovereignty.concentration import concentration
from sovereign_ai.sovereignty.drill import country_sets, drills, holder_sets, part_sets
from sovereign_ai.sovereignty.evidence import NONE, EvidenceSet
from sovereign_ai.sovereignty.export_control import exposure
from sovereign_ai.sovereignty.frameworks import frameworks
from sovereign_ai.sovereignty.graph import Graph, graph
from sovereign_ai.sovereignty.parts.hardware import accelerator_names
from sovereign_ai.sovereignty.readings.all import readings
from sovereign_ai.sovereignty.results import AssessmentResults, Sets
from sovereign_ai.sovereignty.terminal import lines
from sovereign_ai.sovereignty.verdict import verdict
from sovereign_ai.spec import AIFactory


class SovereigntyReport(AssessmentResults):
    """All results of a sovereignty assessment, with the report for a terminal."""

    __slots__ = ()

    def lines(self) -> list[str]:
        """Return the lines of the report, of at most 80 columns."""
        return lines(self)


def assess_sovereignty(
    factory: AIFactory, plan: Plan, *, now: date, evidence: EvidenceSet = NONE
) -> SovereigntyReport:
    """Assess a factory's sovereignty.

    Args:
        factory: the description.
        plan: the plan of that description.
        now: the day on which waivers, certificates and evidence must be in force.
        evidence: evidence beside the description; see `evidence.read_evidence`.
    """
    dependencies = graph(factory, plan)
    ran = drills(dependencies)
    read = readings(factory, plan, dependencies, ran, now)
    answered = answers(read, evidence, bars_of(factory, plan, now), now)
    accelerators = accelerator_names(pool.system for pool in factory.pools)
    return SovereigntyReport(
        factory=factory.name,
        perimeter=factory.operator.perimeter,
        now=now,
        spec_digest=factory.digest,
        graph=dependencies,
        drills=ran,
        sets={served: _sets(dependencies, served) for served in dependencies.trees},
        exposures=tuple(exposure(name) for name in accelerators),
        concentration=concentration(factory, plan, dependencies),
        answers=answered,
        verdict=verdict(answered),
        frameworks=frameworks(factory, plan, dependencies, ran),
    )


def _sets(dependencies: Graph, served: str) -> Sets:
    """Return the smallest sets for one service, at once and within a year."""
    days = (0, 365)
    holders = {}
    countries = {}
    for day in days:
        holders[day] = holder_sets(dependencies, served, day)
        countries[day] = country_sets(dependencies, served, day)
    return Sets(part_sets(dependencies, served), holders, countries)

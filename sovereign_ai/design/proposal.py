"""The proposals: for each objective the best design that is planned, judged and assessed without a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from sovereign_ai.assess import GivenValue, Measure
from sovereign_ai.assess.cost import assess_cost, leaves
from sovereign_ai.design.request import DesignRequest, fit_site
from sovereign_ai.design.score import Score
from sovereign_ai.design.search import OBJECTIVES, Candidate, Progress, Search, best_score, search
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, draft, other_watts, plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import RuleVerdict, check
from sovereign_ai.sovereignty import assess_sovereignty
from sovereign_ai.spec import AIFactory, read_data
from sovereign_ai.text import counted

MOST_FAILURES = 5
"""Candidates of an objective that may fail when they are planned whole; their problems are alike."""
_GIGABIT = 10**9
COSTS = ("capex.total.known", "capex.total", "year.total.known", "gpu-hour.known")
"""Measures of the cost assessment that a proposal shows."""


@frozen_dataclass
class Proposal:
    """A complete design.

    Attributes:
        objectives: the objectives for which it is the best.
        shape: the name of the compute fabric's shape.
        data: the description.
        factory: the same, as it was read.
        score: what it costs, draws, survives and depends on.
        costs: measures of the cost assessment, by name.
        switches: switches of all fabrics, and of the compute fabric.
        optics: ends of links of more than 1 Gbps; copper may do for short ones.
        bisection: bits a second of the compute fabric.
        level: the SEAL level that is proven.
        outside: links to the outside by their place, rate and number; empty where none are wanted.
    """

    objectives: list[str]
    shape: str
    data: dict[str, Any]
    factory: AIFactory
    score: Score
    costs: Mapping[str, Measure]
    switches: tuple[int, int]
    optics: int
    bisection: int
    level: int
    outside: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        cost, score = self.score.cost, self.score
        return {
            "best_for": list(self.objectives),
            "shape": self.shape,
            "compute": self.data["fabrics"][0],
            "outside": self.outside,
            "switches": {"all": self.switches[0], "compute": self.switches[1]},
            "optics": self.optics,
            "bisection_bps": self.bisection,
            "it_watts": score.power,
            "network_and_building_eur": {"known": cost.known, "unknown": dict(cost.unknown)},
            "cost": {name: measure.to_data() for name, measure in self.costs.items()},
            "headroom": {
                "bisection_left": float(score.headroom.share),
                "machines_cut_off": score.headroom.cut_off,
            },
            "sovereignty": {
                "level": self.level,
                "ceiling": score.sovereignty.ceiling,
                "score_ceiling": score.sovereignty.score,
                "vendors_of_every_switch": score.sovereignty.vendors,
            },
            "digest": self.factory.digest,
            "description": self.data,
        }

    def to_yaml(self) -> str:
        """Return the description as YAML, with its reasons above it."""
        lines = ["# yaml-language-server: $schema=./factory.schema.json"]
        lines.append(f"# Proposed as the design of {', '.join(_NAMES[name] for name in self.objectives)}.")
        lines.append(
            "# Operator, site, feeds and zones are placeholders unless you gave them: write your own."
        )
        text = yaml.safe_dump(self.data, sort_keys=False, default_flow_style=None, width=110)
        return "\n".join(lines) + "\n" + text


_NAMES = {
    "cost": "least known cost",
    "power": "least power",
    "headroom": "most failure headroom",
    "sovereign": "most sovereign",
}


@frozen_dataclass
class Design:
    """The proposals for a request.

    Attributes:
        request: what is wanted.
        proposals: the designs, each with the objectives that it is the best for.
        tried: compute fabrics that were tried.
        possible: those of them that can be built and are not dominated by one of the same leaf.
        ways: ways to the outside that are not dominated, each tried beside all of them.
        whole: factories that were sized whole.
        failed: problems of designs that turned out impossible or refused by a rule.
    """

    request: DesignRequest
    proposals: tuple[Proposal, ...]
    tried: int
    possible: int
    ways: int
    whole: int
    failed: tuple[Problem, ...]

    def best(self, objective: str) -> int:
        """Return the number of the proposal that is the best for an objective, from 1."""
        for number, proposal in enumerate(self.proposals, start=1):
            if objective in proposal.objectives:
                return number
        # Every objective has a proposal where there is one at all.
        raise KeyError(objective)


@dataclass(slots=True)
class _Finisher:
    """Plans, judges and assesses candidates whole, each once."""

    request: DesignRequest
    given: Mapping[str, GivenValue]
    now: date
    proposals: dict[int, Proposal] = field(default_factory=dict)
    failed: dict[int, list[Problem]] = field(default_factory=dict)

    def finished(self, candidate: Candidate) -> Proposal | None:
        """Return the proposal of a candidate; None where it is impossible or refused."""
        key = id(candidate)
        if key not in self.proposals and key not in self.failed:
            try:
                self.proposals[key] = self._propose(candidate)
            except SpecError as error:
                self.failed[key] = list(error.problems)
        return self.proposals.get(key)

    def _propose(self, candidate: Candidate) -> Proposal:
        """Plan, judge and assess a candidate.

        Raises:
            SpecError: it cannot be planned, or a rule refuses it.
        """
        data = {**self.request.base(), "fabrics": candidate.fabrics}
        if self.request.site is None:
            ample = read_data(data, "design").factory
            drafted, _ = draft(ample)
            # Switches and storage servers: what is not drawn by machines.
            other = other_watts(ample, drafted.sizes, drafted.storage, ample.sites[0].name)
            data = fit_site(data, ample, other)
        factory = read_data(data, "design").factory
        derived = plan(factory, lambda name: Where(field=name))
        self._judge(factory, derived)
        # Prices of switches that this design does not have are no figures of its assessment.
        accepted = leaves(factory, derived, {})
        given = dict(filter(lambda entry: entry[0] in accepted, self.given.items()))
        cost = assess_cost(factory, derived, given)
        verdict = assess_sovereignty(factory, derived, now=self.now).verdict
        score = candidate.score
        # The ranking assessed a small copy: what differs whole was ranked by a wrong figure.
        measured = (verdict.ceiling, best_score(verdict))
        if measured != (score.sovereignty.ceiling, score.sovereignty.score):
            message = f"assessed whole, its SEAL ceiling and score are {measured}, not as ranked"
            raise SpecError(Problem("ranked-wrongly", message))
        return _proposal(candidate, data, factory, derived, _measures(cost.measures), verdict.level)

    def _judge(self, factory: AIFactory, derived: Plan) -> None:
        """Refuse a design that breaks a rule.

        Raises:
            SpecError: every violation.
        """
        objects: list[Any] = []
        # Clusters of a site differ in their nodes alone, of which these objects hold none.
        for cluster in derived.clusters[:1]:
            objects += render(factory, derived, cluster.name).objects
        verdict = check(factory, derived, objects, now=self.now)
        broken = list(_refusals(verdict))
        if broken:
            raise SpecError(broken)


def _refusals(verdict: RuleVerdict) -> Iterator[Problem]:
    """Yield violations as problems."""
    for finding in verdict.findings:
        # Waived findings of the user's own description stay waived.
        if finding.status == "violation":
            yield Problem(finding.rule, finding.message, finding.where, finding.remediation)


def _measures(measures: tuple[Measure, ...]) -> dict[str, Measure]:
    """Return the measures that a proposal shows, by name."""
    shown: dict[str, Measure] = {}
    for measure in measures:
        if measure.id in COSTS:
            shown[measure.id] = measure
    return shown


def _proposal(
    candidate: Candidate,
    data: dict[str, Any],
    factory: AIFactory,
    derived: Plan,
    costs: Mapping[str, Measure],
    level: int,
) -> Proposal:
    """Return a proposal with what its plan counts."""
    switches: Counter[str] = Counter()
    optics = bisection = 0
    outside: dict[str, Any] = {}
    for plane in derived.fabrics:
        if plane.outside:
            outside = _outside(plane)
        switches[plane.role] += len(plane.switches)
        optics += _optics(plane)
        if plane.role == "compute":
            bisection += plane.bisection
    counts = (switches.total(), switches["compute"])
    return Proposal(
        [], candidate.shape, data, factory, candidate.score, costs, counts, optics, bisection, level, outside
    )


def _outside(plane: FabricPlan) -> dict[str, Any]:
    """Return the links to the outside of a plane: the tier that has them, its switches, links and rate."""
    switches = set(plane.outside_links.uppers())
    tier = next(switch.tier for switch in plane.switches if switch.name in switches)
    place = "border-leaf" if tier == "border" else tier
    links = {"links": plane.outside, "link_bps": plane.outside_link}
    return {"fabric": plane.fabric, "at": place, "switches": len(switches), **links}


def _optics(plane: FabricPlan) -> int:
    """Return the ends of links of more than 1 Gbps; those of others at links to the outside are theirs."""
    ends = 0
    if plane.link > _GIGABIT:
        ends += 2 * plane.node_leaf
    if (plane.uplink or plane.link) > _GIGABIT:
        ends += 2 * len(plane.switch_links)
    if plane.outside_link > _GIGABIT:
        ends += plane.outside
    return ends


def design(request: DesignRequest, given: Mapping[str, GivenValue], now: date, progress: Progress) -> Design:
    """Propose complete designs: for each objective the best that can be planned and that no rule refuses.

    Args:
        request: what is wanted.
        given: the user's figures; a price replaces the project's own.
        now: the day of the assessments.
        progress: is called with a line about what is done.

    Raises:
        SpecError: the user's part of the description is wrong, or nothing can be built.
    """
    searched = search(request, given, now, progress)
    finisher = _Finisher(request, given, now)
    proposals: list[Proposal] = []
    for objective in OBJECTIVES:
        progress(f"planning the best design by {objective}")
        proposal = _best(searched, finisher, objective)
        if proposal is None:
            continue
        if proposal not in proposals:
            proposals.append(proposal)
        proposal.objectives.append(objective)
    failed: list[Problem] = []
    for problems in finisher.failed.values():
        failed += problems
    # One objective without a proposal means that the best of the others are not known to be the best.
    if sum(len(proposal.objectives) for proposal in proposals) < len(OBJECTIVES):
        raise SpecError(_impossible(request, searched, failed))
    whole = len(searched.candidates)
    ways = searched.ways
    possible = len(searched.sized) // ways
    return Design(request, tuple(proposals), searched.tried, possible, ways, whole, tuple(failed))


def _best(searched: Search, finisher: _Finisher, objective: str) -> Proposal | None:
    """Return the best design by an objective that is planned without a fault."""
    for number, candidate in enumerate(searched.best(objective)):
        proposal = finisher.finished(candidate)
        if proposal is not None or number == MOST_FAILURES:
            return proposal
    return None


def _impossible(request: DesignRequest, searched: Search, failed: list[Problem]) -> list[Problem]:
    """Return why nothing can be built: the most frequent reasons."""
    reasons = failed or searched.reasons()
    gpus_text = counted(request.gpus, "GPU")
    message = f"no design for {gpus_text} on {request.system.name} of {searched.tried} that were tried"
    hint = "allow more oversubscription, another kind of fabric, or a larger site; the reasons follow"
    return [Problem("no-design", message, hint=hint), *list(dict.fromkeys(reasons))[:4]]

"""Everything that a report says, gathered once from a description and its plan.

    report = gather(factory, plan, now=date(2026, 11, 24), evidence=read_evidence(folder))
    report.ok, report.sovereignty.verdict.level

Nothing here reads a clock or a file: the day, the user's evidence and the text of the description are
arguments. A live observation is the JSON that `verify --json` prints, taken as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Any

import orjson

from sovereign_ai import __version__
from sovereign_ai.assess.cost.report import Cost
from sovereign_ai.assess.cost.report import assess as assess_cost
from sovereign_ai.assess.energy.report import Energy, Hourly
from sovereign_ai.assess.energy.report import assess as assess_energy
from sovereign_ai.assess.goodput.report import Goodput
from sovereign_ai.assess.goodput.report import assess as assess_goodput
from sovereign_ai.assess.sheet import Given
from sovereign_ai.assess.sovereignty.evidence import NONE, EvidenceSet
from sovereign_ai.assess.sovereignty.report import SovereigntyReport
from sovereign_ai.assess.sovereignty.report import assess as assess_sovereignty
from sovereign_ai.attest.report.flows import Flow, flows
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.summary import summary
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.check import check
from sovereign_ai.rules.judge import Finding, Verdict
from sovereign_ai.rules.registry import registry_data
from sovereign_ai.spec.factory import AIFactory

NOTICE = "Self-assessment by sovereign-ai from what the operator declares. No audit, no certificate, no legal advice."
"""What every form of the report says."""
_RUNS = 200


@dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        factory: the description.
        plan: what follows from it.
        now: the day of the report.
        verdicts: cluster to the rules' verdict on its objects.
        objects: cluster to the digest of its objects.
        goodput: what becomes of the jobs' time.
        energy: what is drawn.
        cost: what it costs.
        sovereignty: who can cut it off.
        flows: where data and control go.
        source: text of the description, where it is YAML or JSON; empty for a program.
        observation: what `verify --json` saw; empty where nobody looked.
    """

    factory: AIFactory
    plan: Plan
    now: date
    verdicts: Mapping[str, Verdict]
    objects: Mapping[str, str]
    goodput: Goodput
    energy: Energy
    cost: Cost
    sovereignty: SovereigntyReport
    flows: tuple[Flow, ...]
    source: str
    observation: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether no rule is violated in any cluster."""
        return all(verdict.ok for verdict in self.verdicts.values())

    def findings(self) -> list[tuple[Finding, tuple[str, ...]]]:
        """Give every finding once, with the clusters in which it was found."""
        found: dict[Finding, list[str]] = {}
        for cluster, verdict in self.verdicts.items():
            for finding in verdict.findings:
                found.setdefault(_unplaced(finding), []).append(cluster)
        return [(finding, tuple(found[finding])) for finding in sorted(found, key=lambda one: one.order)]

    @property
    def verdict(self) -> Verdict:
        """The rules' verdict over all clusters: every finding once."""
        return Verdict(tuple(finding for finding, _ in self.findings()))

    def digests(self) -> dict[str, str]:
        """Give the SHA-256 of everything that the report rests on, by name."""
        return {
            "spec": self.factory.digest,
            "waivers": self.factory.waivers_digest,
            "plan": self.plan.digest,
            "rules": rules_digest(),
            **{f"objects/{cluster}": digest for cluster, digest in self.objects.items()},
        }

    def to_data(self) -> dict[str, Any]:
        """Give plain data that is ready for JSON: the same as the page says."""
        return {
            "notice": NOTICE,
            "tool": f"sovereign-ai {__version__}",
            "factory": self.factory.name,
            "date": self.now.isoformat(),
            "ok": self.ok,
            "digests": self.digests(),
            "plan": summary(self.plan),
            "findings": [{**finding.to_data(), "clusters": list(clusters)} for finding, clusters in self.findings()],
            "waivers": [waiver.model_dump(mode="json") for waiver in self.factory.waivers],
            "certificates": certificates(self.factory, self.now),
            "flows": [flow.to_data() for flow in self.flows],
            "energy": self.energy.to_data(),
            "cost": self.cost.to_data(),
            "goodput": self.goodput.to_data(),
            "sovereignty": self.sovereignty.to_data(),
            "observation": dict(self.observation),
        }


def certificates(factory: AIFactory, now: date) -> list[dict[str, Any]]:
    """Give the certificates that the description claims, each with whether it counts on a day; nobody here has seen one."""
    return [{**one.model_dump(mode="json"), "in_force": now <= one.expires} for one in factory.operator.certificates]


def _unplaced(finding: Finding) -> Finding:
    """Keep only the name of a finding's file, so that a report does not depend on the folder in which it is made."""
    file = finding.where.file
    return finding if file is None else replace(finding, where=replace(finding.where, file=PurePath(file).name))


def rules_digest() -> str:
    """Give the SHA-256 of the registry of rules."""
    return hashlib.sha256(orjson.dumps(registry_data(), option=orjson.OPT_SORT_KEYS)).hexdigest()


def gather(
    factory: AIFactory,
    plan: Plan,
    *,
    now: date,
    evidence: EvidenceSet = NONE,
    given: Mapping[str, Mapping[str, Given]] | None = None,
    source: str = "",
    observation: Mapping[str, Any] | None = None,
    hourly: Mapping[str, Hourly] | None = None,
) -> Report:
    """Assess everything.

    Args:
        factory: the description.
        plan: what follows from it.
        now: the day on which waivers, certificates and evidence must be in force.
        evidence: what a person adds to the sovereignty assessment.
        given: `goodput`, `energy` and `cost` to the user's own figures.
        source: text of the description, to which findings are linked.
        observation: what `verify --json` printed.
        hourly: site to its hourly supply and load.

    Raises:
        UsageError: a figure was given that no assessment has, or a series of a site or contract that there is not.
    """
    own = given or {}
    bundles = {cluster.name: render(factory, plan, cluster.name) for cluster in plan.clusters}
    return Report(
        factory=factory,
        plan=plan,
        now=now,
        verdicts={
            name: check(factory, plan, bundle.objects, now=now, cluster=name, where=factory.where) for name, bundle in bundles.items()
        },
        objects={name: bundle.digest for name, bundle in bundles.items()},
        goodput=assess_goodput(factory, plan, own.get("goodput"), _RUNS),
        energy=assess_energy(factory, plan, own.get("energy"), hourly=hourly),
        cost=assess_cost(factory, plan, own.get("cost")),
        sovereignty=assess_sovereignty(factory, plan, now=now, evidence=evidence),
        flows=flows(factory),
        source=source,
        observation=observation or {},
    )

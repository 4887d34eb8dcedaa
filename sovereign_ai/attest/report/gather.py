"""The content of a report, gathered once from a description and its plan.

    report = gather(factory, plan, now=date(2026, 11, 24), evidence=read_evidence(folder))
    report.ok, report.sovereignty.verdict.level

This module reads no clock and no file: the day, the user's evidence and the text of the description are
arguments. A live observation is the JSON that `verify --json` prints, unchanged.
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
from sovereign_ai.assess import GivenValue
from sovereign_ai.assess.cost import Cost, assess_cost
from sovereign_ai.assess.energy import Energy, Hourly, assess_energy
from sovereign_ai.assess.goodput import Goodput, assess_goodput
from sovereign_ai.attest.report.flows import DrawnFlow, flows
from sovereign_ai.attest.report.usage import ReportedUsage
from sovereign_ai.json_members import merged
from sovereign_ai.plan import Plan, summary
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import RuleFinding, RuleVerdict, check, registry_data
from sovereign_ai.sovereignty import NONE, EvidenceSet, SovereigntyReport, assess_sovereignty
from sovereign_ai.spec import AIFactory

NOTICE = (
    "Self-assessment by sovereign-ai from what the operator declares. "
    "No audit, no certificate, no legal advice."
)
"""The notice in every form of the report."""
_RUNS = 200
"""Simulated runs of each job, for the error of its goodput."""


@dataclass(frozen=True)
class Report:
    """The content of a report.

    Attributes:
        factory: the description.
        plan: what follows from it.
        now: the day of the report.
        verdicts: cluster to the rules' verdict on its objects.
        objects: cluster to the digest of its objects.
        goodput: the share of the jobs' time that becomes progress.
        energy: power, cooling, limits and emissions.
        cost: capital and yearly cost.
        sovereignty: dependencies, and who can cut them off.
        flows: flows of data and control between jurisdictions.
        source: text of the description, where it is YAML or JSON; empty for a program.
        observation: the output of `verify --json`; empty without a live observation.
        usage: what tenants used; None where that is not told.
    """

    factory: AIFactory
    plan: Plan
    now: date
    verdicts: Mapping[str, RuleVerdict]
    objects: Mapping[str, str]
    goodput: Goodput
    energy: Energy
    cost: Cost
    sovereignty: SovereigntyReport
    flows: tuple[DrawnFlow, ...]
    source: str
    observation: Mapping[str, Any]
    usage: ReportedUsage | None = None

    @property
    def ok(self) -> bool:
        """Whether no rule is violated in any cluster."""
        return all(verdict.ok for verdict in self.verdicts.values())

    def findings(self) -> list[tuple[RuleFinding, tuple[str, ...]]]:
        """Return every finding once, with the clusters that have it."""
        # A finding on the description is in every cluster's verdict.
        clusters: dict[RuleFinding, list[str]] = {}
        for cluster, verdict in self.verdicts.items():
            for finding in verdict.findings:
                clusters.setdefault(_without_folder(finding), []).append(cluster)
        ordered = sorted(clusters, key=lambda finding: finding.order)
        return [(finding, tuple(clusters[finding])) for finding in ordered]

    @property
    def verdict(self) -> RuleVerdict:
        """The rules' verdict over all clusters: every finding once."""
        return RuleVerdict(tuple(finding for finding, _ in self.findings()))

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of everything that the report rests on, by name."""
        digests = {
            "spec": self.factory.digest,
            "waivers": self.factory.waivers_digest,
            "plan": self.plan.digest,
            "rules": rules_digest(),
        }
        for cluster, digest in self.objects.items():
            digests[f"objects/{cluster}"] = digest
        return digests

    def to_data(self) -> dict[str, Any]:
        """Return plain data that is ready for JSON, with the same content as the page."""
        findings: list[dict[str, Any]] = []
        for finding, clusters in self.findings():
            row = merged(finding.to_data(), {"clusters": list(clusters)})
            findings.append(row)
        return {
            "notice": NOTICE,
            "tool": f"sovereign-ai {__version__}",
            "factory": self.factory.name,
            "date": self.now.isoformat(),
            "ok": self.ok,
            "digests": self.digests(),
            "plan": summary(self.plan),
            "findings": findings,
            "waivers": [waiver.model_dump(mode="json") for waiver in self.factory.waivers],
            "certificates": certificates(self.factory, self.now),
            "flows": [flow.to_data() for flow in self.flows],
            "energy": self.energy.to_data(),
            "cost": self.cost.to_data(),
            "goodput": self.goodput.to_data(),
            "sovereignty": self.sovereignty.to_data(),
            "observation": dict(self.observation),
            **({"usage": self.usage.to_data()} if self.usage else {}),
        }


def certificates(factory: AIFactory, now: date) -> list[dict[str, Any]]:
    """Return the certificates that the description claims, each with whether it is in force on a day.

    No certificate was examined.
    """
    rows: list[dict[str, Any]] = []
    for certificate in factory.operator.certificates:
        row = certificate.model_dump(mode="json")
        row["in_force"] = now <= certificate.expires
        rows.append(row)
    return rows


def _without_folder(finding: RuleFinding) -> RuleFinding:
    """Return a finding without the folder of its file, which differs from one computer to the next."""
    where = finding.where
    if where.file is None:
        return finding
    return replace(finding, where=replace(where, file=PurePath(where.file).name))


def rules_digest() -> str:
    """Return the SHA-256 of the registry of rules."""
    canonical = orjson.dumps(registry_data(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def make_report(
    factory: AIFactory,
    plan: Plan,
    *,
    now: date,
    evidence: EvidenceSet = NONE,
    given: Mapping[str, Mapping[str, GivenValue]] | None = None,
    source: str = "",
    observation: Mapping[str, Any] | None = None,
    hourly: Mapping[str, Hourly] | None = None,
    usage: ReportedUsage | None = None,
) -> Report:
    """Return the report of a description: every assessment, and the rules' verdict on each cluster.

    Args:
        factory: the description.
        plan: what follows from it.
        now: the day on which waivers, certificates and evidence must be in force.
        evidence: what a person adds to the sovereignty assessment.
        given: `goodput`, `energy` and `cost` to the user's own figures.
        source: text of the description, to which findings are linked.
        observation: the output of `verify --json`.
        hourly: site to its hourly supply and load.
        usage: what tenants used.

    Raises:
        UsageError: a figure was given that no assessment has, or a series of an unknown site or contract.
    """
    own = given or {}
    verdicts: dict[str, RuleVerdict] = {}
    objects: dict[str, str] = {}
    for cluster in plan.clusters:
        name = cluster.name
        bundle = render(factory, plan, name)
        objects[name] = bundle.digest
        # With the places of fields, so that a finding links to its line of the description.
        where = factory.where
        verdicts[name] = check(factory, plan, bundle.objects, now=now, cluster=name, where=where)
    return Report(
        factory=factory,
        plan=plan,
        now=now,
        verdicts=verdicts,
        objects=objects,
        goodput=assess_goodput(factory, plan, own.get("goodput"), _RUNS),
        energy=assess_energy(factory, plan, own.get("energy"), hourly=hourly),
        cost=assess_cost(factory, plan, own.get("cost")),
        sovereignty=assess_sovereignty(factory, plan, now=now, evidence=evidence),
        flows=flows(factory),
        source=source,
        observation=observation or {},
        usage=usage,
    )

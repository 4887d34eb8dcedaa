"""The gate before any write: a violation of the rules stops the deployment, whoever starts it."""

from __future__ import annotations

from datetime import UTC, datetime

from sovereign_ai.errors import ExitCode, Problem, SovereignError
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.bundle import Bundle
from sovereign_ai.rules.check import check
from sovereign_ai.rules.judge import Verdict
from sovereign_ai.spec.factory import AIFactory


class ViolationError(SovereignError):
    """The rules forbid what is described: exit code 1."""

    exit_code = ExitCode.FINDINGS


def gate(factory: AIFactory, plan: Plan, bundle: Bundle) -> Verdict:
    """Give the verdict if it allows the deployment.

    Raises:
        ViolationError: every violation that no waiver covers today.
    """
    verdict = check(factory, plan, bundle.objects, now=datetime.now(UTC).date(), cluster=bundle.cluster, where=factory.where)
    if verdict.ok:
        return verdict
    raise ViolationError(
        Problem(finding.rule, f"{finding.resource}: {finding.message}", finding.where, hint=finding.remediation)
        for finding in verdict.violations
    )

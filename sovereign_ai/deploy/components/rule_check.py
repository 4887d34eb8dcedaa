"""The check of the rules before any write: a violation stops the deployment, however it was started."""

from __future__ import annotations

from datetime import UTC, datetime

from sovereign_ai.errors import ExitCode, Problem, SovereignError
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import Bundle
from sovereign_ai.rules import RuleVerdict, check
from sovereign_ai.spec import AIFactory


class ViolationError(SovereignError):
    """The rules forbid what is described: exit code 1."""

    exit_code = ExitCode.FINDINGS


def gate(factory: AIFactory, plan: Plan, bundle: Bundle) -> RuleVerdict:
    """Return the verdict if it allows the deployment.

    Raises:
        ViolationError: every violation that no waiver covers today.
    """
    verdict = check(
        factory,
        plan,
        bundle.objects,
        # Waivers expire: what was allowed yesterday may be a violation today.
        now=datetime.now(UTC).date(),
        cluster=bundle.cluster,
        where=factory.where,
    )
    if verdict.ok:
        return verdict
    problems = []
    for finding in verdict.violations:
        message = f"{finding.resource}: {finding.message}"
        problems.append(Problem(finding.rule, message, finding.where, hint=finding.remediation))
    raise ViolationError(problems)

"""The verdict on a plane of ours of which something is dead.

What died is a finding. If nobody answers because of it, all the rest is unknown; else it was read and judged as ever.

    verdict = verdict_on_dead(parts, factory, plan, bundle, cluster="lab")
    verdict.ok, verdict.unknown     # False, ("devices", "nodes", "objects", "probes")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sovereign_ai.cluster.api_errors import ApiError, UnreachableError
from sovereign_ai.cluster.dead import DeadPart
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.findings import Difference, Finding, changed
from sovereign_ai.verify.verdict import Verdict

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes.bundle import Bundle

UNKNOWN = ("devices", "nodes", "objects", "probes")
"""What only a control plane that answers can tell."""
_SERVER_ERRORS = 500


def may_be_dead(error: ApiError | UnreachableError) -> bool:
    """Tell whether a failed reading can come from a dead control plane: silence, or a server that lacks what it needs."""
    return isinstance(error, UnreachableError) or error.status >= _SERVER_ERRORS


def verdict_on_dead(parts: Sequence[DeadPart], factory: AIFactory, plan: Plan, bundle: Bundle, *, cluster: str) -> Verdict:
    """Judge a plane by its dead parts alone; nothing else is called fine, missing or changed.

    Args:
        parts: what does not run.
        factory: the description.
        plan: what follows from it.
        bundle: what was rendered for this cluster.
        cluster: which of the plan's clusters it is.

    Raises:
        ValueError: no part is dead; then nobody knows why there is no answer.
        KeyError: the plan has no such cluster.
    """
    if not parts:
        raise ValueError("no part is dead")
    return Verdict(
        factory=factory.name,
        cluster=cluster,
        findings=tuple(_finding(part) for part in parts),
        probes=(),
        counts={"objects": len(bundle.objects), "nodes": len(plan.nodes_of(cluster))},
        observed_at=datetime.now(UTC).replace(microsecond=0),
        unknown=UNKNOWN,
    )


def with_dead(verdict: Verdict, parts: Sequence[DeadPart]) -> Verdict:
    """Add what does not run to the verdict on a plane that answers all the same, such as its operator or a worker's container."""
    findings = (*verdict.findings, *(_finding(part) for part in parts))
    return replace(verdict, findings=tuple(sorted(findings, key=lambda finding: finding.order)))


def _finding(part: DeadPart) -> Finding:
    """Make a finding of a dead part."""
    return changed(f"{part.kind}/{part.name}", [Difference("state", "running", part.state)], part.remedy)

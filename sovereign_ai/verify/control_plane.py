"""Judge a local control plane of which a process or container has died.

Each dead part is a finding. If the API server does not answer because of it, everything else is unknown;
otherwise the rest is read and judged as usual.

    verdict = verdict_on_dead(parts, factory, plan, bundle, cluster="lab")
    verdict.ok, verdict.unknown     # False, ("devices", "nodes", "objects", "probes")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sovereign_ai.cluster import DeadComponent
from sovereign_ai.cluster.api import ApiError, UnreachableError
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.findings import ClusterFinding, Difference, changed
from sovereign_ai.verify.verdict import ClusterVerdict

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes import Bundle

UNKNOWN = ("devices", "nodes", "objects", "probes")
"""What only a control plane that answers can report."""
_SERVER_ERRORS = 500


def may_be_dead(error: ApiError | UnreachableError) -> bool:
    """Return whether a failed reading can come from a dead control plane: no answer, or a server error."""
    # An API server whose etcd died still answers, with 500 and above; 4xx is a decision of a healthy server.
    return isinstance(error, UnreachableError) or error.status >= _SERVER_ERRORS


def verdict_on_dead(
    parts: Sequence[DeadComponent], factory: AIFactory, plan: Plan, bundle: Bundle, *, cluster: str
) -> ClusterVerdict:
    """Judge a control plane by its dead parts alone; nothing else is called fine, missing or changed.

    Args:
        parts: what does not run.
        factory: the description.
        plan: what follows from it.
        bundle: what was rendered for this cluster.
        cluster: which of the plan's clusters it is.

    Raises:
        ValueError: no part is dead, so the cause of the silence is unknown.
        KeyError: the plan has no such cluster.
    """
    if not parts:
        raise ValueError("no part is dead")
    return ClusterVerdict(
        factory=factory.name,
        cluster=cluster,
        findings=tuple(map(_finding, parts)),
        probes=(),
        counts={"objects": len(bundle.objects), "nodes": len(plan.nodes_of(cluster))},
        observed_at=datetime.now(UTC).replace(microsecond=0),
        unknown=UNKNOWN,
    )


def with_dead(verdict: ClusterVerdict, parts: Sequence[DeadComponent]) -> ClusterVerdict:
    """Add dead parts, such as a worker's container, to the verdict on a cluster that still answers."""
    findings = [*verdict.findings, *map(_finding, parts)]
    findings.sort(key=lambda finding: finding.order)
    return replace(verdict, findings=tuple(findings))


def _finding(part: DeadComponent) -> ClusterFinding:
    """Return the finding on a dead part."""
    state = Difference("state", "running", part.state)
    return changed(f"{part.kind}/{part.name}", [state], part.remedy)

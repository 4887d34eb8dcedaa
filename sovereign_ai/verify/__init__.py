"""Compare a live cluster with its description, and probe what must run and what must be refused.

Rules of this package:

- `observation.py` is the only reader for verdicts. It sends one LIST request a kind, never a request an
  object.
- `compare.py` and the modules it calls are pure: observed and rendered objects in, findings out, in a stable
  order.
- A comparison is strict by default. A live field that is neither rendered nor a default of the API server is
  a change, because what widens a policy is usually something added.
- A refusal counts only if it names one of the stack's policies. A probe that cannot run has the status
  `skipped` and a reason, and never counts as passed.
- Only probes and published reports write. Probes carry the stack's labels and are deleted whatever happens.

    from sovereign_ai.verify import verify

    verdict = verify(api, factory, plan, bundle, cluster="lab", progress=print)
    for finding in verdict.findings:
        print(finding)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.verify.cluster_audit import AuditResult, audit
    from sovereign_ai.verify.control_plane import may_be_dead, verdict_on_dead, with_dead
    from sovereign_ai.verify.drift import Drift, find_drift
    from sovereign_ai.verify.failing_workloads import find_failing
    from sovereign_ai.verify.findings import Difference, brief
    from sovereign_ai.verify.kinds import BY_LABEL, OBSERVED, UNREAD, WORKLOADS
    from sovereign_ai.verify.manifest_fields import is_applied
    from sovereign_ai.verify.observation import Observed, examples, observe
    from sovereign_ai.verify.openreports import publish
    from sovereign_ai.verify.pods import probe_image
    from sovereign_ai.verify.queue_observation import find_workload, observe_queues
    from sovereign_ai.verify.queue_reason import QueueReason, reason_of
    from sovereign_ai.verify.queue_sequence import reasons_of
    from sovereign_ai.verify.queue_state import QueueState
    from sovereign_ai.verify.queue_submission import tried_pieces, workload_of
    from sovereign_ai.verify.queue_usage import TenantUsage, WorkUsage, by_team, by_tenant, usage_of
    from sovereign_ai.verify.submitted_work import read_work
    from sovereign_ai.verify.verdict import ClusterVerdict, verify
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "cluster_audit": ("AuditResult", "audit"),
            "control_plane": ("may_be_dead", "verdict_on_dead", "with_dead"),
            "drift": ("Drift", "find_drift"),
            "failing_workloads": ("find_failing",),
            "findings": ("Difference", "brief"),
            "kinds": ("BY_LABEL", "OBSERVED", "UNREAD", "WORKLOADS"),
            "manifest_fields": ("is_applied",),
            "observation": ("Observed", "examples", "observe"),
            "openreports": ("publish",),
            "pods": ("probe_image",),
            "queue_observation": ("find_workload", "observe_queues"),
            "queue_reason": ("QueueReason", "reason_of"),
            "queue_sequence": ("reasons_of",),
            "queue_state": ("QueueState",),
            "queue_submission": ("tried_pieces", "workload_of"),
            "queue_usage": ("TenantUsage", "WorkUsage", "by_team", "by_tenant", "usage_of"),
            "submitted_work": ("read_work",),
            "verdict": ("ClusterVerdict", "verify"),
        },
    )

__all__ = [
    "BY_LABEL",
    "OBSERVED",
    "UNREAD",
    "WORKLOADS",
    "AuditResult",
    "ClusterVerdict",
    "Difference",
    "Drift",
    "Observed",
    "QueueReason",
    "QueueState",
    "TenantUsage",
    "WorkUsage",
    "audit",
    "brief",
    "by_team",
    "by_tenant",
    "examples",
    "find_drift",
    "find_failing",
    "find_workload",
    "is_applied",
    "may_be_dead",
    "observe",
    "observe_queues",
    "probe_image",
    "publish",
    "read_work",
    "reason_of",
    "reasons_of",
    "tried_pieces",
    "usage_of",
    "verdict_on_dead",
    "verify",
    "with_dead",
    "workload_of",
]

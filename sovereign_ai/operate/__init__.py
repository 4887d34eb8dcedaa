"""The operator beside a local control plane: it answers whether exceptions count, and keeps access.

One process under the control plane's supervisor, which listens on loopback for the API server and the
supervisor:

* It answers the queries of admission policies about waivers (`answers.py`). The query carries the waiver's
  facts and the clock is the operator's own, so no answer depends on anything that can be stale. While the
  operator is down, or slow, no exception is admitted.
* It opens and closes break-glass access (`grant_controller.py`). A grant is a record in the folder of the
  control plane, with an end (`grants.py`, `records.py`). The operator binds its role while the grant is open
  and unbinds it at its end, and reports both in an event.

It has the rights to do that and no others: it reads no secret, writes no policy, and may bind the roles of
break-glass access alone.

Beside it, and started by a person or a supervisor of theirs, the repair controller (`repair/`) takes machines
with faults out of work, and returns them.

    python -m sovereign_ai.operate FOLDER PORT
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.operate.access import end_access, grant_access, require_operator, require_unused
    from sovereign_ai.operate.grants import AccessGrant, grant_of, make_grant
    from sovereign_ai.operate.jobs.kinds import ServedWork, served_work
    from sovereign_ai.operate.jobs.observed import Work, WorkState, find_work, list_work, read_log
    from sovereign_ai.operate.jobs.submission import (
        cancel,
        for_cluster,
        require_admission,
        scale,
        submit,
        with_command,
        with_simulated_duration,
    )
    from sovereign_ai.operate.labels import locate_nodes, write_labels
    from sovereign_ai.operate.months.comparison import (
        Agreement,
        MonthSeries,
        assessed_jobs,
        compare,
        divide_pools,
        run_series,
    )
    from sovereign_ai.operate.months.metrics import open_metrics
    from sovereign_ai.operate.months.month import Safeguard, VirtualSite, read_site, run_month
    from sovereign_ai.operate.observation import observe
    from sovereign_ai.operate.repair.budgets import Budget, budgets_of
    from sovereign_ai.operate.repair.controller import Done, RepairController
    from sovereign_ai.operate.repair.decide import Act, Cordon, Decision, Machine, Policy, out_of_work
    from sovereign_ai.operate.repair.held_pods import HeldPod, held_text, holds_of_drains
    from sovereign_ai.operate.repair.loop import work
    from sovereign_ai.operate.repair.policies import Policies, one_policy, read_policies
    from sovereign_ai.operate.repair.record import ACCEPTANCE, Record, Step, write_verdict
    from sovereign_ai.operate.repair.view import (
        FATAL_CONDITIONS,
        Place,
        View,
        observe_machines,
        observe_reports,
        places,
    )
    from sovereign_ai.operate.repair.watched import WatchedCluster
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "access": ("end_access", "grant_access", "require_unused", "require_operator"),
            "grants": ("AccessGrant", "grant_of", "make_grant"),
            "jobs.kinds": ("ServedWork", "served_work"),
            "jobs.observed": ("Work", "WorkState", "find_work", "list_work", "read_log"),
            "jobs.submission": (
                "cancel",
                "for_cluster",
                "require_admission",
                "scale",
                "submit",
                "with_command",
                "with_simulated_duration",
            ),
            "labels": ("locate_nodes", "write_labels"),
            "months.comparison": (
                "Agreement",
                "MonthSeries",
                "assessed_jobs",
                "compare",
                "divide_pools",
                "run_series",
            ),
            "months.metrics": ("open_metrics",),
            "months.month": ("Safeguard", "VirtualSite", "read_site", "run_month"),
            "observation": ("observe",),
            "repair.budgets": ("Budget", "budgets_of"),
            "repair.controller": ("Done", "RepairController"),
            "repair.decide": ("Act", "Cordon", "Decision", "Machine", "Policy", "out_of_work"),
            "repair.held_pods": ("HeldPod", "held_text", "holds_of_drains"),
            "repair.loop": ("work",),
            "repair.policies": ("Policies", "one_policy", "read_policies"),
            "repair.record": ("ACCEPTANCE", "Record", "Step", "write_verdict"),
            "repair.view": (
                "FATAL_CONDITIONS",
                "Place",
                "View",
                "observe_machines",
                "observe_reports",
                "places",
            ),
            "repair.watched": ("WatchedCluster",),
        },
    )

__all__ = [
    "ACCEPTANCE",
    "FATAL_CONDITIONS",
    "AccessGrant",
    "Act",
    "Agreement",
    "Budget",
    "Cordon",
    "Decision",
    "Done",
    "HeldPod",
    "Machine",
    "MonthSeries",
    "Place",
    "Policies",
    "Policy",
    "Record",
    "RepairController",
    "Safeguard",
    "ServedWork",
    "Step",
    "View",
    "VirtualSite",
    "WatchedCluster",
    "Work",
    "WorkState",
    "assessed_jobs",
    "budgets_of",
    "cancel",
    "compare",
    "divide_pools",
    "end_access",
    "find_work",
    "for_cluster",
    "grant_access",
    "grant_of",
    "held_text",
    "holds_of_drains",
    "list_work",
    "locate_nodes",
    "make_grant",
    "observe",
    "observe_machines",
    "observe_reports",
    "one_policy",
    "open_metrics",
    "out_of_work",
    "places",
    "read_log",
    "read_policies",
    "read_site",
    "require_admission",
    "require_operator",
    "require_unused",
    "run_month",
    "run_series",
    "scale",
    "served_work",
    "submit",
    "with_command",
    "with_simulated_duration",
    "work",
    "write_labels",
    "write_verdict",
]

"""The plan that follows from a description: every rack, port, cable, address, kilowatt and cluster.

`plan(factory)` in `factory.py` is the only entry point. It is pure and deterministic, and refuses what cannot
be built. `fabric/size.py` has the closed forms, which feasibility checks share with the planner. Every
derived number has a reason: the `why` mappings give the formula and its inputs in words.

    from sovereign_ai.plan import plan
    from sovereign_ai.spec import load

    planned = plan(load("stacks/lab"))
    print(planned.digest, len(planned.nodes))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.plan.addresses import (
        FIRST_HOST,
        Partition,
        Prefix,
        format_address,
        pod_bits,
        with_control_plane,
    )
    from sovereign_ai.plan.clusters import ClusterPlan, Namespace, PoolSlice, devices, pool_shares
    from sovereign_ai.plan.factory import Plan, plan
    from sovereign_ai.plan.feasibility import MOST_MACHINES, Draft, draft, other_watts
    from sovereign_ai.plan.manifests import PlannedManifest, is_of_controller, plan_manifests
    from sovereign_ai.plan.multikueue import (
        SENDING_ACCOUNT,
        Dispatch,
        dispatches,
        kubeconfig_head,
        kueue_namespace,
        sent_pools,
        worker_notes,
        workers_of,
    )
    from sovereign_ai.plan.network_review import network_notes
    from sovereign_ai.plan.nodes import Node
    from sovereign_ai.plan.object_scopes import is_namespaced
    from sovereign_ai.plan.operator_notes import idle_operators
    from sovereign_ai.plan.phases import PhasePlan
    from sovereign_ai.plan.plan_summary import summary
    from sovereign_ai.plan.platform import PlatformContact, PlatformController, plan_platform
    from sovereign_ai.plan.priority_levels import (
        FLOW_PRECEDENCE,
        HAND_SIZE,
        QUEUE_LENGTH,
        QUEUES,
        RequestLevel,
        request_levels,
    )
    from sovereign_ai.plan.queue_gates import gate_notes
    from sovereign_ai.plan.queue_sharing import fair_sharing_notes
    from sovereign_ai.plan.racks import (
        SERVER_UNITS,
        Rack,
        switch_batches,
        switch_kind,
        switch_power,
        switch_units,
        switch_watts,
    )
    from sovereign_ai.plan.rounding import ceil_div
    from sovereign_ai.plan.shapes import RACK_UNITS, Shape, limited_shapes, pool_shapes, spares_of
    from sovereign_ai.plan.spares import CONFIDENCE, poisson_spares
    from sovereign_ai.plan.storage import StoragePlan, tier_sites
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "addresses": (
                "FIRST_HOST",
                "Partition",
                "Prefix",
                "format_address",
                "pod_bits",
                "with_control_plane",
            ),
            "clusters": ("ClusterPlan", "Namespace", "PoolSlice", "devices", "pool_shares"),
            "factory": ("Plan", "plan"),
            "feasibility": ("Draft", "MOST_MACHINES", "draft", "other_watts"),
            "manifests": ("PlannedManifest", "is_of_controller", "plan_manifests"),
            "multikueue": (
                "Dispatch",
                "SENDING_ACCOUNT",
                "dispatches",
                "kubeconfig_head",
                "kueue_namespace",
                "sent_pools",
                "worker_notes",
                "workers_of",
            ),
            "network_review": ("network_notes",),
            "nodes": ("Node",),
            "object_scopes": ("is_namespaced",),
            "operator_notes": ("idle_operators",),
            "phases": ("PhasePlan",),
            "plan_summary": ("summary",),
            "platform": ("PlatformContact", "PlatformController", "plan_platform"),
            "priority_levels": (
                "FLOW_PRECEDENCE",
                "HAND_SIZE",
                "QUEUES",
                "QUEUE_LENGTH",
                "RequestLevel",
                "request_levels",
            ),
            "queue_gates": ("gate_notes",),
            "queue_sharing": ("fair_sharing_notes",),
            "racks": (
                "Rack",
                "SERVER_UNITS",
                "switch_batches",
                "switch_kind",
                "switch_power",
                "switch_units",
                "switch_watts",
            ),
            "rounding": ("ceil_div",),
            "shapes": ("RACK_UNITS", "Shape", "limited_shapes", "pool_shapes", "spares_of"),
            "spares": ("CONFIDENCE", "poisson_spares"),
            "storage": ("StoragePlan", "tier_sites"),
        },
    )

__all__ = [
    "CONFIDENCE",
    "FIRST_HOST",
    "FLOW_PRECEDENCE",
    "HAND_SIZE",
    "MOST_MACHINES",
    "QUEUES",
    "QUEUE_LENGTH",
    "RACK_UNITS",
    "SENDING_ACCOUNT",
    "SERVER_UNITS",
    "ClusterPlan",
    "Dispatch",
    "Draft",
    "Namespace",
    "Node",
    "Partition",
    "PhasePlan",
    "Plan",
    "PlannedManifest",
    "PlatformContact",
    "PlatformController",
    "PoolSlice",
    "Prefix",
    "Rack",
    "RequestLevel",
    "Shape",
    "StoragePlan",
    "ceil_div",
    "devices",
    "dispatches",
    "draft",
    "fair_sharing_notes",
    "format_address",
    "gate_notes",
    "idle_operators",
    "is_namespaced",
    "is_of_controller",
    "kubeconfig_head",
    "kueue_namespace",
    "limited_shapes",
    "network_notes",
    "other_watts",
    "plan",
    "plan_manifests",
    "plan_platform",
    "pod_bits",
    "poisson_spares",
    "pool_shapes",
    "pool_shares",
    "request_levels",
    "sent_pools",
    "spares_of",
    "summary",
    "switch_batches",
    "switch_kind",
    "switch_power",
    "switch_units",
    "switch_watts",
    "tier_sites",
    "with_control_plane",
    "worker_notes",
    "workers_of",
]

"""Local control planes, and the API client for every cluster.

Rules of this package:

- `access.open_cluster` is the only function that opens a kubeconfig. TLS is always verified.
- "Unreachable" never means "absent": only the API server's own answer makes an object absent.
- Every listener is on 127.0.0.1. Secrets are in files of mode 0600 in a folder of mode 0700, and appear in no
  argument list and no log.
- Each cluster has one small supervisor, and none of its processes outlives it.

    from sovereign_ai.cluster.api import open_cluster
    from sovereign_ai.cluster.embedded import down, up

    cluster = up("lab", progress=print)
    api = open_cluster(cluster.kubeconfig)
    nodes = api.list("v1", "Node")
    down("lab")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.cluster.approvers import record_approvers, recorded_approvers
    from sovereign_ai.cluster.busy_cluster import is_busy, while_busy
    from sovereign_ai.cluster.certificate_server import CertificateHandler, CertificateServer, server_context
    from sovereign_ai.cluster.crds import WITHOUT_CONTROLLER, install_crds
    from sovereign_ai.cluster.dead_components import DeadComponent
    from sovereign_ai.cluster.embedded.alerts import ActiveAlert
    from sovereign_ai.cluster.embedded.monitoring import (
        MACHINE_METRICS,
        MONITORING_CA,
        PROMETHEUS_USER,
        description_file,
    )
    from sovereign_ai.cluster.embedded.plane_controllers import PLANE_PROCESSES
    from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION
    from sovereign_ai.cluster.embedded.queue_release import release_queues
    from sovereign_ai.cluster.embedded.queued_jobs import listed, read_queued_jobs
    from sovereign_ai.cluster.eviction_requests import RequestedEviction, requested_evictions
    from sovereign_ai.cluster.evictions import (
        CORDON_OWNER,
        LISTED_ONE_BY_ONE,
        cut_grace,
        deletion_grace,
        evict_pod,
        evictable_pods,
        evictable_pods_on,
        is_ending,
        is_recreated,
        own_grace,
    )
    from sovereign_ai.cluster.guard import GUARDED, KEPT, REPEATED, guard_policies
    from sovereign_ai.cluster.guard_release import released, restore_guard
    from sovereign_ai.cluster.identities import AUTHORIZATION, CLUSTER_CA, SUPERVISOR, kubeconfig, server_url
    from sovereign_ai.cluster.kueue_placements import StalePlacement, find_stale_placements, stale_placements
    from sovereign_ai.cluster.operator import ACCESS_ROLES, LIVENESS_SOCKET, OPERATOR, access_role
    from sovereign_ai.cluster.pki import LOOPBACK, Leaf, authority, sign
    from sovereign_ai.cluster.preflight import WRITES, require_reachable
    from sovereign_ai.cluster.process import Process, socket_address, started_at
    from sovereign_ai.cluster.removed_clusters import authority_of, was_removed
    from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of, read_json, recorded_ports, write_json
    from sovereign_ai.cluster.worker_kubeconfig import make_worker_kubeconfig
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "approvers": ("record_approvers", "recorded_approvers"),
            "busy_cluster": ("is_busy", "while_busy"),
            "certificate_server": ("CertificateHandler", "CertificateServer", "server_context"),
            "crds": ("WITHOUT_CONTROLLER", "install_crds"),
            "dead_components": ("DeadComponent",),
            "embedded.alerts": ("ActiveAlert",),
            "embedded.monitoring": (
                "MACHINE_METRICS",
                "MONITORING_CA",
                "PROMETHEUS_USER",
                "description_file",
            ),
            "embedded.plane_controllers": ("PLANE_PROCESSES",),
            "embedded.pod_stages": ("SIMULATED_DURATION",),
            "embedded.queue_release": ("release_queues",),
            "embedded.queued_jobs": ("listed", "read_queued_jobs"),
            "eviction_requests": ("RequestedEviction", "requested_evictions"),
            "evictions": (
                "CORDON_OWNER",
                "LISTED_ONE_BY_ONE",
                "cut_grace",
                "deletion_grace",
                "evict_pod",
                "evictable_pods",
                "evictable_pods_on",
                "is_ending",
                "is_recreated",
                "own_grace",
            ),
            "guard": ("GUARDED", "KEPT", "REPEATED", "guard_policies"),
            "guard_release": ("released", "restore_guard"),
            "identities": ("AUTHORIZATION", "CLUSTER_CA", "SUPERVISOR", "kubeconfig", "server_url"),
            "operator": ("ACCESS_ROLES", "LIVENESS_SOCKET", "OPERATOR", "access_role"),
            "pki": ("LOOPBACK", "Leaf", "authority", "sign"),
            "preflight": ("WRITES", "require_reachable"),
            "process": ("Process", "socket_address", "started_at"),
            "removed_clusters": ("authority_of", "was_removed"),
            "kueue_placements": ("StalePlacement", "find_stale_placements", "stale_placements"),
            "state": ("ClusterDir", "cluster_dir_of", "read_json", "recorded_ports", "write_json"),
            "worker_kubeconfig": ("make_worker_kubeconfig",),
        },
    )

__all__ = [
    "ACCESS_ROLES",
    "AUTHORIZATION",
    "CLUSTER_CA",
    "CORDON_OWNER",
    "GUARDED",
    "KEPT",
    "LISTED_ONE_BY_ONE",
    "LIVENESS_SOCKET",
    "LOOPBACK",
    "MACHINE_METRICS",
    "MONITORING_CA",
    "OPERATOR",
    "PLANE_PROCESSES",
    "PROMETHEUS_USER",
    "REPEATED",
    "SIMULATED_DURATION",
    "SUPERVISOR",
    "WITHOUT_CONTROLLER",
    "WRITES",
    "ActiveAlert",
    "CertificateHandler",
    "CertificateServer",
    "ClusterDir",
    "DeadComponent",
    "Leaf",
    "Process",
    "RequestedEviction",
    "StalePlacement",
    "access_role",
    "authority",
    "authority_of",
    "cluster_dir_of",
    "cut_grace",
    "deletion_grace",
    "description_file",
    "evict_pod",
    "evictable_pods",
    "evictable_pods_on",
    "find_stale_placements",
    "guard_policies",
    "install_crds",
    "is_busy",
    "is_ending",
    "is_recreated",
    "kubeconfig",
    "listed",
    "make_worker_kubeconfig",
    "own_grace",
    "read_json",
    "read_queued_jobs",
    "record_approvers",
    "recorded_approvers",
    "recorded_ports",
    "release_queues",
    "released",
    "requested_evictions",
    "require_reachable",
    "restore_guard",
    "server_context",
    "server_url",
    "sign",
    "socket_address",
    "stale_placements",
    "started_at",
    "was_removed",
    "while_busy",
    "write_json",
]

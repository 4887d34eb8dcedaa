"""Queues and runtimes that may dispatch a pod elsewhere: Kueue, Volcano, classes of container runtimes."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import K8S, Addon, absent
from sovereign_ai.rules.places.fields import Field

_KUEUE = "kueue.sigs.k8s.io/docs/reference/kueue.v1beta2"

_CLUSTER_QUEUE = Addon(
    "kueue.x-k8s.io",
    "ClusterQueue",
    "queues",
    _KUEUE,
    (*absent("spec.admissionChecks"), Field("spec", "sending-queue")),
)
_ADMISSION_CHECK = Addon(
    "kueue.x-k8s.io",
    "AdmissionCheck",
    "queues",
    _KUEUE,
    (Field("spec", "sending-check"),),
)
# Of each only what the plan has, whoever writes it: the name says which.
_MULTI_KUEUE_CLUSTER = Addon(
    "kueue.x-k8s.io",
    "MultiKueueCluster",
    "queues",
    _KUEUE,
    (Field("metadata.name", "worker-named"), Field("spec", "worker")),
)
_MULTI_KUEUE_CONFIG = Addon(
    "kueue.x-k8s.io",
    "MultiKueueConfig",
    "queues",
    _KUEUE,
    (Field("metadata.name", "worker-of"), Field("spec.clusters[]", "sent-to")),
)
_KUEUE_WORKLOAD = Addon(
    "kueue.x-k8s.io",
    "Workload",
    "queues",
    _KUEUE,
    (
        Field("status.clusterName", "worker-of-namespace"),
        Field("status.nominatedClusterNames[]", "worker-of-namespace"),
    ),
    ("spec.podSets[].template",),
)
_VOLCANO_QUEUE = Addon(
    "scheduling.volcano.sh", "Queue", "queues", "volcano.sh/en/docs/queue", absent("spec.extendClusters")
)
_RUNTIME_CLASS = Addon(
    "node.k8s.io",
    "RuntimeClass",
    "queues",
    f"{K8S}/cluster-resources/runtime-class-v1",
    (Field("handler", "runtime"),),
)
QUEUES = (
    _CLUSTER_QUEUE,
    _ADMISSION_CHECK,
    _MULTI_KUEUE_CLUSTER,
    _MULTI_KUEUE_CONFIG,
    _KUEUE_WORKLOAD,
    _VOLCANO_QUEUE,
    _RUNTIME_CLASS,
)

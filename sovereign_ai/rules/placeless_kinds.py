"""Kinds in which no place can be written, or whose places other rules read where they take effect.

A kind belongs here only if none of its fields names a host, bucket, region, class, handle or another cluster,
as its API reference lists them (kubernetes.io/docs/reference/kubernetes-api for Kubernetes 1.37, and each
project's own reference; read on 2026-11-26). Controllers write many of them in tenants' namespaces.

    >>> ("coordination.k8s.io", "Lease") in {(one.api_group, one.kind) for one in HARMLESS}
    True
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class Harmless:
    """A kind without a place.

    Attributes:
        api_group: its API group; empty for the core group.
        kind: its name.
        resource: its resource, where the API server itself serves it; such requests pass the policy unread.
    """

    api_group: str
    kind: str
    resource: str = ""


_SERVED = """
/Event=events /LimitRange=limitranges /ResourceQuota=resourcequotas
apps/ControllerRevision=controllerrevisions
admissionregistration.k8s.io/MutatingAdmissionPolicy=mutatingadmissionpolicies
admissionregistration.k8s.io/MutatingAdmissionPolicyBinding=mutatingadmissionpolicybindings
admissionregistration.k8s.io/ValidatingAdmissionPolicy=validatingadmissionpolicies
admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding=validatingadmissionpolicybindings
authentication.k8s.io/SelfSubjectReview=selfsubjectreviews authentication.k8s.io/TokenReview=tokenreviews
authorization.k8s.io/LocalSubjectAccessReview=localsubjectaccessreviews
authorization.k8s.io/SelfSubjectAccessReview=selfsubjectaccessreviews
authorization.k8s.io/SelfSubjectRulesReview=selfsubjectrulesreviews
authorization.k8s.io/SubjectAccessReview=subjectaccessreviews
autoscaling/HorizontalPodAutoscaler=horizontalpodautoscalers
certificates.k8s.io/ClusterTrustBundle=clustertrustbundles
certificates.k8s.io/PodCertificateRequest=podcertificaterequests
coordination.k8s.io/Lease=leases coordination.k8s.io/LeaseCandidate=leasecandidates
events.k8s.io/Event=events
internal.apiserver.k8s.io/StorageVersion=storageversions
networking.k8s.io/IngressClass=ingressclasses networking.k8s.io/IPAddress=ipaddresses
networking.k8s.io/ServiceCIDR=servicecidrs policy/PodDisruptionBudget=poddisruptionbudgets
resource.k8s.io/DeviceTaintRule=devicetaintrules
resource.k8s.io/ResourceSlice=resourceslices
scheduling.k8s.io/PriorityClass=priorityclasses scheduling.k8s.io/PodGroup=podgroups
scheduling.k8s.io/Workload=workloads storage.k8s.io/CSINode=csinodes
storage.k8s.io/CSIStorageCapacity=csistoragecapacities
storagemigration.k8s.io/StorageVersionMigration=storageversionmigrations
"""
_ADDED = """
argoproj.io/AppProject
autoscaling.k8s.io/VerticalPodAutoscaler autoscaling.k8s.io/VerticalPodAutoscalerCheckpoint
cilium.io/CiliumIdentity
crd.projectcalico.org/BlockAffinity crd.projectcalico.org/IPAMBlock crd.projectcalico.org/IPAMHandle
gateway.networking.k8s.io/GatewayClass
inference.networking.x-k8s.io/InferenceObjective
kafka.strimzi.io/KafkaTopic kafka.strimzi.io/KafkaUser
kueue.x-k8s.io/Cohort kueue.x-k8s.io/LocalQueue kueue.x-k8s.io/ProvisioningRequestConfig
kueue.x-k8s.io/ResourceFlavor kueue.x-k8s.io/Topology kueue.x-k8s.io/WorkloadPriorityClass
metrics.k8s.io/NodeMetrics metrics.k8s.io/PodMetrics
monitoring.coreos.com/PrometheusRule
openreports.io/ClusterReport openreports.io/Report
resource.nvidia.com/ComputeDomain
scheduling.volcano.sh/PodGroup scheduling.x-k8s.io/ElasticQuota
scheduling.x-k8s.io/PodGroup security.istio.io/PeerAuthentication
wgpolicyk8s.io/ClusterPolicyReport wgpolicyk8s.io/PolicyReport
"""


def _read(rows: str) -> Iterator[Harmless]:
    """Read rows of `group/Kind` or `group/Kind=resource`."""
    for row in rows.split():
        name, _, resource = row.partition("=")
        group, _, kind = name.rpartition("/")
        yield Harmless(group, kind, resource)


HARMLESS: tuple[Harmless, ...] = (*_read(_SERVED), *_read(_ADDED))
"""Every such kind."""

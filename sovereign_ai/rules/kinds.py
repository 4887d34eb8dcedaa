"""The kinds of Kubernetes objects that object rules apply to, and the admission policy of each.

The `group` of a kind is its admission policy. There are few policies, each with many validations, because the
number of policies costs more than that of validations. Pods are alone in theirs, so that no expression there
has to test the kind first.

    >>> KINDS["CronJob"].pod
    'object.spec.jobTemplate.spec.template.spec'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass

Group = Literal[
    "pods",
    "templates",
    "network-policies",
    "network",
    "storage",
    "rights",
    "claims",
    "cluster",
    "nodes",
    "others",
    "",
]
"""The admission policy of a kind; empty for kinds that the API server exempts from admission policies."""


@frozen_dataclass
class ResourceKind:
    """A kind of Kubernetes object.

    Attributes:
        name: its kind.
        api_group: its API group; empty for the core group.
        version: the version that policies name.
        resources: its resources and the subresources by which such an object is written.
        group: its admission policy; empty if it can have none.
        pod: CEL for the pod's specification in it; empty if it holds none.
        namespaced: whether it lies in a namespace.
    """

    name: str
    api_group: str
    version: str
    resources: tuple[str, ...]
    group: Group
    pod: str = ""
    namespaced: bool = True

    @property
    def pod_metadata(self) -> str:
        """Return CEL for the metadata that its pods get."""
        holder = self.pod.removesuffix(".spec")
        return f"{holder}.metadata"

    @property
    def pod_field(self) -> str:
        """Return the dotted path of the pod's specification."""
        return self.pod.removeprefix("object.")


_TEMPLATE = "object.spec.template.spec"
# Pods are alone in their policy, so that no expression there has to ask first which kind it has before it.
# Each subresource by which a pod can be changed is judged.
_POD = ResourceKind(
    "Pod",
    "",
    "v1",
    ("pods", "pods/ephemeralcontainers", "pods/resize", "pods/status"),
    "pods",
    "object.spec",
)

# Objects with a pod template. A controller makes pods from it, which are judged once more.
_POD_TEMPLATE = ResourceKind("PodTemplate", "", "v1", ("podtemplates",), "templates", "object.template.spec")
_REPLICATION_CONTROLLER = ResourceKind(
    "ReplicationController",
    "",
    "v1",
    ("replicationcontrollers", "replicationcontrollers/status"),
    "templates",
    _TEMPLATE,
)
_DAEMON_SET = ResourceKind(
    "DaemonSet", "apps", "v1", ("daemonsets", "daemonsets/status"), "templates", _TEMPLATE
)
_DEPLOYMENT = ResourceKind(
    "Deployment", "apps", "v1", ("deployments", "deployments/status"), "templates", _TEMPLATE
)
_REPLICA_SET = ResourceKind(
    "ReplicaSet", "apps", "v1", ("replicasets", "replicasets/status"), "templates", _TEMPLATE
)
_STATEFUL_SET = ResourceKind(
    "StatefulSet", "apps", "v1", ("statefulsets", "statefulsets/status"), "templates", _TEMPLATE
)
_JOB = ResourceKind("Job", "batch", "v1", ("jobs", "jobs/status"), "templates", _TEMPLATE)
_CRON_JOB = ResourceKind(
    "CronJob",
    "batch",
    "v1",
    ("cronjobs", "cronjobs/status"),
    "templates",
    "object.spec.jobTemplate.spec.template.spec",
)

_NETWORK_POLICY = ResourceKind(
    "NetworkPolicy", "networking.k8s.io", "v1", ("networkpolicies",), "network-policies"
)

# Ways in and out beside network policies.
_SERVICE = ResourceKind("Service", "", "v1", ("services", "services/status"), "network")
_ENDPOINTS = ResourceKind("Endpoints", "", "v1", ("endpoints",), "network")
_ENDPOINT_SLICE = ResourceKind("EndpointSlice", "discovery.k8s.io", "v1", ("endpointslices",), "network")
_INGRESS = ResourceKind("Ingress", "networking.k8s.io", "v1", ("ingresses", "ingresses/status"), "network")
_GATEWAY = ResourceKind(
    "Gateway", "gateway.networking.k8s.io", "v1", ("gateways", "gateways/status"), "network"
)
_HTTP_ROUTE = ResourceKind(
    "HTTPRoute", "gateway.networking.k8s.io", "v1", ("httproutes", "httproutes/status"), "network"
)
_REFERENCE_GRANT = ResourceKind(
    "ReferenceGrant", "gateway.networking.k8s.io", "v1beta1", ("referencegrants",), "network"
)

_PERSISTENT_VOLUME_CLAIM = ResourceKind(
    "PersistentVolumeClaim",
    "",
    "v1",
    ("persistentvolumeclaims", "persistentvolumeclaims/status"),
    "storage",
)
_PERSISTENT_VOLUME = ResourceKind(
    "PersistentVolume",
    "",
    "v1",
    ("persistentvolumes", "persistentvolumes/status"),
    "storage",
    namespaced=False,
)
_STORAGE_CLASS = ResourceKind(
    "StorageClass", "storage.k8s.io", "v1", ("storageclasses",), "storage", namespaced=False
)
_VOLUME_SNAPSHOT_CLASS = ResourceKind(
    "VolumeSnapshotClass",
    "snapshot.storage.k8s.io",
    "v1",
    ("volumesnapshotclasses",),
    "storage",
    namespaced=False,
)

_SERVICE_ACCOUNT = ResourceKind("ServiceAccount", "", "v1", ("serviceaccounts",), "rights")
_SECRET = ResourceKind("Secret", "", "v1", ("secrets",), "rights")
_ROLE = ResourceKind("Role", "rbac.authorization.k8s.io", "v1", ("roles",), "rights")
_ROLE_BINDING = ResourceKind("RoleBinding", "rbac.authorization.k8s.io", "v1", ("rolebindings",), "rights")
_CLUSTER_ROLE = ResourceKind(
    "ClusterRole", "rbac.authorization.k8s.io", "v1", ("clusterroles",), "rights", namespaced=False
)
_CLUSTER_ROLE_BINDING = ResourceKind(
    "ClusterRoleBinding",
    "rbac.authorization.k8s.io",
    "v1",
    ("clusterrolebindings",),
    "rights",
    namespaced=False,
)
_BINDING = ResourceKind("Binding", "", "v1", ("bindings", "pods/binding"), "rights")

_RESOURCE_CLAIM = ResourceKind(
    "ResourceClaim", "resource.k8s.io", "v1", ("resourceclaims", "resourceclaims/status"), "claims"
)
_RESOURCE_CLAIM_TEMPLATE = ResourceKind(
    "ResourceClaimTemplate", "resource.k8s.io", "v1", ("resourceclaimtemplates",), "claims"
)

_NAMESPACE = ResourceKind(
    "Namespace",
    "",
    "v1",
    ("namespaces", "namespaces/finalize", "namespaces/status"),
    "cluster",
    namespaced=False,
)
_NODE = ResourceKind("Node", "", "v1", ("nodes", "nodes/status"), "nodes", namespaced=False)
_CERTIFICATE_SIGNING_REQUEST = ResourceKind(
    "CertificateSigningRequest",
    "certificates.k8s.io",
    "v1",
    (
        "certificatesigningrequests",
        "certificatesigningrequests/approval",
        "certificatesigningrequests/status",
    ),
    "cluster",
    namespaced=False,
)
_CUSTOM_RESOURCE_DEFINITION = ResourceKind(
    "CustomResourceDefinition",
    "apiextensions.k8s.io",
    "v1",
    ("customresourcedefinitions", "customresourcedefinitions/status"),
    "cluster",
    namespaced=False,
)

_FLOW_SCHEMA = ResourceKind(
    "FlowSchema",
    "flowcontrol.apiserver.k8s.io",
    "v1",
    ("flowschemas", "flowschemas/status"),
    "cluster",
    namespaced=False,
)
_PRIORITY_LEVEL = ResourceKind(
    "PriorityLevelConfiguration",
    "flowcontrol.apiserver.k8s.io",
    "v1",
    ("prioritylevelconfigurations", "prioritylevelconfigurations/status"),
    "cluster",
    namespaced=False,
)

# The API server exempts webhook configurations from admission policies, so that none can lock itself in.
_MUTATING_WEBHOOK_CONFIGURATION = ResourceKind(
    "MutatingWebhookConfiguration",
    "admissionregistration.k8s.io",
    "v1",
    ("mutatingwebhookconfigurations",),
    "",
    namespaced=False,
)
_VALIDATING_WEBHOOK_CONFIGURATION = ResourceKind(
    "ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io",
    "v1",
    ("validatingwebhookconfigurations",),
    "",
    namespaced=False,
)

# The order is that in which expressions choose by kind, so rendered policies depend on it.
_ALL = (
    _POD,
    _POD_TEMPLATE,
    _REPLICATION_CONTROLLER,
    _DAEMON_SET,
    _DEPLOYMENT,
    _REPLICA_SET,
    _STATEFUL_SET,
    _JOB,
    _CRON_JOB,
    _NETWORK_POLICY,
    _SERVICE,
    _ENDPOINTS,
    _ENDPOINT_SLICE,
    _INGRESS,
    _GATEWAY,
    _HTTP_ROUTE,
    _REFERENCE_GRANT,
    _PERSISTENT_VOLUME_CLAIM,
    _PERSISTENT_VOLUME,
    _STORAGE_CLASS,
    _VOLUME_SNAPSHOT_CLASS,
    _SERVICE_ACCOUNT,
    _SECRET,
    _ROLE,
    _ROLE_BINDING,
    _CLUSTER_ROLE,
    _CLUSTER_ROLE_BINDING,
    _BINDING,
    _RESOURCE_CLAIM,
    _RESOURCE_CLAIM_TEMPLATE,
    _NAMESPACE,
    _NODE,
    _CERTIFICATE_SIGNING_REQUEST,
    _CUSTOM_RESOURCE_DEFINITION,
    _FLOW_SCHEMA,
    _PRIORITY_LEVEL,
    _MUTATING_WEBHOOK_CONFIGURATION,
    _VALIDATING_WEBHOOK_CONFIGURATION,
)
KINDS: Mapping[str, ResourceKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by its name."""

OTHER = ResourceKind("*", "*", "*", ("*",), "others")
"""Every kind that is not listed by itself: those of add-ons, and those that no rule knows."""

GROUPS: tuple[Group, ...] = (
    "pods",
    "templates",
    "network-policies",
    "network",
    "storage",
    "rights",
    "claims",
    "cluster",
    "nodes",
    "others",
)
TEMPLATES = tuple(kind.name for kind in _ALL if kind.group == "templates")
"""Kinds that hold a pod template."""
PODS = ("Pod", *TEMPLATES)
"""Every kind that holds a pod."""


def kinds_of_group(group: Group) -> tuple[ResourceKind, ...]:
    """Return the kinds of one admission policy."""
    if group == "others":
        return (OTHER,)
    return tuple(kind for kind in _ALL if kind.group == group)


def kind_named(name: str) -> ResourceKind:
    """Return the kind that a check names.

    Raises:
        KeyError: there is none.
    """
    return OTHER if name == OTHER.name else KINDS[name]


def find_kind(api_version: str, kind: str) -> ResourceKind:
    """Return the kind of an object, whatever its version; `OTHER` for one that is not listed by itself."""
    known = KINDS.get(kind)
    group = api_version.rpartition("/")[0]
    # Two groups may have a kind of the same name, such as the Service of Knative.
    if known is None or known.api_group != group:
        return OTHER
    return known

"""The kinds that object rules look at, and the named parts of an object that expressions use.

`group` says which admission policy a kind belongs to: few policies, each with many validations,
because the number of policies costs more than that of validations. Pods stand alone in theirs, so
that no expression there has to ask first which kind it has before it.

    >>> KINDS["CronJob"].pod
    'object.spec.jobTemplate.spec.template.spec'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Group = Literal["pods", "templates", "network-policies", "network", "storage", "rights", "claims", "cluster", ""]
"""The admission policy of a kind; empty for kinds that the API server exempts from admission policies."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of Kubernetes object.

    Attributes:
        name: its kind.
        api_group: its API group; empty for the core group.
        version: the version that policies name.
        resources: its resources with subresources by which such an object is written.
        group: the admission policy it belongs to; empty where there can be none.
        pod: expression of the pod's specification in it; empty where it holds none.
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
        """Expression of the metadata that its pods get."""
        return f"{self.pod.removesuffix('.spec')}.metadata"

    @property
    def pod_field(self) -> str:
        """Dotted path of the pod's specification."""
        return self.pod.removeprefix("object.")


_TEMPLATE = "object.spec.template.spec"
_ALL = (
    Kind("Pod", "", "v1", ("pods", "pods/ephemeralcontainers", "pods/resize"), "pods", "object.spec"),
    Kind("PodTemplate", "", "v1", ("podtemplates",), "templates", "object.template.spec"),
    Kind("ReplicationController", "", "v1", ("replicationcontrollers",), "templates", _TEMPLATE),
    Kind("DaemonSet", "apps", "v1", ("daemonsets",), "templates", _TEMPLATE),
    Kind("Deployment", "apps", "v1", ("deployments",), "templates", _TEMPLATE),
    Kind("ReplicaSet", "apps", "v1", ("replicasets",), "templates", _TEMPLATE),
    Kind("StatefulSet", "apps", "v1", ("statefulsets",), "templates", _TEMPLATE),
    Kind("Job", "batch", "v1", ("jobs",), "templates", _TEMPLATE),
    Kind("CronJob", "batch", "v1", ("cronjobs",), "templates", "object.spec.jobTemplate.spec.template.spec"),
    Kind("NetworkPolicy", "networking.k8s.io", "v1", ("networkpolicies",), "network-policies"),
    Kind("Service", "", "v1", ("services",), "network"),
    Kind("Endpoints", "", "v1", ("endpoints",), "network"),
    Kind("EndpointSlice", "discovery.k8s.io", "v1", ("endpointslices",), "network"),
    Kind("Ingress", "networking.k8s.io", "v1", ("ingresses",), "network"),
    Kind("Gateway", "gateway.networking.k8s.io", "v1", ("gateways",), "network"),
    Kind("HTTPRoute", "gateway.networking.k8s.io", "v1", ("httproutes",), "network"),
    Kind("ReferenceGrant", "gateway.networking.k8s.io", "v1beta1", ("referencegrants",), "network"),
    Kind("PersistentVolumeClaim", "", "v1", ("persistentvolumeclaims",), "storage"),
    Kind("PersistentVolume", "", "v1", ("persistentvolumes",), "storage", namespaced=False),
    Kind("StorageClass", "storage.k8s.io", "v1", ("storageclasses",), "storage", namespaced=False),
    Kind("VolumeSnapshotClass", "snapshot.storage.k8s.io", "v1", ("volumesnapshotclasses",), "storage", namespaced=False),
    Kind("ServiceAccount", "", "v1", ("serviceaccounts",), "rights"),
    Kind("Role", "rbac.authorization.k8s.io", "v1", ("roles",), "rights"),
    Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", ("rolebindings",), "rights"),
    Kind("ClusterRoleBinding", "rbac.authorization.k8s.io", "v1", ("clusterrolebindings",), "rights", namespaced=False),
    Kind("Binding", "", "v1", ("bindings", "pods/binding"), "rights"),
    Kind("ResourceClaim", "resource.k8s.io", "v1", ("resourceclaims",), "claims"),
    Kind("ResourceClaimTemplate", "resource.k8s.io", "v1", ("resourceclaimtemplates",), "claims"),
    Kind("Namespace", "", "v1", ("namespaces",), "cluster", namespaced=False),
    Kind("CertificateSigningRequest", "certificates.k8s.io", "v1", ("certificatesigningrequests",), "cluster", namespaced=False),
    Kind("CustomResourceDefinition", "apiextensions.k8s.io", "v1", ("customresourcedefinitions",), "cluster", namespaced=False),
    Kind("MutatingWebhookConfiguration", "admissionregistration.k8s.io", "v1", ("mutatingwebhookconfigurations",), "", namespaced=False),
    Kind(
        "ValidatingWebhookConfiguration", "admissionregistration.k8s.io", "v1", ("validatingwebhookconfigurations",), "", namespaced=False
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by its name."""

GROUPS: tuple[Group, ...] = ("pods", "templates", "network-policies", "network", "storage", "rights", "claims", "cluster")
TEMPLATES = tuple(kind.name for kind in _ALL if kind.group == "templates")
"""Kinds that hold a pod template."""
PODS = ("Pod", *TEMPLATES)
"""Every kind that holds a pod."""


def of_group(group: Group) -> tuple[Kind, ...]:
    """Give the kinds of one admission policy."""
    return tuple(kind for kind in _ALL if kind.group == group)


def find(api_version: str, kind: str) -> Kind | None:
    """Give the kind of an object, whatever its version; None where no rule looks at it."""
    found = KINDS.get(kind)
    group = api_version.rpartition("/")[0]
    return found if found is not None and found.api_group == group else None

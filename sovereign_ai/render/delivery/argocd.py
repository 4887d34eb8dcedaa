"""Argo CD's objects (argoproj.io/v1alpha1): a project that permits what is rendered, and applications.

Field names and types after the CRDs of Argo CD 3.5.1 (2026-08).

* Sync waves order the objects of an application; they are the phases.
* The project permits every kind that is ever rendered, in every namespace of the factory's clusters, and not
  only what is rendered now: Argo CD does not see an object that its project does not permit, and would leave
  the last role binding of a tenant who is gone.
* Deleting an application or the set deletes nothing in a cluster: there is no finalizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.plan import plan_manifests
from sovereign_ai.render.delivery.phases import phases_of
from sovereign_ai.render.delivery.repository import Repository
from sovereign_ai.render.delivery.retention import annotated, is_kept
from sovereign_ai.render.kubernetes.bundle import KIND_ORDER, Bundle
from sovereign_ai.spec import AIFactory, api_group

_API_VERSION = "argoproj.io/v1alpha1"
_NAMESPACE = "argocd"
_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"
_GROUPS = {
    "Namespace": "",
    "ServiceAccount": "",
    "ResourceQuota": "",
    "LimitRange": "",
    "ConfigMap": "",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io",
    "MutatingAdmissionPolicy": "admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding": "admissionregistration.k8s.io",
    "PriorityClass": "scheduling.k8s.io",
    "RuntimeClass": "node.k8s.io",
    "StorageClass": "storage.k8s.io",
    "FlowSchema": "flowcontrol.apiserver.k8s.io",
    "PriorityLevelConfiguration": "flowcontrol.apiserver.k8s.io",
    "DeviceClass": "resource.k8s.io",
    "ClusterRole": "rbac.authorization.k8s.io",
    "ClusterRoleBinding": "rbac.authorization.k8s.io",
    "Role": "rbac.authorization.k8s.io",
    "RoleBinding": "rbac.authorization.k8s.io",
    "NetworkPolicy": "networking.k8s.io",
    "Topology": "kueue.x-k8s.io",
    "ResourceFlavor": "kueue.x-k8s.io",
    "MultiKueueCluster": "kueue.x-k8s.io",
    "MultiKueueConfig": "kueue.x-k8s.io",
    "AdmissionCheck": "kueue.x-k8s.io",
    "ClusterQueue": "kueue.x-k8s.io",
    "LocalQueue": "kueue.x-k8s.io",
}
"""The API group of each kind that is ever rendered."""
_NAMESPACED = frozenset(
    {
        "ConfigMap",
        "LimitRange",
        "LocalQueue",
        "NetworkPolicy",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    }
)
_SYNC_OPTIONS = (
    "CreateNamespace=false",
    "FailOnSharedResource=true",
    "PruneLast=true",
    "ServerSideApply=true",
)
# A new definition or admission policy takes effect some time after it is written, so one refusal is no end.
_RETRY = {"limit": 5, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"}}


def folders(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    """Yield the cluster's folder with the objects that Argo CD applies from it, their waves among them."""
    objects: list[dict[str, Any]] = []
    for obj, phase in zip(bundle.objects, phases_of(bundle.objects), strict=True):
        objects.append(annotated(obj, _annotations(obj, phase)))
    yield bundle.cluster, Bundle(bundle.cluster, tuple(objects))


def _annotations(obj: dict[str, Any], phase: int) -> dict[str, str]:
    """Return what Argo CD reads from an object of a phase."""
    annotations = {_WAVE: str(phase)}
    if is_kept(obj):
        annotations[_OPTIONS] = "Prune=false,Delete=false"
    return annotations


def objects(factory: AIFactory, clusters: Sequence[str], repository: Repository) -> list[dict[str, Any]]:
    """Return the project and the set of applications.

    Args:
        factory: the description.
        clusters: names of the clusters, under which Argo CD knows them.
        repository: where the files are committed.
    """
    return [_project(factory, clusters, repository), _applications(factory, clusters, repository)]


def _metadata(factory: AIFactory, wave: int) -> dict[str, Any]:
    """Return the metadata of an object in Argo CD's namespace."""
    return {"name": factory.name, "namespace": _NAMESPACE, "annotations": {_WAVE: str(wave)}}


def _project(factory: AIFactory, clusters: Sequence[str], repository: Repository) -> dict[str, Any]:
    """Return the project: one repository, the factory's clusters, and the kinds that are rendered."""
    spec = {
        "description": f"Objects that sovereign-ai rendered for the factory {factory.name}",
        "sourceRepos": [repository.url],
        "destinations": [{"name": cluster, "namespace": "*"} for cluster in clusters],
        "clusterResourceWhitelist": _kinds(factory, namespaced=False),
        "namespaceResourceWhitelist": _kinds(factory, namespaced=True),
    }
    return {
        "apiVersion": _API_VERSION,
        "kind": "AppProject",
        "metadata": _metadata(factory, 0),
        "spec": spec,
    }


def _kinds(factory: AIFactory, *, namespaced: bool) -> list[dict[str, str]]:
    """Return the kinds that are ever rendered, and those of manifests, as a project lists them."""
    kinds: set[tuple[str, str]] = set()
    for kind in KIND_ORDER:
        if (kind in _NAMESPACED) == namespaced:
            kinds.add((kind, _GROUPS[kind]))
    for manifest in plan_manifests(factory):
        if bool(manifest.obj["metadata"].get("namespace")) == namespaced:
            kinds.add((manifest.obj["kind"], api_group(manifest.obj)))
    return [{"group": group, "kind": kind} for kind, group in sorted(kinds)]


def _applications(factory: AIFactory, clusters: Sequence[str], repository: Repository) -> dict[str, Any]:
    """Return the set of applications, one a cluster."""
    elements: list[dict[str, str]] = []
    for cluster in clusters:
        elements.append({"cluster": cluster, "path": repository.below(cluster)})
    template = {
        "metadata": {
            "name": "{{ .cluster }}",
            # The API server itself tells what an apply would change: defaults are no drift then.
            "annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"},
        },
        "spec": _application(factory, repository),
    }
    spec = {
        "goTemplate": True,
        "goTemplateOptions": ["missingkey=error"],
        "generators": [{"list": {"elements": elements}}],
        # A cluster that leaves the description keeps its application, and that its objects.
        "syncPolicy": {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True},
        "template": template,
    }
    return {
        "apiVersion": _API_VERSION,
        "kind": "ApplicationSet",
        "metadata": _metadata(factory, 1),
        "spec": spec,
    }


def _application(factory: AIFactory, repository: Repository) -> dict[str, Any]:
    """Return the spec of the applications."""
    automated = {"prune": True, "selfHeal": factory.drift == "restore", "allowEmpty": False}
    source = {
        "repoURL": repository.url,
        "targetRevision": repository.revision,
        "path": "{{ .path }}",
    }
    return {
        "project": factory.name,
        "source": source,
        "destination": {"name": "{{ .cluster }}"},
        "syncPolicy": {"automated": automated, "syncOptions": list(_SYNC_OPTIONS), "retry": dict(_RETRY)},
    }

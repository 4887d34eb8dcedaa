"""Kinds of add-ons that rules know: the fields in which each can name a place, and its pod templates.

A kind with a table here is permitted if its fields meet their conditions. A kind without one is refused in
zones with a residency policy (`residency_by_default.py`). Each table was written from the reference of the
API (`source`), read on 2026-11-26.

    >>> ADDONS["ray.io/RayJob"].templates[0]
    'spec.rayClusterSpec.headGroupSpec.template'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.cel_literals import is_one_of
from sovereign_ai.rules.field_paths import (
    joined_values,
    lists_of,
    named_values,
    nested,
    template_of_containers,
    template_of_specs,
)
from sovereign_ai.rules.fields import Field, Must
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.placeless_kinds import HARMLESS

Family = Literal["network", "queues", "data", "workloads", "settings"]
"""The subject of a kind; the checks of a family share a message."""


@frozen_dataclass
class Addon:
    """A kind with its fields.

    Attributes:
        api_group: its API group; empty for the core group.
        kind: its name.
        family: its subject.
        source: the address of its reference.
        fields: the fields in which a place can be written.
        templates: paths of the pod templates that it holds.
        specs: paths of pod specifications that it holds without metadata around them.
        containers: paths of containers that stand outside a pod's list of them.
    """

    api_group: str
    kind: str
    family: Family
    source: str
    fields: tuple[Field, ...] = ()
    templates: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return API group and kind."""
        return f"{self.api_group}/{self.kind}"


_K8S = "kubernetes.io/docs/reference/kubernetes-api"
_CILIUM = "docs.cilium.io/en/stable/network/kubernetes/policy"
_ISTIO = "istio.io/latest/docs/reference/config/networking"
_CALICO = "docs.tigera.io/calico/latest/reference/resources"
_GATEWAY = "gateway-api.sigs.k8s.io/reference/spec"
_POLICY = "network-policy-api.sigs.k8s.io/reference/spec"
_KUEUE = "kueue.sigs.k8s.io/docs/reference/kueue.v1beta2"
_RAY = "ray-project.github.io/kuberay/reference/api"
_TRAINING = "kubeflow.org/docs/components/trainer/legacy-v1/reference"
_SNAPSHOTS = "kubernetes-csi.github.io/docs/snapshot-restore-feature.html"
_MONITORING = "prometheus-operator.dev/docs/api-reference/api"


def _absent(*paths: str) -> tuple[Field, ...]:
    """Return fields that must be left out."""
    return tuple(Field(path, "absent") for path in paths)


def _places(*paths: str) -> tuple[Field, ...]:
    """Return fields that hold a host or a URL."""
    return tuple(Field(path, "place") for path in paths)


def _below(prefixes: Iterable[str], fields: Iterable[Field]) -> tuple[Field, ...]:
    """Return fields below each of some paths."""
    listed = tuple(fields)
    moved: list[Field] = []
    for prefix in prefixes:
        moved += [Field(f"{prefix}.{field.path}", field.must, field.words) for field in listed]
    return tuple(moved)


# Network languages beside Kubernetes' own: all of them add to what network policies open.
_CILIUM_PEERS = _absent(
    "egress[].toFQDNs",
    "egress[].toEntities",
    "egress[].toServices",
    "egress[].toNodes",
    "egress[].toGroups",
    "ingress[].fromEntities",
    "ingress[].fromNodes",
    "ingress[].fromGroups",
    # A listener redirects traffic to an Envoy that a CiliumEnvoyConfig configures.
    "egress[].toPorts[].listener",
    "ingress[].toPorts[].listener",
)
_CILIUM_RANGES = (Field("egress[].toCIDR[]", "range"), Field("egress[].toCIDRSet[].cidr", "range"))
_CILIUM_REFERENCES = _absent(
    "egress[].toCIDRSet[].cidrGroupRef",
    "egress[].toCIDRSet[].cidrGroupSelector",
    "ingress[].fromCIDR",
    "ingress[].fromCIDRSet",
    "ingress[].fromRequires",
    "egress[].toRequires",
)
_CILIUM_SIDES = (
    *_CILIUM_PEERS,
    *_CILIUM_RANGES,
    *_CILIUM_REFERENCES,
    Field("egress[]", "cilium-peer"),
    Field("ingress[]", "cilium-peer"),
)
_CILIUM_OWN = (
    # An expression such as `NotIn` may select pods of other namespaces.
    *_absent("egress[].toEndpoints[].matchExpressions", "ingress[].fromEndpoints[].matchExpressions"),
    Field("egress[]", "cilium-egress"),
    Field("ingress[].fromEndpoints[].matchLabels", "cilium-own"),
    # The agent reads secrets of every namespace.
    *_absent(
        "egress[].toPorts[].terminatingTLS",
        "egress[].toPorts[].originatingTLS",
        "ingress[].toPorts[].terminatingTLS",
        "ingress[].toPorts[].originatingTLS",
    ),
)
# A cluster-wide policy has no namespace of its own that its peers could be in.
_CILIUM_CLUSTERWIDE = _absent("egress[].toEndpoints", "ingress[].fromEndpoints")
# Either field may hold the policy.
_CILIUM_SPECS = ("spec", "specs[]")
_CILIUM_POLICY = Addon(
    "cilium.io",
    "CiliumNetworkPolicy",
    "network",
    _CILIUM,
    _below(_CILIUM_SPECS, (*_CILIUM_SIDES, *_CILIUM_OWN)),
)
_CILIUM_CLUSTERWIDE_POLICY = Addon(
    "cilium.io",
    "CiliumClusterwideNetworkPolicy",
    "network",
    _CILIUM,
    _below(_CILIUM_SPECS, (*_CILIUM_SIDES, *_CILIUM_CLUSTERWIDE)),
)

# What agents and operators of the network plugin write: where other machines and their pods are.
_CILIUM_API = "docs.cilium.io/en/stable/network/kubernetes/ciliumendpoint"
_CILIUM_PLACES = (
    Field("networking.node", "private"),
    Field("networking.addressing[].ipv4", "private"),
    Field("networking.addressing[].ipv6", "private"),
)
_CILIUM_NODE = Addon(
    "cilium.io",
    "CiliumNode",
    "network",
    _CILIUM_API,
    (
        Field("spec.addresses[].ip", "private"),
        Field("spec.health.ipv4", "private"),
        Field("spec.health.ipv6", "private"),
        Field("spec.ingress.ipv4", "private"),
        Field("spec.ingress.ipv6", "private"),
    ),
)
_CILIUM_ENDPOINT = Addon(
    "cilium.io", "CiliumEndpoint", "network", _CILIUM_API, _below(("status",), _CILIUM_PLACES)
)
_CILIUM_ENDPOINT_SLICE = Addon(
    "cilium.io", "CiliumEndpointSlice", "network", _CILIUM_API, _below(("endpoints[]",), _CILIUM_PLACES)
)
_CILIUM_NODE_CONFIG = Addon(
    "cilium.io",
    "CiliumNodeConfig",
    "network",
    "docs.cilium.io/en/stable/configuration/per-node-config",
    (Field("spec.defaults", "agent"),),
)

# Only actions that narrow are permitted: `Allow` may take precedence over network policies.
_NARROWING = ("Deny", "Pass")
_POLICY_FIELDS = (
    Field("spec.ingress[].action", "one-of", _NARROWING),
    Field("spec.egress[].action", "one-of", _NARROWING),
)


def _admin_policy(kind: str) -> Addon:
    """Return a kind of the network policy API for administrators."""
    return Addon("policy.networking.k8s.io", kind, "network", _POLICY, _POLICY_FIELDS)


_CALICO_NARROWING = ("Deny", "Log")
_CALICO_FIELDS = (
    Field("spec.ingress[].action", "one-of", _CALICO_NARROWING),
    Field("spec.egress[].action", "one-of", _CALICO_NARROWING),
)
# The first group stores what the second one serves.
_CALICO_GROUPS = ("crd.projectcalico.org", "projectcalico.org")
_CALICO_KINDS = ("GlobalNetworkPolicy", "NetworkPolicy", "StagedNetworkPolicy")


def _calico_policies() -> tuple[Addon, ...]:
    """Return the policy kinds of Calico in both of its API groups."""
    policies: list[Addon] = []
    for group in _CALICO_GROUPS:
        policies += [Addon(group, kind, "network", _CALICO, _CALICO_FIELDS) for kind in _CALICO_KINDS]
    return tuple(policies)


_SERVICE_ENTRY_FIELDS = (
    *_places("spec.hosts[]", "spec.endpoints[].address"),
    Field("spec.addresses[]", "range"),
    # `.` is the own namespace: other namespaces have declared no such flow.
    Field("spec", "own-mesh"),
    *_absent("spec.endpoints[].network"),
)
_SERVICE_ENTRY = Addon(
    "networking.istio.io", "ServiceEntry", "network", f"{_ISTIO}/service-entry", _SERVICE_ENTRY_FIELDS
)
_VIRTUAL_SERVICE_FIELDS = (
    *_places(
        "spec.http[].route[].destination.host",
        "spec.tcp[].route[].destination.host",
        "spec.tls[].route[].destination.host",
        "spec.http[].mirror.host",
        "spec.http[].mirrors[].destination.host",
        "spec.http[].redirect.authority",
        "spec.http[].rewrite.authority",
    ),
    Field("spec.http[].delegate.namespace", "own-namespace"),
    Field("spec", "own-hosts"),
)
_VIRTUAL_SERVICE = Addon(
    "networking.istio.io",
    "VirtualService",
    "network",
    f"{_ISTIO}/virtual-service",
    _VIRTUAL_SERVICE_FIELDS,
)
_DESTINATION_RULE = Addon(
    "networking.istio.io",
    "DestinationRule",
    "network",
    f"{_ISTIO}/destination-rule",
    (
        *_places("spec.host"),
        Field("spec", "own-hosts"),
        # All requests to the host go to the tunnel's end first.
        *_absent("spec.trafficPolicy.tunnel", "spec.subsets[].trafficPolicy.tunnel"),
    ),
)

_AUTHORIZATION_POLICY = Addon(
    "security.istio.io",
    "AuthorizationPolicy",
    "network",
    "istio.io/latest/docs/reference/config/security/authorization-policy",
    # `CUSTOM` asks a server that the mesh's own configuration names.
    (Field("spec.action", "one-of", ("", "ALLOW", "AUDIT", "DENY")), *_absent("spec.provider")),
)

BACKEND = (
    Field("namespace", "own-namespace"),
    Field("kind", "one-of", ("", "Service")),
    Field("group", "one-of", ("",)),
)
"""Conditions on a reference to a backend of a route: it must be a service of the own namespace."""
_MIRROR = _below(("requestMirror.backendRef",), BACKEND)
_FILTERS = (
    *_MIRROR,
    *_places("requestRedirect.hostname", "urlRewrite.hostname"),
    *_absent("extensionRef", "externalAuth"),
)
_BACKEND_FILTERS = (
    *_MIRROR,
    *_absent("requestRedirect.hostname", "urlRewrite.hostname", "extensionRef", "externalAuth"),
)
ROUTE = (
    Field("spec.parentRefs[].namespace", "own-namespace"),
    *_below(("spec.rules[].backendRefs[]",), BACKEND),
    *_below(("spec.rules[].filters[]",), _FILTERS),
    *_below(("spec.rules[].backendRefs[].filters[]",), _BACKEND_FILTERS),
)
"""Fields by which a route of the Gateway API can lead elsewhere."""


def _route(kind: str) -> Addon:
    """Return a route kind of the Gateway API."""
    return Addon("gateway.networking.k8s.io", kind, "network", _GATEWAY, ROUTE)


_INFERENCE_POOL = Addon(
    "inference.networking.k8s.io",
    "InferencePool",
    "network",
    "gateway-api-inference-extension.sigs.k8s.io/reference/spec",
    (
        # Whoever picks the endpoints sees every request: a service of the own namespace does.
        Field("spec.endpointPickerRef.group", "one-of", ("",)),
        Field("spec.endpointPickerRef.kind", "one-of", ("", "Service")),
    ),
)

_API_SERVICE_FIELDS = (
    # The API server sends whole requests to the service, with the identity of the user.
    Field("spec.service.namespace", "no-tenant"),
    Field("spec.insecureSkipTLSVerify", "unset"),
)
_API_SERVICE = Addon(
    "apiregistration.k8s.io",
    "APIService",
    "network",
    f"{_K8S}/cluster-resources/api-service-v1",
    _API_SERVICE_FIELDS,
)

# Queues and runtimes that may dispatch a pod elsewhere.
_CLUSTER_QUEUE = Addon(
    "kueue.x-k8s.io",
    "ClusterQueue",
    "queues",
    _KUEUE,
    (*_absent("spec.admissionChecks"), Field("spec", "sending-queue")),
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
    "scheduling.volcano.sh", "Queue", "queues", "volcano.sh/en/docs/queue", _absent("spec.extendClusters")
)
_RUNTIME_CLASS = Addon(
    "node.k8s.io",
    "RuntimeClass",
    "queues",
    f"{_K8S}/cluster-resources/runtime-class-v1",
    (Field("handler", "runtime"),),
)

# Data named by a handle: a handle may be that of any volume or snapshot at the storage system.
_SNAPSHOT_GROUP = "snapshot.storage.k8s.io"
_GROUP_SNAPSHOT_GROUP = "groupsnapshot.storage.k8s.io"
_PARAMETERS = (Field("parameters", "parameters"),)
_SNAPSHOT = Addon(
    _SNAPSHOT_GROUP,
    "VolumeSnapshot",
    "data",
    _SNAPSHOTS,
    _absent("spec.source.volumeSnapshotContentName"),
)
_SNAPSHOT_CONTENT = Addon(
    _SNAPSHOT_GROUP, "VolumeSnapshotContent", "data", _SNAPSHOTS, _absent("spec.source.snapshotHandle")
)
_GROUP_SNAPSHOT = Addon(
    _GROUP_SNAPSHOT_GROUP,
    "VolumeGroupSnapshot",
    "data",
    _SNAPSHOTS,
    _absent("spec.source.volumeGroupSnapshotContentName"),
)
_GROUP_SNAPSHOT_CONTENT = Addon(
    _GROUP_SNAPSHOT_GROUP,
    "VolumeGroupSnapshotContent",
    "data",
    _SNAPSHOTS,
    _absent("spec.source.groupSnapshotHandles"),
)
_GROUP_SNAPSHOT_CLASS = Addon(
    _GROUP_SNAPSHOT_GROUP, "VolumeGroupSnapshotClass", "data", _SNAPSHOTS, _PARAMETERS
)
_VOLUME_ATTRIBUTES_CLASS = Addon(
    "storage.k8s.io",
    "VolumeAttributesClass",
    "data",
    f"{_K8S}/config-and-storage-resources/volume-attributes-class-v1",
    _PARAMETERS,
)

# A volume that nobody claims, such as a share of NFS, stands in the attachment itself.
_VOLUME_ATTACHMENT = Addon(
    "storage.k8s.io",
    "VolumeAttachment",
    "data",
    f"{_K8S}/config-and-storage-resources/volume-attachment-v1",
    _absent("spec.source.inlineVolumeSpec"),
)
# The kubelet hands the driver a token of each pod, for this audience.
_CSI_DRIVER = Addon(
    "storage.k8s.io",
    "CSIDriver",
    "data",
    f"{_K8S}/config-and-storage-resources/csi-driver-v1",
    _places("spec.tokenRequests[].audience"),
)
_DEVICE_CLASS = Addon(
    "resource.k8s.io",
    "DeviceClass",
    "data",
    f"{_K8S}/workload-resources/device-class-v1",
    (Field("spec.config[].opaque.parameters", "opaque"),),
)

# Workloads with pod templates.
_RAY_PODS = ("headGroupSpec.template", "workerGroupSpecs[].template")
# `managedBy` hands a job over to MultiKueue, which runs it in another cluster. Each specification within
# another has the field too.
_RAY_CONTROLLER = ("", "ray.io/kuberay-operator")
_RAY_MANAGED = Field("spec.managedBy", "one-of", _RAY_CONTROLLER)
_RAY_FIELDS = (
    Field("managedBy", "one-of", _RAY_CONTROLLER),
    *_places("gcsFaultToleranceOptions.redisAddress"),
    # Arguments of `ray start`, by their names.
    Field("headGroupSpec.rayStartParams", "named"),
    Field("workerGroupSpecs[].rayStartParams", "named"),
    Field("autoscalerOptions.env[]", "variable"),
    Field("headServiceAnnotations{}", "text"),
    # The head service may be of any type, with any annotation.
    *_absent("headGroupSpec.headService"),
    Field("headGroupSpec.enableIngress", "unset"),
    Field("headGroupSpec.serviceType", "one-of", ("", "ClusterIP")),
    Field("autoscalerOptions.image", "image"),
)


def _ray(kind: str, inner: str, *more: Field, templates: tuple[str, ...] = ()) -> Addon:
    """Return a kind of KubeRay.

    Args:
        kind: its name.
        inner: path of the Ray cluster's specification in it.
        more: its other fields.
        templates: paths of its other pod templates.
    """
    pods = tuple(f"{inner}.{path}" for path in _RAY_PODS)
    fields = (*_below((inner,), _RAY_FIELDS), *more)
    return Addon("ray.io", kind, "workloads", _RAY, fields, (*pods, *templates))


_RAY_CLUSTER = _ray("RayCluster", "spec")
_RAY_JOB = _ray(
    "RayJob",
    "spec.rayClusterSpec",
    Field("spec.runtimeEnvYAML", "text"),
    Field("spec.entrypoint", "text"),
    *_absent("spec.clusterSelector"),
    _RAY_MANAGED,
    templates=("spec.submitterPodTemplate",),
)
_RAY_SERVICE = _ray(
    "RayService",
    "spec.rayClusterConfig",
    Field("spec.serveConfigV2", "text"),
    *_absent("spec.serveService"),
    _RAY_MANAGED,
)


def _training(kind: str, replicas: str) -> Addon:
    """Return a job kind of the training operator."""
    managed = Field("spec.runPolicy.managedBy", "one-of", ("", "kubeflow.org/training-operator"))
    elastic = "spec.elasticPolicy"
    fields = (
        managed,
        *_places(f"{elastic}.rdzvHost"),
        Field(f"{elastic}.rdzvConf[].value", "text"),
    )
    templates = (f"spec.{replicas}{{}}.template",)
    return Addon("kubeflow.org", kind, "workloads", _TRAINING, fields, templates)


# Kueue sends the pods of a TrainJob to their machines by such a patch. Whatever else one could change is as
# the runtime has it: containers, volumes and accounts.
_PATCHED = "spec.runtimePatches[].trainingRuntimeSpec"
_PATCHED_PODS = f"{_PATCHED}.template.spec.replicatedJobs[].template.spec.template.spec"
_TRAIN_JOB_PATCHES = (
    Field(_PATCHED, "allowed-keys", ("template",)),
    Field(f"{_PATCHED}.template.spec", "allowed-keys", ("replicatedJobs",)),
    Field(
        _PATCHED_PODS,
        "allowed-keys",
        ("affinity", "nodeSelector", "schedulingGates", "securityContext", "tolerations"),
    ),
)
_TRAIN_JOB_FIELDS = (
    Field("spec.trainer.image", "image"),
    Field("spec.trainer.env[]", "variable"),
    Field("spec.trainer.args", "command"),
    Field("spec.trainer.command", "command"),
    *_places("spec.initializer.dataset.storageUri", "spec.initializer.model.storageUri"),
    Field("spec.initializer.dataset.env[]", "variable"),
    Field("spec.initializer.model.env[]", "variable"),
    *_absent("spec.podTemplateOverrides"),
    *_TRAIN_JOB_PATCHES,
    Field("spec.managedBy", "manager", ("", "trainer.kubeflow.org/trainjob-controller")),
)
_TRAIN_JOB = Addon(
    "trainer.kubeflow.org",
    "TrainJob",
    "workloads",
    "www.kubeflow.org/docs/components/trainer",
    _TRAIN_JOB_FIELDS,
)
_NOTEBOOK = Addon(
    "kubeflow.org",
    "Notebook",
    "workloads",
    "www.kubeflow.org/docs/components/notebooks",
    (),
    ("spec.template",),
)
_JOB_SET_CONTROLLERS = ("", "jobset.sigs.k8s.io/jobset-controller")
_JOB_CONTROLLERS = ("", "kubernetes.io/job-controller")
_JOB_SET_FIELDS = (
    Field("spec.managedBy", "manager", _JOB_SET_CONTROLLERS),
    Field("spec.replicatedJobs[].template.spec.managedBy", "one-of", _JOB_CONTROLLERS),
    Field("spec.volumeClaimPolicies[].templates[].spec.storageClassName", "class"),
)
_JOB_SET = Addon(
    "jobset.x-k8s.io",
    "JobSet",
    "workloads",
    "jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2",
    _JOB_SET_FIELDS,
    ("spec.replicatedJobs[].template.spec.template",),
)
_LEADER_WORKER_CLASS = "spec.leaderWorkerTemplate.volumeClaimTemplates[].spec.storageClassName"
_LEADER_WORKER_SET = Addon(
    "leaderworkerset.x-k8s.io",
    "LeaderWorkerSet",
    "workloads",
    "lws.sigs.k8s.io/docs/reference/leaderworkerset.v1",
    (Field(_LEADER_WORKER_CLASS, "class"),),
    ("spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"),
)
_VOLCANO_JOB = Addon(
    "batch.volcano.sh",
    "Job",
    "workloads",
    "volcano.sh/en/docs/vcjob",
    (*_absent("spec.volumes"), Field("spec.plugins{}", "command")),
    ("spec.tasks[].template",),
)
_ROLLOUT = Addon(
    "argoproj.io",
    "Rollout",
    "workloads",
    "argo-rollouts.readthedocs.io/en/stable/features/specification",
    (),
    ("spec.template",),
)

_KSERVE_PODS = ("spec.predictor", "spec.transformer", "spec.explainer", "spec.canary[].predictor")


# Each framework has a field of its own beside `model`, with the same content.
_KSERVE_FRAMEWORKS = (
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)
_KSERVE_EXPLAINERS = ("art", "alibi")
_KSERVE_ENGINE = (
    *_places("storageUri"),
    Field("env[]", "variable"),
    Field("args", "command"),
    Field("command", "command"),
    Field("image", "image"),
)
"""Fields of what loads and serves a model."""


# Each part may also say what it is scaled by, and to whom requests are logged.
_KSERVE_PART = (
    *_places(
        "storageUri",
        "storageUris[].uri",
        "storage.parameters.endpoint_url",
        "logger.url",
        "logger.marshallerUrl",
        "autoScaling.metrics[].external.metric.serverAddress",
        "autoScaling.metrics[].podmetric.metric.serverAddress",
    ),
    # The object store is in a Secret, or in the operator's own configuration.
    *_absent("logger.storage"),
)


def _kserve_engines() -> tuple[str, ...]:
    """Return the paths of what may load and serve a model in an inference service."""
    predictors = [f"spec.predictor.{name}" for name in ("model", *_KSERVE_FRAMEWORKS)]
    explainers = [f"spec.explainer.{name}" for name in ("model", *_KSERVE_EXPLAINERS)]
    return (*predictors, "spec.transformer.model", *explainers)


_KSERVE_ENGINES = (*_kserve_engines(), "spec.canary[].predictor.model")
_KSERVE_FIELDS = (
    *_below(_KSERVE_PODS, _KSERVE_PART),
    # A canary has the fields of a predictor; one of its frameworks would have the content of `model`.
    *_below(_KSERVE_ENGINES, _KSERVE_ENGINE),
    # The object store is in a Secret.
    *(Field(engine, "forbidden-keys", ("storage", "storageUris")) for engine in _KSERVE_ENGINES),
    Field("spec.canary[].predictor", "forbidden-keys", (*_KSERVE_FRAMEWORKS, "workerSpec")),
    *_absent("spec.predictor.workerSpec"),
)
_INFERENCE_SERVICE = Addon(
    "serving.kserve.io",
    "InferenceService",
    "workloads",
    "kserve.github.io/website/docs/reference/crd-api",
    _KSERVE_FIELDS,
    (),
    _KSERVE_PODS,
)

_KSERVE_API = "kserve.github.io/website/docs/reference/crd-api"
_SERVING_RUNTIME = Addon(
    "serving.kserve.io",
    "ServingRuntime",
    "workloads",
    _KSERVE_API,
    (*_absent("spec.workerSpec"), Field("spec.builtInAdapter.env[]", "variable")),
    (),
    ("spec",),
)
_INFERENCE_GRAPH = Addon(
    "serving.kserve.io",
    "InferenceGraph",
    "workloads",
    _KSERVE_API,
    _places("spec.nodes{}.steps[].serviceUrl"),
)
_TRAINED_MODEL = Addon(
    "serving.kserve.io", "TrainedModel", "workloads", _KSERVE_API, _places("spec.model.storageUri")
)
_LOCAL_MODEL_CACHE = Addon(
    "serving.kserve.io", "LocalModelCache", "workloads", _KSERVE_API, _places("spec.sourceModelUri")
)
_LLM_PODS = ("spec.template", "spec.worker", "spec.prefill.template", "spec.prefill.worker")
_LLM_INFERENCE_SERVICE = Addon(
    "serving.kserve.io",
    "LLMInferenceService",
    "workloads",
    "github.com/kserve/kserve v0.17.0, pkg/apis/serving/v1alpha2",
    (
        *_places("spec.model.uri"),
        Field("spec.model", "allowed-keys", ("name", "uri")),
        # Gateways and routes may lead through other namespaces, and plugins of a scheduler ask any server.
        # What the controller makes of an empty field is an object with rules of its own.
        Field("spec.router{}", "allowed-keys", ()),
    ),
    (),
    _LLM_PODS,
)
_GRAPH_SERVICE = """
annotations componentType extraPodMetadata extraPodSpec labels multinode replicas resources scalingAdapter
sharedMemory subComponentType
"""
_DYNAMO_GRAPH = Addon(
    "nvidia.com",
    "DynamoGraphDeployment",
    "workloads",
    "github.com/ai-dynamo/dynamo, deploy/operator/api/v1alpha1",
    (
        # Variables and volumes are written where those of any pod are. An ingress, a sidecar, a checkpoint
        # and a picker's plugins name what no condition reads, and version v1beta1 has other fields.
        Field("spec.services{}", "allowed-keys", tuple(_GRAPH_SERVICE.split())),
        Field("spec", "allowed-keys", ("backendFramework", "services")),
    ),
    (),
    ("spec.services{}.extraPodSpec",),
    containers=("spec.services{}.extraPodSpec.mainContainer",),
)
# All types that KEDA documents and that ask nobody, or a server whose address the trigger states under a name
# that says so (keda.sh/docs, read 2026-11-28). A scaler of another type asks a cloud, whose address it knows
# by itself, whatever else the trigger says.
_SCALER_NAMES = """
activemq apache-kafka arangodb artemis-queue beanstalkd cassandra couchdb cpu cron elasticsearch etcd
external external-push graphite ibmmq influxdb kafka kubernetes-resource kubernetes-workload liiklus loki
memory metrics-api mongodb mssql mysql nats-jetstream nsq openstack-swift postgresql prometheus pulsar
rabbitmq redis redis-cluster redis-cluster-streams redis-sentinel redis-sentinel-streams redis-streams
selenium-grid solace-event-queue solr stan temporal
"""
_SCALERS = tuple(_SCALER_NAMES.split())
_SCALED = (
    Field("spec.triggers[].type", "one-of", _SCALERS),
    Field("spec.triggers[].metadata", "named"),
    # An identifier of Elastic's cloud holds its address in another form.
    *_absent("spec.triggers[].metadata.cloudID"),
)
_KEDA = "keda.sh/docs/latest/reference"
_SCALED_OBJECT = Addon("keda.sh", "ScaledObject", "workloads", _KEDA, _SCALED)
_SCALED_JOB = Addon("keda.sh", "ScaledJob", "workloads", _KEDA, _SCALED, ("spec.jobTargetRef.template",))

# What puts other objects into clusters. Each of them is judged when it is written here.
_ARGO_CD = "argo-cd.readthedocs.io/en/stable/operator-manual"
# A file of values, a component and a parameter's file may be a URL; a plugin reads its variables as it likes.
_ARGO_SOURCE = (
    *_places("repoURL"),
    Field("helm.valueFiles[]", "text"),
    Field("helm.fileParameters[].path", "text"),
    Field("kustomize.components[]", "text"),
    Field("plugin.env[]", "variable"),
)
_APPLICATION = Addon(
    "argoproj.io",
    "Application",
    "network",
    f"{_ARGO_CD}/application.yaml",
    (
        Field("spec", "own-cluster"),
        # A sync that is asked for in the object itself may bring a source of its own.
        *_below(("spec", "operation.sync"), _below(("source", "sources[]"), _ARGO_SOURCE)),
        *_absent("spec.sourceHydrator", "operation.sync.manifests"),
    ),
)
_GENERATORS = ("clusterDecisionResource", "matrix", "merge", "plugin", "pullRequest", "scmProvider")
_APPLICATION_SET = Addon(
    "argoproj.io",
    "ApplicationSet",
    "network",
    f"{_ARGO_CD}/applicationset.yaml",
    (
        Field("spec.template.spec", "own-cluster"),
        *_below(("spec.template.spec.source",), _ARGO_SOURCE),
        *_places("spec.generators[].git.repoURL"),
        # Each of these may exchange the destination, or asks somebody else for it.
        *_absent("spec.templatePatch", "spec.template.spec.sources", "spec.template.spec.sourceHydrator"),
        *_absent("spec.generators[].list.template", "spec.generators[].git.template"),
        *_absent("spec.generators[].clusters.template"),
        *_absent(*(f"spec.generators[].{name}" for name in _GENERATORS)),
    ),
)
_FLUX = "fluxcd.io/flux/components"
_KUSTOMIZATION = Addon(
    "kustomize.toolkit.fluxcd.io",
    "Kustomization",
    "network",
    f"{_FLUX}/kustomize/kustomizations",
    (*_absent("spec.kubeConfig"), Field("spec.components[]", "text")),
)
_HELM_RELEASE = Addon(
    "helm.toolkit.fluxcd.io",
    "HelmRelease",
    "network",
    f"{_FLUX}/helm/helmreleases",
    _absent("spec.kubeConfig"),
)

# What Flux reads its objects from, in a zone. In namespaces of its own it may be what deploys the factory;
# what it brings is judged when it is written.
_FLUX_SOURCES = {
    "GitRepository": (
        Field("spec", "required-keys", ("url",)),
        *_places("spec.url"),
        *_absent("spec.proxySecretRef"),
        # Any other signs in at a cloud, or at GitHub.
        Field("spec.provider", "one-of", ("", "generic")),
    ),
    "OCIRepository": (
        *_places("spec.url"),
        # Signatures by identities are looked up at Sigstore's own servers.
        *_absent("spec.proxySecretRef", "spec.verify.matchOIDCIdentity"),
        Field("spec.provider", "one-of", ("", "generic")),
    ),
    "HelmRepository": (*_places("spec.url"), Field("spec.provider", "one-of", ("", "generic"))),
    "Bucket": (
        *_places("spec.endpoint", "spec.sts.endpoint"),
        *_absent("spec.proxySecretRef"),
        Field("spec.provider", "one-of", ("", "generic")),
    ),
}


def _flux_sources() -> Iterator[Addon]:
    """Yield the kinds of Flux that name a source."""
    for kind, fields in _FLUX_SOURCES.items():
        yield Addon("source.toolkit.fluxcd.io", kind, "network", f"{_FLUX}/source", fields)


# Stores of secrets. Every provider but these two is somebody's service; a cloud's own login asks the cloud.
_SECRET_STORE = (
    Field("spec", "required-keys", ("provider",)),
    Field("spec.provider", "allowed-keys", ("kubernetes", "vault")),
    *_places("spec.provider.vault.server", "spec.provider.kubernetes.server.url"),
    # A configuration of `kubectl` in a Secret may lead to any cluster.
    *_absent(
        "spec.provider.vault.auth.gcp", "spec.provider.vault.auth.iam", "spec.provider.kubernetes.authRef"
    ),
    # Whoever a token is for may use it.
    *_places(
        "spec.provider.kubernetes.auth.serviceAccount.audiences[]",
        "spec.provider.vault.auth.kubernetes.serviceAccountRef.audiences[]",
        "spec.provider.vault.auth.jwt.kubernetesServiceAccountToken.audiences[]",
        "spec.provider.vault.auth.jwt.kubernetesServiceAccountToken.serviceAccountRef.audiences[]",
    ),
)


def _secret_store(kind: str) -> Addon:
    """Return a kind of store of the External Secrets Operator."""
    return Addon("external-secrets.io", kind, "network", "external-secrets.io/latest/api/spec", _SECRET_STORE)


# Backups. Without an address of its own an object store is that of the cloud.
_VELERO = "velero.io/docs/main/api-types"
_BACKUP_STORAGE_LOCATION = Addon(
    "velero.io",
    "BackupStorageLocation",
    "data",
    f"{_VELERO}/backupstoragelocation",
    (
        Field("spec.provider", "one-of", ("aws", "velero.io/aws")),
        Field("spec", "required-keys", ("config",)),
        Field("spec.config", "required-keys", ("s3Url",)),
        *_places("spec.config.s3Url", "spec.config.publicUrl"),
        *_absent("spec.config.kmsKeyId"),
    ),
)


# Certificates. An issuer of another group is a kind of its own, which nothing here knows.
_CERT_MANAGER = "cert-manager.io/docs/reference/api-docs"
_OWN_ISSUER = Field("spec.issuerRef.group", "one-of", ("", "cert-manager.io"))


def _issued(kind: str) -> Addon:
    """Return a kind by which a certificate is asked for."""
    return Addon("cert-manager.io", kind, "network", _CERT_MANAGER, (_OWN_ISSUER,))


_SOLVER = (
    *_absent("dns01"),
    Field("http01.ingress.serviceType", "one-of", ("", "ClusterIP")),
    Field("http01.gatewayHTTPRoute.serviceType", "one-of", ("", "ClusterIP")),
)
# The issuer's controller writes both in the namespace of the certificate, from what the server says.
_ORDER = Addon("acme.cert-manager.io", "Order", "network", _CERT_MANAGER, (_OWN_ISSUER,))
_CHALLENGE = Addon(
    "acme.cert-manager.io",
    "Challenge",
    "network",
    _CERT_MANAGER,
    (_OWN_ISSUER, *_places("spec.url", "spec.authorizationURL"), *_below(("spec.solver",), _SOLVER)),
)
_ISSUER = (
    *_places("spec.acme.server", "spec.vault.server"),
    *_absent("spec.venafi", "spec.vault.auth.aws"),
    *_below(("spec.acme.solvers[]",), _SOLVER),
    # Whoever checks a certificate asks these addresses, which it holds.
    *_absent("spec.ca.ocspServers", "spec.ca.crlDistributionPoints", "spec.ca.issuingCertificateURLs"),
)

# Telemetry.
_MONITORED = (
    Field("spec.namespaceSelector.any", "unset"),
    Field("spec.namespaceSelector.matchNames[]", "own-namespace"),
)
# What the servers of the operator have in common.
_OF_SERVER = (
    Field("spec.hostNetwork", "unset"),
    Field("spec.image", "image"),
    Field("spec.baseImage", "image"),
    Field("spec.storage.volumeClaimTemplate.spec.storageClassName", "class"),
    Field("spec.storage.ephemeral.volumeClaimTemplate.spec.storageClassName", "class"),
)
_WRITES = (
    *_places(
        "spec.remoteWrite[].url",
        "spec.remoteWrite[].proxyUrl",
        "spec.remoteRead[].url",
        "spec.remoteRead[].proxyUrl",
        "spec.remoteWrite[].oauth2.tokenUrl",
        "spec.remoteWrite[].oauth2.proxyUrl",
        "spec.remoteRead[].oauth2.tokenUrl",
        "spec.remoteRead[].oauth2.proxyUrl",
        "spec.tracingConfig.endpoint",
        "spec.apiserverConfig.host",
        "spec.apiserverConfig.proxyUrl",
        "spec.alerting.alertmanagers[].proxyUrl",
    ),
    # Each of these takes configuration that no condition reads, or signs in at a cloud's own address.
    *_absent(
        "spec.thanos",
        "spec.containers",
        "spec.initContainers",
        "spec.additionalScrapeConfigs",
        "spec.additionalAlertManagerConfigs",
        "spec.additionalAlertRelabelConfigs",
        "spec.additionalArgs",
        "spec.scrapeClasses",
        "spec.hostAliases",
        "spec.remoteWrite[].sigv4",
        "spec.remoteWrite[].azureAd",
        "spec.alerting.alertmanagers[].sigv4",
    ),
    *_OF_SERVER,
    Field("spec.alerting.alertmanagers[].namespace", "own-namespace"),
)


def _monitoring(kind: str, fields: tuple[Field, ...]) -> Addon:
    """Return a kind of the Prometheus operator."""
    return Addon("monitoring.coreos.com", kind, "network", _MONITORING, fields)


# Before a request, relabelling may write another address into a target.
_SCRAPED = (
    *_places("proxyUrl", "oauth2.tokenUrl", "oauth2.proxyUrl"),
    Field("relabelings[]", "no-target"),
)
_SERVICE_MONITOR = _monitoring("ServiceMonitor", (*_below(("spec.endpoints[]",), _SCRAPED), *_MONITORED))
_POD_MONITOR = _monitoring("PodMonitor", (*_below(("spec.podMetricsEndpoints[]",), _SCRAPED), *_MONITORED))

_PROBE = _monitoring(
    "Probe",
    (
        *_places(
            "spec.prober.url",
            "spec.prober.proxyUrl",
            "spec.targets.staticConfig.static[]",
            "spec.oauth2.tokenUrl",
            "spec.oauth2.proxyUrl",
        ),
        Field("spec.targets.staticConfig.relabelingConfigs[]", "no-target"),
        Field("spec.targets.ingress.relabelingConfigs[]", "no-target"),
        Field("spec.targets.ingress.namespaceSelector.any", "unset"),
        Field("spec.targets.ingress.namespaceSelector.matchNames[]", "own-namespace"),
    ),
)
# Whoever answers other discoveries of targets says where these are.
_SCRAPE_CONFIG = _monitoring(
    "ScrapeConfig",
    (
        Field("spec", "configs", ("kubernetesSDConfigs", "staticConfigs")),
        *_places(
            "spec.staticConfigs[].targets[]", "spec.proxyUrl", "spec.oauth2.tokenUrl", "spec.oauth2.proxyUrl"
        ),
        Field("spec.relabelings[]", "no-target"),
        *_absent(
            *(
                f"spec.kubernetesSDConfigs[].{name}"
                for name in ("apiServer", "proxyUrl", "oauth2", "proxyConnectHeader")
            )
        ),
    ),
)
# Every receiver but these two is somebody's service.
_ALERTMANAGER_CONFIG = _monitoring(
    "AlertmanagerConfig",
    (
        Field("spec.receivers[]", "configs", ("emailConfigs", "webhookConfigs")),
        *_places("spec.receivers[].webhookConfigs[].url", "spec.receivers[].emailConfigs[].smarthost"),
        *_absent(
            "spec.receivers[].webhookConfigs[].urlSecret",
            *(
                f"spec.receivers[].webhookConfigs[].httpConfig.{name}"
                for name in ("oauth2", "proxyURL", "proxyUrl")
            ),
        ),
    ),
)
_ALERTMANAGER = _monitoring(
    "Alertmanager",
    (
        *_OF_SERVER,
        *_places("spec.alertmanagerConfiguration.global.smtp.smartHost.host", "spec.clusterAdvertiseAddress"),
        Field(
            "spec.alertmanagerConfiguration.global",
            "allowed-keys",
            ("resolveTimeout", "smtp"),
        ),
        *_absent(
            "spec.containers",
            "spec.initContainers",
            "spec.hostAliases",
            "spec.additionalPeers",
            "spec.additionalArgs",
        ),
    ),
)

# Where logs go. Every output but these asks a cloud's own address, or is text that no condition reads.
_FLUENT_NAMES = "es forward gelf http influxDB loki opensearch opentelemetry prometheusRemoteWrite syslog tcp"
_FLUENT_HOSTS = tuple(_FLUENT_NAMES.split())
_FLUENT_OUTPUT = (
    Field(
        "spec",
        "allowed-keys",
        (
            *("alias", "logLevel", "match", "matchRegex", "processors", "retry_limit", "workers"),
            *("file", "kafka", "null", "stdout"),
            *_FLUENT_HOSTS,
        ),
    ),
    *_places(*(f"spec.{name}.host" for name in _FLUENT_HOSTS), "spec.kafka.brokers"),
    *_places("spec.http.proxy", "spec.opentelemetry.proxy", "spec.prometheusRemoteWrite.proxy"),
    *_places("spec.es.awsSTSEndpoint", "spec.opensearch.awsSTSEndpoint"),
    *_absent("spec.es.cloudID", "spec.opensearch.cloudID", "spec.kafka.rdkafka", "spec.processors"),
    *_absent("spec.es.awsRoleARN", "spec.opensearch.awsRoleARN"),
)


def _fluent_output(kind: str) -> Addon:
    """Return a kind of the Fluent Operator that says where logs go."""
    source = "github.com/fluent/fluent-operator/blob/master/docs/fluentbit.md"
    return Addon("fluentbit.fluent.io", kind, "network", source, _FLUENT_OUTPUT)


_WORKLOAD_ENTRY = Addon(
    "networking.istio.io",
    "WorkloadEntry",
    "network",
    f"{_ISTIO}/workload-entry",
    (*_places("spec.address"), *_absent("spec.network")),
)

# The order is that of the rendered checks.
_ADDONS = (
    Addon("", "ConfigMap", "settings", _K8S, (Field("data", "settings"),)),
    _CILIUM_POLICY,
    _CILIUM_CLUSTERWIDE_POLICY,
    _CILIUM_NODE,
    _CILIUM_ENDPOINT,
    _CILIUM_ENDPOINT_SLICE,
    _CILIUM_NODE_CONFIG,
    _admin_policy("AdminNetworkPolicy"),
    _admin_policy("BaselineAdminNetworkPolicy"),
    _admin_policy("ClusterNetworkPolicy"),
    *_calico_policies(),
    _SERVICE_ENTRY,
    _VIRTUAL_SERVICE,
    _DESTINATION_RULE,
    _AUTHORIZATION_POLICY,
    _route("GRPCRoute"),
    _route("TCPRoute"),
    _route("TLSRoute"),
    _route("UDPRoute"),
    _INFERENCE_POOL,
    _API_SERVICE,
    _CLUSTER_QUEUE,
    _ADMISSION_CHECK,
    _MULTI_KUEUE_CLUSTER,
    _MULTI_KUEUE_CONFIG,
    _KUEUE_WORKLOAD,
    _VOLCANO_QUEUE,
    _RUNTIME_CLASS,
    _SNAPSHOT,
    _SNAPSHOT_CONTENT,
    _GROUP_SNAPSHOT,
    _GROUP_SNAPSHOT_CONTENT,
    _GROUP_SNAPSHOT_CLASS,
    _VOLUME_ATTRIBUTES_CLASS,
    _VOLUME_ATTACHMENT,
    _CSI_DRIVER,
    _DEVICE_CLASS,
    _RAY_CLUSTER,
    _RAY_JOB,
    _RAY_SERVICE,
    _training("PyTorchJob", "pytorchReplicaSpecs"),
    _training("TFJob", "tfReplicaSpecs"),
    _training("MPIJob", "mpiReplicaSpecs"),
    _training("XGBoostJob", "xgbReplicaSpecs"),
    _training("PaddleJob", "paddleReplicaSpecs"),
    _training("JAXJob", "jaxReplicaSpecs"),
    _TRAIN_JOB,
    _NOTEBOOK,
    _JOB_SET,
    _LEADER_WORKER_SET,
    _VOLCANO_JOB,
    _ROLLOUT,
    _INFERENCE_SERVICE,
    _SERVING_RUNTIME,
    _INFERENCE_GRAPH,
    _TRAINED_MODEL,
    _LOCAL_MODEL_CACHE,
    _LLM_INFERENCE_SERVICE,
    _DYNAMO_GRAPH,
    _SCALED_OBJECT,
    _SCALED_JOB,
    _APPLICATION,
    _APPLICATION_SET,
    _KUSTOMIZATION,
    _HELM_RELEASE,
    *_flux_sources(),
    _secret_store("SecretStore"),
    _secret_store("ClusterSecretStore"),
    _BACKUP_STORAGE_LOCATION,
    _fluent_output("Output"),
    _fluent_output("ClusterOutput"),
    _WORKLOAD_ENTRY,
    _issued("Certificate"),
    _issued("CertificateRequest"),
    _ORDER,
    _CHALLENGE,
    Addon("cert-manager.io", "Issuer", "network", _CERT_MANAGER, _ISSUER),
    Addon("cert-manager.io", "ClusterIssuer", "network", _CERT_MANAGER, _ISSUER),
    _SERVICE_MONITOR,
    _POD_MONITOR,
    _monitoring("Prometheus", _WRITES),
    _monitoring("PrometheusAgent", _WRITES),
    _PROBE,
    _SCRAPE_CONFIG,
    _ALERTMANAGER_CONFIG,
    _ALERTMANAGER,
)
_MOST_PATHS = 16
_LONGEST_PIECE = 3_000
"""Characters of an expression that lists values of many kinds."""
ADDONS: Mapping[str, Addon] = MappingProxyType({addon.key: addon for addon in _ADDONS})
"""Each kind by its API group and kind."""

_SENDING = """
.admiralty.io/ .argoproj.io/Application .azure.com/ .backube/ .banzaicloud.io/ .cfargotunnel.com/
.cilium.io/CiliumNodeConfig .clusternet.io/ .cnrm.cloud.google.com/ .crossplane.io/ .datadoghq.com/
.dynatrace.com/ .elastic.co/ .eventing.keda.sh/ .eventing.knative.dev/ .extensions.istio.io/
.external-secrets.io/PushSecret .external-secrets.io/SecretStore .fleet.cattle.io/ .fluent.io/
.helm.toolkit.fluxcd.io/HelmRelease .integreatly.org/ .jaegertracing.io/ .k8up.io/
.kafka.strimzi.io/KafkaMirrorMaker .karmada.io/ .kio.kasten.io/ .kosmos.io/ .kubeadmiral.io/ .kubefed.io/
.kubernetes-fleet.io/ .kubeslice.io/ .kubestellar.io/ .kustomize.toolkit.fluxcd.io/Kustomization
.libopenstorage.org/ .liqo.io/ .logging.openshift.io/ .monitoring.coreos.com/ .monitoring.grafana.com/
.multicluster.x-k8s.io/ .netbird.io/ .networking.istio.io/DestinationRule .networking.istio.io/EnvoyFilter
.networking.istio.io/ServiceEntry .networking.istio.io/VirtualService .newrelic.com/ .ngrok.com/
.objectbucket.io/ .objectstorage.k8s.io/ .observability.openshift.io/ .open-cluster-management.io/
.opentelemetry.io/ .ramendr.openshift.io/ .replication.storage.openshift.io/ .services.k8s.aws/
.skupper.io/ .sources.knative.dev/ .splunk.com/ .stash.appscode.com/ .submariner.io/ .tailscale.com/
.upbound.io/ .velero.io/BackupR .velero.io/BackupS .velero.io/D .velero.io/P .velero.io/V
.victoriametrics.com/
"""
EXPORTING = tuple(_SENDING.split())
"""API groups, or kinds of one, that send data, or what is stored, out of the cluster from wherever they are.

They are backups, replicas, telemetry, clouds' own resources and other clusters (each project's own API
reference, read on 2026-11-27), and what leads the requests of a whole mesh, whichever namespace it is in.
Storage that a cluster runs by itself is not here, although it can copy to other places: its controllers write
such objects all the time, and would stand still. Each begins with a dot, and groups end with the slash before
a kind, so that no part of a group's name matches. Of Velero it is
all but backups, restores and their schedules: what these store goes to a location, which is judged itself.
"""
_OUTSIDE_NAMESPACES = """
.antrea.io/ .argoproj.io/ .cert-manager.io/ .cilium.io/ .cluster.x-k8s.io/ .config.openshift.io/
.crd.projectcalico.org/ .external-secrets.io/ .fluxcd.io/ .gatekeeper.sh/ .k8s.cni.cncf.io/ .k8s.ovn.org/
.karpenter.k8s.aws/ .kubeovn.io/ .kueue.x-k8s.io/ .kuma.io/ .kyverno.io/ .metallb.io/ .networking.gke.io/
.networking.istio.io/ .nmstate.io/ .operator.openshift.io/ .policy.networking.k8s.io/ .projectcalico.org/
.security.istio.io/ .spire.spiffe.io/ .sriovnetwork.openshift.io/ .storage.k8s.io/ .telemetry.istio.io/
.tigera.io/ .whereabouts.cni.cncf.io/
"""
BEYOND = tuple(_OUTSIDE_NAMESPACES.split())
"""API groups whose kinds outside namespaces reach other clusters, clouds or networks, beside those."""


# Kinds that are listed by themselves have rules of their own on the factory's namespaces alone.
_OTHERWISE_KNOWN = {f"{one.api_group}/{one.kind}" for one in HARMLESS}
_OTHERWISE_KNOWN |= {f"{one.api_group}/{one.name}" for one in KINDS.values()}


def sends_out(group: str, kind: str) -> bool:
    """Return whether objects of a kind are judged in namespaces of others too: they may send something out.

    A kind that no rule knows is, by its shape. What is asked for metrics there is the cluster's own business.
    """
    key = f"{group}/{kind}"
    is_unknown = key not in ADDONS and key not in _OTHERWISE_KNOWN
    return is_unknown or (not kind.endswith("Monitor") and any(name in f".{key}" for name in EXPORTING))


_REQUESTED = 'request.kind.group + "/" + request.kind.kind'
SENDS_OUT = (
    f'(!({_REQUESTED} in $known_kinds) || (!request.kind.kind.endsWith("Monitor")'
    f' && $exporting.exists(e, ("." + {_REQUESTED}).contains(e))))'
)
"""CEL: the same of a request."""


def templates(key: str = "") -> str:
    """Return CEL for the pod templates of an object of an add-on's kind.

    Args:
        key: the kind. If empty, the expression is for every kind.
    """
    lists_by_kind = {}
    for addon in ADDONS.values():
        lists = []
        if addon.templates:
            lists.append(lists_of(*addon.templates))
        if addon.specs:
            lists.append(template_of_specs(*addon.specs))
        if addon.containers:
            lists.append(template_of_containers(*addon.containers))
        lists_by_kind[addon.key] = lists
    found = _lists_of_kind(lists_by_kind, key)
    if found == "[]":
        return found
    # Schemas let a template lack its specification. What stands beside it is judged then all the same.
    metadata = "has(p.metadata) ? dyn(p.metadata) : dyn({})"
    empty = f'dyn({{"metadata": {metadata}, "spec": dyn({{}})}})'
    return f"({found}).map(p, has(p.spec) && dyn(p.spec) != null ? dyn(p) : {empty})"


def gathered(must: Must, key: str = "") -> list[str]:
    """Return CEL for the values of an object's fields under one long condition, as lists of values.

    The values are the sum of the expressions; each is short, as the API server needs the square of an
    expression's length to check its types.

    Args:
        must: the condition.
        key: the kind. If empty, the expressions are for every kind.
    """
    lists_by_kind = {}
    for addon in ADDONS.values():
        lists = []
        for paths in _batches(addon, must):
            lists.append(nested(*paths))
        named = [field.path for field in addon.fields if field.must == "named"]
        if must == "variable" and named:
            lists.append(named_values(*named))
        if must == "text":
            for paths in _batches(addon, "command"):
                lists.append(joined_values(*paths))
        lists_by_kind[addon.key] = lists
    if key:
        return [_lists_of_kind(lists_by_kind, key)]
    return _pieces(_choices(lists_by_kind))


def _batches(addon: Addon, must: Must) -> Iterator[list[str]]:
    """Yield the paths of a kind's gathered fields under one condition, as short lists."""
    paths = [field.path for field in addon.fields if field.must == must and field.is_gathered]
    for at in range(0, len(paths), _MOST_PATHS):
        yield paths[at : at + _MOST_PATHS]


def _lists_of_kind(lists_by_kind: Mapping[str, list[str]], key: str) -> str:
    """Return CEL for the joined lists of an object's kind; an empty list for any other kind."""
    if key:
        return " + ".join(lists_by_kind.get(key, [])) or "[]"
    return " + ".join(_choices(lists_by_kind))


def _choices(lists_by_kind: Mapping[str, list[str]]) -> list[str]:
    """Return CEL for each list, which is empty for other kinds than those that have it."""
    kinds_by_list: dict[str, list[str]] = {}
    for name, lists in lists_by_kind.items():
        for values in lists:
            kinds_by_list.setdefault(values, []).append(name)
    return [f"(variables.key {is_one_of(names)} ? {values} : [])" for values, names in kinds_by_list.items()]


def _pieces(choices: Iterable[str]) -> list[str]:
    """Return sums of lists, none of them long."""
    pieces: list[str] = []
    for choice in choices:
        if pieces and len(pieces[-1]) + len(choice) <= _LONGEST_PIECE:
            pieces[-1] += f" + {choice}"
        else:
            pieces.append(choice)
    return pieces


def direct(addon: Addon) -> tuple[Field, ...]:
    """Return the fields of a kind whose conditions are checked one by one."""
    return tuple(field for field in addon.fields if not field.is_gathered)

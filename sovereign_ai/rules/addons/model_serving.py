"""What serves models and scales what serves them: KServe, Dynamo, KEDA."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

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
    *places("storageUri"),
    Field("env[]", "variable"),
    Field("args", "command"),
    Field("command", "command"),
    Field("image", "image"),
)
"""Fields of what loads and serves a model."""

# Each part may also say what it is scaled by, and to whom requests are logged.
_KSERVE_PART = (
    *places(
        "storageUri",
        "storageUris[].uri",
        "storage.parameters.endpoint_url",
        "logger.url",
        "logger.marshallerUrl",
        "autoScaling.metrics[].external.metric.serverAddress",
        "autoScaling.metrics[].podmetric.metric.serverAddress",
    ),
    # The object store is in a Secret, or in the operator's own configuration.
    *absent("logger.storage"),
)


def _kserve_engines() -> tuple[str, ...]:
    """Return the paths of what may load and serve a model in an inference service."""
    predictors = [f"spec.predictor.{name}" for name in ("model", *_KSERVE_FRAMEWORKS)]
    explainers = [f"spec.explainer.{name}" for name in ("model", *_KSERVE_EXPLAINERS)]
    return (*predictors, "spec.transformer.model", *explainers)


_KSERVE_ENGINES = (*_kserve_engines(), "spec.canary[].predictor.model")
_KSERVE_FIELDS = (
    *below(_KSERVE_PODS, _KSERVE_PART),
    # A canary has the fields of a predictor; one of its frameworks would have the content of `model`.
    *below(_KSERVE_ENGINES, _KSERVE_ENGINE),
    # The object store is in a Secret.
    *(Field(engine, "forbidden-keys", ("storage", "storageUris")) for engine in _KSERVE_ENGINES),
    Field("spec.canary[].predictor", "forbidden-keys", (*_KSERVE_FRAMEWORKS, "workerSpec")),
    *absent("spec.predictor.workerSpec"),
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
    (*absent("spec.workerSpec"), Field("spec.builtInAdapter.env[]", "variable")),
    (),
    ("spec",),
)
_INFERENCE_GRAPH = Addon(
    "serving.kserve.io",
    "InferenceGraph",
    "workloads",
    _KSERVE_API,
    places("spec.nodes{}.steps[].serviceUrl"),
)
_TRAINED_MODEL = Addon(
    "serving.kserve.io", "TrainedModel", "workloads", _KSERVE_API, places("spec.model.storageUri")
)
_LOCAL_MODEL_CACHE = Addon(
    "serving.kserve.io",
    "LocalModelCache",
    "workloads",
    _KSERVE_API,
    # The object store is in a Secret.
    (*places("spec.sourceModelUri"), *absent("spec.storage")),
)
_LLM_PODS = ("spec.template", "spec.worker", "spec.prefill.template", "spec.prefill.worker")
# What a later version adds may name a place, as traces came.
_LLM_NAMES = """
annotations kvCacheOffloading labels parallelism replicas rolloutStrategy scaling template worker
"""
_LLM_PART = tuple(_LLM_NAMES.split())
_LLM_WHOLE = (*_LLM_PART, "baseRefs", "model", "prefill", "router", "storageInitializer", "tracing")
_LLM_INFERENCE_SERVICE = Addon(
    "serving.kserve.io",
    "LLMInferenceService",
    "workloads",
    "github.com/kserve/kserve aaac4e294dae, pkg/apis/serving/v1alpha2",
    (
        *places("spec.model.uri", "spec.tracing.exporterEndpoint"),
        Field("spec", "allowed-keys", _LLM_WHOLE),
        Field("spec.prefill", "allowed-keys", _LLM_PART),
        Field("spec.tracing", "allowed-keys", ("exporter", "exporterEndpoint", "sampler", "samplerArg")),
        Field("spec.model", "allowed-keys", ("name", "uri")),
        # Gateways and routes may lead through other namespaces, and plugins of a scheduler ask any server.
        # What the controller makes of an empty field is an object with rules of its own.
        Field("spec.router{}", "allowed-keys", ()),
    ),
    (),
    _LLM_PODS,
)
_GRAPH_SERVICE = """
annotations componentType envFromSecret extraPodMetadata extraPodSpec labels multinode replicas resources
scalingAdapter sharedMemory subComponentType
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
    containers=(("spec.services{}.extraPodSpec", "mainContainer"),),
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
    *absent("spec.triggers[].metadata.cloudID"),
)
_KEDA = "keda.sh/docs/latest/reference"
_SCALED_OBJECT = Addon("keda.sh", "ScaledObject", "workloads", _KEDA, _SCALED)
_SCALED_JOB = Addon("keda.sh", "ScaledJob", "workloads", _KEDA, _SCALED, ("spec.jobTargetRef.template",))
MODEL_SERVING = (
    _INFERENCE_SERVICE,
    _SERVING_RUNTIME,
    _INFERENCE_GRAPH,
    _TRAINED_MODEL,
    _LOCAL_MODEL_CACHE,
    _LLM_INFERENCE_SERVICE,
    _DYNAMO_GRAPH,
    _SCALED_OBJECT,
    _SCALED_JOB,
)

"""Workloads with pod templates: Ray, Kubeflow, JobSet, LeaderWorkerSet, Volcano, Argo Rollouts."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

_RAY = "ray-project.github.io/kuberay/reference/api"
_TRAINING = "kubeflow.org/docs/components/trainer/legacy-v1/reference"

_RAY_PODS = ("headGroupSpec.template", "workerGroupSpecs[].template")
# `managedBy` hands a job over to MultiKueue, which runs it in another cluster. Each specification within
# another has the field too.
_RAY_CONTROLLER = ("", "ray.io/kuberay-operator")
_RAY_MANAGED = Field("spec.managedBy", "one-of", _RAY_CONTROLLER)
_RAY_FIELDS = (
    Field("managedBy", "one-of", _RAY_CONTROLLER),
    *places("gcsFaultToleranceOptions.redisAddress"),
    # Arguments of `ray start`, by their names.
    Field("headGroupSpec.rayStartParams", "named"),
    Field("workerGroupSpecs[].rayStartParams", "named"),
    Field("autoscalerOptions.env[]", "variable"),
    Field("headServiceAnnotations{}", "text"),
    # The head service may be of any type, with any annotation.
    *absent("headGroupSpec.headService"),
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
    fields = (*below((inner,), _RAY_FIELDS), *more)
    return Addon("ray.io", kind, "workloads", _RAY, fields, (*pods, *templates))


_RAY_CLUSTER = _ray("RayCluster", "spec")
_RAY_JOB = _ray(
    "RayJob",
    "spec.rayClusterSpec",
    Field("spec.runtimeEnvYAML", "text"),
    Field("spec.entrypoint", "text"),
    _RAY_MANAGED,
    templates=("spec.submitterPodTemplate",),
)
_RAY_SERVICE = _ray(
    "RayService",
    "spec.rayClusterConfig",
    Field("spec.serveConfigV2", "text"),
    *absent("spec.serveService"),
    _RAY_MANAGED,
)


def _training(kind: str, replicas: str) -> Addon:
    """Return a job kind of the training operator."""
    managed = Field("spec.runPolicy.managedBy", "one-of", ("", "kubeflow.org/training-operator"))
    elastic = "spec.elasticPolicy"
    fields = (
        managed,
        *places(f"{elastic}.rdzvHost"),
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
    *places("spec.initializer.dataset.storageUri", "spec.initializer.model.storageUri"),
    Field("spec.initializer.dataset.env[]", "variable"),
    Field("spec.initializer.model.env[]", "variable"),
    *absent("spec.podTemplateOverrides"),
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
    (*absent("spec.volumes"), Field("spec.plugins{}", "command")),
    ("spec.tasks[].template",),
)
# Arguments of analyses are put into what these ask: URLs of services and of measurements.
_ANALYSES = (
    *("canary.analysis", "canary.steps[].analysis"),
    *("blueGreen.prePromotionAnalysis", "blueGreen.postPromotionAnalysis"),
)
_ROLLOUT_FIELDS = tuple(Field(f"spec.strategy.{path}.args[]", "variable") for path in _ANALYSES)
_ROLLOUT = Addon(
    "argoproj.io",
    "Rollout",
    "workloads",
    "argo-rollouts.readthedocs.io/en/stable/features/specification",
    _ROLLOUT_FIELDS,
    ("spec.template",),
)
JOBS = (
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
)

"""A file of work is read whole or refused with its field, whatever stands in it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.embedded.training_runtime import RUNTIME, training_runtime
from sovereign_ai.errors import UsageError
from sovereign_ai.files import WORKLOAD, field_places, parse_objects
from sovereign_ai.verify.queue_reason import reason_of
from sovereign_ai.verify.queue_sequence import reasons_of
from sovereign_ai.verify.queue_state import QueueState
from sovereign_ai.verify.queue_submission import pieces_of, workload_of
from sovereign_ai.verify.submitted_work import WORK_VERSIONS, read_work
from tests.verify.test_queue_reason import GPU, HOST, RACK, UNIT, state

LABELS = {"kueue.x-k8s.io/queue-name": "train", "kueue.x-k8s.io/priority-class": "high"}
TOPOLOGY = {
    "kueue.x-k8s.io/podset-required-topology": UNIT,
    "kueue.x-k8s.io/podset-unconstrained-topology": "false",
    "kueue.x-k8s.io/podset-slice-required-topology": RACK,
    "kueue.x-k8s.io/podset-slice-size": "1",
    "kueue.x-k8s.io/podset-group-name": "group",
}
EXPRESSION = {"key": RACK, "operator": "In", "values": ["r1", "r2"]}
POD = {
    "metadata": {"annotations": TOPOLOGY},
    "spec": {
        "containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}, "limits": {GPU: 8}}}],
        "initContainers": [{"name": "init", "restartPolicy": "Always", "resources": {"limits": {"cpu": 1}}}],
        "nodeSelector": {"pool": "pool"},
        "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [EXPRESSION]}]
                }
            }
        },
        "overhead": {"cpu": "100m"},
        "priorityClassName": "high",
        "resourceClaims": [{"name": "gpus", "resourceClaimTemplateName": "gpus"}],
    },
}
PLAIN = {"spec": {"containers": [{"name": "main"}]}}
SMALL = {"parallelism": 2, "completions": 2, "template": PLAIN}
SPECS: dict[str, Any] = {
    "Job": SMALL | {"template": POD},
    "JobSet": {"replicatedJobs": [{"name": "node", "replicas": 1, "template": {"spec": SMALL}}]},
    "LeaderWorkerSet": {
        "leaderWorkerTemplate": {"size": 2, "workerTemplate": PLAIN, "leaderTemplate": PLAIN}
    },
    "TrainJob": {
        "runtimeRef": {"name": RUNTIME, "kind": "ClusterTrainingRuntime"},
        "trainer": {"numNodes": 2, "resourcesPerNode": {"limits": {GPU: 8}}},
        "runtimePatches": [
            {
                "trainingRuntimeSpec": {
                    "template": {
                        "spec": {
                            "replicatedJobs": [
                                {
                                    "name": "node",
                                    "template": {
                                        "spec": {
                                            "template": {
                                                "metadata": {"annotations": {"a": "b"}},
                                                "spec": {"nodeSelector": {"pool": "pool"}},
                                            }
                                        }
                                    },
                                }
                            ]
                        }
                    }
                }
            }
        ],
    },
    "Deployment": {"replicas": 2, "template": PLAIN},
    "StatefulSet": {"replicas": 2, "template": PLAIN},
    "Pod": PLAIN["spec"],
}
REQUESTS = [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]
CLAIMS = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "gpus"},
    "spec": {"spec": {"devices": {"requests": REQUESTS}}},
}
ODD: tuple[Any, ...] = (
    None, True, 0, 5, -1, 1.5, 10**80, "", "x", "9" * 5_000, "1e999999999", [], {}, [1], [None],
    {"a": 1}, {1: "a"},
)  # fmt: skip


def work(kind: str) -> dict[str, Any]:
    annotations = {"kueue.x-k8s.io/job-min-parallelism": "1"}
    metadata = {"name": "a", "namespace": "research", "labels": LABELS, "annotations": annotations}
    spec = copy.deepcopy(SPECS[kind])
    return {"apiVersion": WORK_VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": spec}


def changed(obj: Any) -> Iterator[Any]:
    """Yield an object with each of its fields and entries left out, and in turn with each odd value."""
    parts = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    for key, value in parts:
        for new in (*ODD, *changed(value)):
            other = copy.copy(obj)
            other[key] = new
            yield other
        other = copy.copy(obj)
        del other[key]
        yield other


def asked(objects: list[dict[str, Any]]) -> str:
    """Return the code of what is answered of a file's objects."""
    read = read_work(objects, "work.yaml")
    pieces = pieces_of(read.work, [training_runtime()])
    # What a TrainJob would have is that of its runtime, whatever it is called.
    (reason,) = reasons_of(pieces, state(claim_templates=tuple(read.templates)))
    assert reason.message
    return str(reason.code)


def test_whole_work_of_each_kind_is_read_with_its_claims() -> None:
    for kind in WORK_VERSIONS:
        chosen, templates, _ = read_work([work(kind), copy.deepcopy(CLAIMS)], "work.yaml")
        assert chosen == [work(kind)]
        assert templates[0]["metadata"] == {"namespace": "research", "name": "gpus"}
        assert asked([work(kind), copy.deepcopy(CLAIMS)])


def refusal(objects: list[dict[str, Any]]) -> UsageError | None:
    """Return why a file is refused; None where it is judged."""
    try:
        asked(objects)
    except UsageError as error:
        return error
    return None


@pytest.mark.parametrize("kind", list(WORK_VERSIONS))
def test_whatever_a_field_holds_is_judged_or_refused(kind: str) -> None:
    whole, refused = work(kind), []
    for part in ("metadata", "spec"):
        for new in (*ODD, *changed(whole[part])):
            refused.append(refusal([{**whole, part: new}, copy.deepcopy(CLAIMS)]))
    for error in filter(None, refused):
        assert all(problem.where and problem.where.field and problem.hint for problem in error.problems)
    # Neither everything nor nothing.
    assert refused.count(None) > 20
    assert len(refused) - refused.count(None) > 80


def test_whatever_a_template_of_claims_holds_is_judged_or_refused() -> None:
    for part in ("metadata", "spec"):
        for new in (*ODD, *changed(CLAIMS[part])):
            error = refusal([work("Job"), {**CLAIMS, part: new}])
            assert error is None or "ResourceClaimTemplate" in error.problems[0].message


def other(api_version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}


@pytest.mark.parametrize(
    ("objects", "said", "hint"),
    [
        ([], "holds nothing", "kubectl create"),
        ([CLAIMS], "holds nothing", "kubectl create"),
        ([other("v1", "ConfigMap")], "holds ConfigMap a of v1", "kubectl create"),
        ([other("v1", "Secret")] * 9, "and 4 more", "kubectl create"),
        ([other("batch/v1", "CronJob")], "CronJob a", "jobTemplate"),
        ([other("apps/v1", "DaemonSet")], "DaemonSet a", "on each machine"),
        ([other("ray.io/v1", "RayJob")], "RayJob a of ray.io/v1", "submit it suspended"),
        ([other("batch/v1", "Jobb")], "Jobb a", "did you mean 'Job'?"),
        ([other("apps/v1", "deployment")], "deployment a", "did you mean 'Deployment'?"),
        ([other("v1", "Servise")], "Servise a", "did you mean 'Service'?"),
        ([work("Job"), other("trainer.kubeflow.org/v1alpha1", "Trainjob")], "Trainjob a", "'TrainJob'?"),
        ([{**work("Job"), "apiVersion": "batch/v1beta1"}], "Job research/a of batch/v1beta1", "batch/v1"),
        ([{**work("JobSet"), "apiVersion": "batch/v1"}], "JobSet research/a", "jobset.x-k8s.io/v1alpha2"),
    ],
)
def test_a_file_with_what_is_no_work_says_what_it_holds_and_what_to_do(
    objects: list[dict[str, Any]], said: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_work(objects, "work.yaml")
    (problem,) = caught.value.problems
    assert said in problem.message
    assert hint in problem.hint
    assert problem.where is not None
    assert problem.where.file == "work.yaml"


def test_a_null_is_a_field_that_is_left_out() -> None:
    job = work("Job")
    job["spec"] |= {"parallelism": None, "completions": None}
    job["metadata"]["annotations"] = None
    (chosen,), _, _ = read_work([job], "work.yaml")
    assert chosen["spec"].keys() == {"template"}
    assert workload_of(chosen)["spec"]["podSets"][0]["count"] == 1


def test_the_shape_of_a_host_is_none_of_a_file() -> None:
    """Every mistake in one file comes at once."""
    job = work("Job")
    job["spec"]["parallelism"] = "two"
    job["spec"]["template"]["spec"]["nodeSelector"] = {HOST: 7}
    with pytest.raises(UsageError) as caught:
        read_work([job], "work.yaml")
    fields = [problem.where.field for problem in caught.value.problems if problem.where]
    assert fields == ["spec.parallelism", f"spec.template.spec.nodeSelector.{HOST}"]


def test_nothing_of_a_state_is_needed_to_read_a_file() -> None:
    (chosen,), _, _ = read_work([work("Job")], "work.yaml")
    assert reason_of(workload_of(chosen), QueueState()).code


SEVERAL = """apiVersion: v1
kind: Service
metadata: {name: chat}
---
apiVersion: v1
kind: List
items:
- apiVersion: batch/v1
  kind: Job
  metadata: {name: a}
  spec:
    parallelism: two
    template: {spec: {containers: [{name: main}]}}
- apiVersion: batch/v1
  kind: Jobb
  metadata: {name: b}
---
apiVersion: batch/v1beta1
kind: Job
metadata: {name: c}
"""


def test_each_problem_of_several_documents_is_at_its_own_line() -> None:
    objects = parse_objects(SEVERAL, "work.yaml", WORKLOAD)
    with pytest.raises(UsageError) as caught:
        read_work(objects, "work.yaml", lambda: field_places(SEVERAL, "work.yaml"))
    places = [str(problem.where) for problem in caught.value.problems]
    assert places == [
        "work.yaml:12:18: spec.parallelism",
        "work.yaml:15:9: kind",
        "work.yaml:18:13: apiVersion",
    ]


def test_what_has_no_pods_may_stand_beside_work_and_is_named() -> None:
    objects = [other("v1", "Service"), work("Deployment"), other("networking.k8s.io/v1", "NetworkPolicy")]
    read = read_work(objects, "work.yaml")
    assert [each["kind"] for each in read.work] == ["Deployment"]
    assert read.others == ["Service a of v1", "NetworkPolicy a of networking.k8s.io/v1"]

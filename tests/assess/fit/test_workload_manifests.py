"""Jobs and services as objects: kind, queue, sizes, and what their definitions allow."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.assess.fit import workload_manifests
from sovereign_ai.assess.fit.components import Replicas
from sovereign_ai.assess.fit.workload_kinds import deviations
from sovereign_ai.assess.fit.workload_manifests import manifests
from sovereign_ai.errors import UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.spec.platform import Platform
from tests.assess.fit.work import job, service
from tests.assess.stacks import stack

IMAGE = "registry.example.com/ai/train@sha256:" + "a" * 64
TRAINER = Platform(jobs=("jobset", "trainer"))


def rendered(work: Any, platform: Platform | None = None) -> list[dict[str, Any]]:
    factory, plan = stack("lab")
    return manifests(factory.model_copy(update={"platform": platform}), plan, work, IMAGE)


ALL = [
    (job(), None),
    (job(team="vision"), None),
    (job(team="vision"), TRAINER),
    (service(team="vision"), None),
    (job(), TRAINER),
    (service(), None),
    (
        service(
            replicas=None,
            tensor=None,
            prefill=Replicas(replicas=2, tensor=4),
            decode=Replicas(replicas=1, tensor=16),
        ),
        None,
    ),
]
TEAMS = ["jobset-team", "trainjob-team", "joint-team"]
IDS = ["jobset", *TEAMS, "trainjob", "joint", "split"]


@pytest.mark.parametrize(("work", "platform"), ALL, ids=IDS)
def test_every_object_is_what_its_definition_allows_and_no_rule_refuses_it(
    work: Any, platform: Platform | None
) -> None:
    factory, plan = stack("lab")
    objects = rendered(work, platform)
    assert [deviations(each) for each in objects] == [[] for _ in objects]
    findings = evaluate(objects, factory_context(factory, plan))
    assert [str(finding) for finding in findings if finding.status == "violation"] == []


def test_a_job_is_a_jobset_of_a_pod_a_server_in_its_pools_queue() -> None:
    (job_set,) = rendered(job())
    assert (job_set["kind"], job_set["metadata"]["namespace"]) == ("JobSet", "research")
    assert job_set["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "train"}
    assert job_set["spec"]["suspend"] is True
    (replicated,) = job_set["spec"]["replicatedJobs"]
    pods = replicated["template"]["spec"]
    assert (pods["parallelism"], pods["completions"]) == (8, 8)
    (container,) = pods["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["resources"]["limits"] == container["resources"]["requests"] == {"nvidia.com/gpu": "8"}


def test_no_pod_stays_five_minutes_on_a_machine_that_is_silent() -> None:
    (job_set,), (service_set,) = rendered(job()), rendered(service())
    (replicated,) = job_set["spec"]["replicatedJobs"]
    pods = [
        replicated["template"]["spec"]["template"]["spec"],
        service_set["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"],
    ]
    for pod in pods:
        waits = {each["key"]: each["tolerationSeconds"] for each in pod["tolerations"]}
        assert waits == {"node.kubernetes.io/not-ready": 60, "node.kubernetes.io/unreachable": 60}
        assert {each["effect"] for each in pod["tolerations"]} == {"NoExecute"}


def test_a_job_is_a_trainjob_where_the_platform_runs_the_trainer() -> None:
    (train_job,) = rendered(job(), TRAINER)
    trainer = train_job["spec"]["trainer"]
    assert (train_job["kind"], trainer["numNodes"], trainer["numProcPerNode"]) == ("TrainJob", 8, 8)
    assert train_job["spec"]["suspend"] is True


def test_a_service_has_a_group_of_servers_for_each_copy_of_the_model() -> None:
    (group,) = rendered(service(replicas=2, tensor=16))
    template = group["spec"]["leaderWorkerTemplate"]
    assert (group["kind"], group["spec"]["replicas"], template["size"]) == ("LeaderWorkerSet", 2, 2)
    assert group["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "serve"}
    annotations = template["workerTemplate"]["metadata"]["annotations"]
    assert list(annotations) == ["kueue.x-k8s.io/podset-preferred-topology"]


def test_a_group_of_several_servers_is_a_slice_within_an_nvlink_domain() -> None:
    factory, plan = stack("plural")
    parallel = {"tensor": 16, "pipeline": 2, "data": 2}
    work = job(pool="grace", tenant="university", gpus=64, parallel=parallel)
    (job_set,) = manifests(factory.model_copy(update={"platform": None}), plan, work, IMAGE)
    (replicated,) = job_set["spec"]["replicatedJobs"]
    annotations = replicated["template"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kueue.x-k8s.io/podset-slice-size"] == "4"
    assert annotations["kueue.x-k8s.io/podset-slice-required-topology"] == KEYS.nvlink_domain


def test_a_copy_within_a_server_asks_for_no_topology() -> None:
    (group,) = rendered(service(replicas=4, tensor=4))
    template = group["spec"]["leaderWorkerTemplate"]
    assert template["size"] == 1
    assert "metadata" not in template["workerTemplate"]


def test_prefill_and_decode_are_two_sets() -> None:
    work, _ = ALL[-1]
    sizes = [
        (each["metadata"]["name"], each["spec"]["replicas"], each["spec"]["leaderWorkerTemplate"]["size"])
        for each in rendered(work)
    ]
    assert sizes == [("chat-prefill", 2, 1), ("chat-decode", 1, 2)]


def test_the_tenant_is_that_of_the_pool_where_there_is_only_one() -> None:
    (job_set,) = rendered(job(tenant=None))
    assert job_set["metadata"]["namespace"] == "research"


def test_a_tenant_without_a_namespace_on_the_pool_is_refused_with_one_that_has() -> None:
    with pytest.raises(UsageError, match="research"):
        rendered(job(tenant="startups"))


def test_a_job_that_claims_its_gpus_has_a_template_and_asks_for_no_number() -> None:
    template, job_set = rendered(job(devices="claims"))
    assert (template["kind"], template["metadata"]) == (
        "ResourceClaimTemplate",
        {"name": "pretrain-gpus", "namespace": "research"},
    )
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    assert (request["exactly"]["deviceClassName"], request["exactly"]["count"]) == ("gpu.nvidia.com", 8)
    (replicated,) = job_set["spec"]["replicatedJobs"]
    pod = replicated["template"]["spec"]["template"]["spec"]
    assert pod["resourceClaims"] == [{"name": "gpus", "resourceClaimTemplateName": "pretrain-gpus"}]
    assert pod["containers"][0]["resources"] == {"claims": [{"name": "gpus"}]}
    factory, plan = stack("lab")
    findings = evaluate([template, job_set], factory_context(factory, plan))
    assert [str(finding) for finding in findings if finding.status == "violation"] == []


def test_prefill_and_decode_claim_by_templates_of_their_own() -> None:
    pools = {"prefill": Replicas(replicas=2, tensor=4), "decode": Replicas(replicas=1, tensor=16)}
    objects = rendered(service(replicas=None, tensor=None, devices="claims", **pools))
    counts = {}
    for template in objects[::2]:
        counts[template["metadata"]["name"]] = template["spec"]["spec"]["devices"]["requests"][0]["exactly"]
    numbers = {name: exactly["count"] for name, exactly in counts.items()}
    assert numbers == {"chat-prefill-gpus": 4, "chat-decode-gpus": 8}


def test_a_trainjob_has_no_place_for_claims() -> None:
    with pytest.raises(UsageError) as caught:
        rendered(job(devices="claims"), TRAINER)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.field) == ("claims-in-trainjob", "devices")


def test_gpus_without_a_device_class_are_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload_manifests, "whole_device_class", lambda _resource: None)
    with pytest.raises(UsageError) as caught:
        rendered(job(devices="claims"))
    assert caught.value.problems[0].code == "no-device-class"


def test_a_team_is_a_label_of_the_work_and_of_its_pods_and_nothing_without_one() -> None:
    (job_set,) = rendered(job(team="vision"))
    (template,) = [each["template"]["spec"]["template"] for each in job_set["spec"]["replicatedJobs"]]
    (replicas,) = rendered(service(team="vision"))
    worker = replicas["spec"]["leaderWorkerTemplate"]["workerTemplate"]
    for labelled in (job_set, template, replicas, worker):
        assert labelled["metadata"]["labels"][KEYS.team] == "vision"
    (train_job,) = rendered(job(team="vision"), TRAINER)
    assert train_job["metadata"]["labels"][KEYS.team] == "vision"
    for obj in (*rendered(job()), *rendered(service())):
        assert KEYS.team not in str(obj)

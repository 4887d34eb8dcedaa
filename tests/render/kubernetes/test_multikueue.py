"""What is rendered where work is sent to other clusters: least of all, and no secret."""

from __future__ import annotations

from typing import Any

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from tests.plan.multikueue import CLOSED, MANAGER, OPEN, WORKER, two_sites, worker

OURS = {"AdmissionCheck", "MultiKueueCluster", "MultiKueueConfig"}


def objects(cluster: str, *workers: dict[str, Any], **more: Any) -> dict[tuple[str, str, str], Any]:
    described = two_sites(*workers, **more)
    rendered = {}
    for obj in render(described, plan(described), cluster).objects:
        metadata = obj["metadata"]
        rendered[obj["kind"], metadata.get("namespace", ""), metadata["name"]] = obj
    return rendered


def test_the_manager_has_a_queue_of_the_workers_pool_whose_check_leads_to_the_worker() -> None:
    made = objects(MANAGER, worker(tenants=["t"]))
    assert {key for key in made if key[0] in OURS} == {
        ("AdmissionCheck", "", "there"),
        ("MultiKueueConfig", "", "there"),
        ("MultiKueueCluster", "", WORKER),
    }
    check = made["AdmissionCheck", "", "there"]["spec"]
    assert check["controllerName"] == "kueue.x-k8s.io/multikueue"
    assert check["parameters"]["name"] == "there"
    assert made["MultiKueueConfig", "", "there"]["spec"] == {"clusters": [WORKER]}
    source = made["MultiKueueCluster", "", WORKER]["spec"]["clusterSource"]
    assert source == {"kubeConfig": {"location": WORKER, "locationType": "Secret"}}
    queue = made["ClusterQueue", "", "there"]["spec"]
    assert queue["admissionChecksStrategy"] == {"admissionChecks": [{"name": "there"}]}
    [selected] = queue["namespaceSelector"]["matchExpressions"]
    assert selected["values"] == ["t"]
    [group] = queue["resourceGroups"]
    quotas = {quota["name"]: quota["nominalQuota"] for quota in group["flavors"][0]["resources"]}
    assert quotas["nvidia.com/gpu"] == "16"
    assert ("LocalQueue", "t", "there") in made
    assert ("LocalQueue", "u", "there") not in made
    assert ("LocalQueue", "v", "there") not in made
    assert "admissionChecksStrategy" not in made["ClusterQueue", "", "here"]["spec"]


def test_the_queue_of_the_same_name_is_in_the_same_namespace_of_the_worker() -> None:
    sent = [key for key in objects(MANAGER) if key[0] == "LocalQueue" and key[2] == "there"]
    there = objects(WORKER)
    assert sent
    for key in sent:
        assert key in there


def test_a_worker_gives_the_managers_kueue_the_least_rights() -> None:
    made = objects(WORKER, worker(tenants=["t"]))
    [account] = [key for key in made if key[0] == "ServiceAccount" and key[2] == "multikueue"]
    assert account[1] == "sovereign-system"
    assert made[account]["automountServiceAccountToken"] is False
    rights: dict[str, set[tuple[str, str]]] = {"": set(), "t": set()}
    for key in [("ClusterRole", "", "sovereign-multikueue"), ("Role", "t", "sovereign-multikueue")]:
        for rule in made[key]["rules"]:
            assert "*" not in {*rule["verbs"], *rule["apiGroups"], *rule["resources"]}
            rights[key[1]] |= {(resource, verb) for resource in rule["resources"] for verb in rule["verbs"]}
    assert rights[""] == {("workloads", "list"), ("workloads", "watch"), ("jobs", "watch")}
    of_jobs = {verb for resource, verb in rights["t"] if resource == "jobs"}
    assert of_jobs == {"get", "create", "delete"}
    assert {resource for resource, _ in rights["t"]} == {"jobs", "workloads", "workloads/status"}
    assert ("Role", "u", "sovereign-multikueue") not in made
    for kind, space in (("ClusterRoleBinding", ""), ("RoleBinding", "t")):
        subject = {"kind": "ServiceAccount", "name": "multikueue", "namespace": "sovereign-system"}
        assert made[kind, space, "sovereign-multikueue"]["subjects"] == [subject]


def test_the_rights_are_those_of_the_kinds_of_work_that_the_platform_runs() -> None:
    platform = {"queueing": "kueue", "jobs": ["jobset", "trainer"], "multikueue": [worker()]}
    role = objects(WORKER, platform=platform)["Role", "t", "sovereign-multikueue"]
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert resources == {"jobs", "jobsets", "trainjobs", "workloads", "workloads/status"}


def test_no_secret_is_rendered_and_without_workers_nothing_of_it() -> None:
    for cluster in (MANAGER, WORKER):
        assert "Secret" not in {key[0] for key in objects(cluster)}
        plain = objects(cluster, platform={"queueing": "kueue"})
        assert not [key for key in plain if key[0] in OURS or "multikueue" in key[2]]


def test_the_policy_on_secrets_looks_into_kueues_namespace_where_work_is_sent_and_nowhere_else() -> None:
    for cluster, expected in ((MANAGER, True), (WORKER, False)):
        policy = objects(cluster)["ValidatingAdmissionPolicy", "", "sovereign-rights"]
        [scope, _] = policy["spec"]["matchConditions"]
        assert ('request.namespace == "kueue-system"' in scope["expression"]) is expected
        assert ("PLC-012" in str(policy)) is expected


def test_the_queue_of_sent_work_is_in_a_cohort_where_idle_quota_is_shared_by_weights() -> None:
    """Kueue 0.17 ends under fair sharing at a queue without one."""
    platform = {
        "queueing": "kueue",
        "multikueue": [worker()],
        "fair_sharing": ["LessThanInitialShare"],
    }
    made = objects(MANAGER, platform=platform, zones=[{**OPEN, "idle_quota": "lent"}, CLOSED])
    queues = {key[2]: obj["spec"] for key, obj in made.items() if key[0] == "ClusterQueue"}
    assert "there" in queues
    for name, spec in queues.items():
        assert spec.get("cohortName"), name

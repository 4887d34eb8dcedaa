from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sovereign_ai.catalog.system import system
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.tenants import _computing_limits
from sovereign_ai.render.kubernetes.tenants import objects as tenant_objects
from sovereign_ai.spec import Platform
from sovereign_ai.spec.reader import load
from tests.render.lab import every, one

STACKS = Path(__file__).resolve().parents[3] / "stacks"


def test_namespaces_are_held_to_the_restricted_level_of_one_release():
    for obj in every("Namespace"):
        labels = obj["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
            assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.37"


def test_rights_hold_no_wildcard_no_way_into_pods_and_no_secrets_for_viewers():
    forbidden = {
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "pods/ephemeralcontainers",
        "serviceaccounts/token",
    }
    roles = every("Role")
    assert roles
    for role in roles:
        for rule in role["rules"]:
            everything = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert "*" not in everything
            assert not forbidden & set(rule["resources"])
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            if set(rule["resources"]) & {
                "networkpolicies",
                "resourcequotas",
                "limitranges",
                "serviceaccounts",
            }:
                assert set(rule["verbs"]) == {"get", "list", "watch"}
    viewer = one("Role", "tenant-viewer", "research")
    assert not any("secrets" in rule["resources"] for rule in viewer["rules"])
    assert all(set(rule["verbs"]) == {"get", "list", "watch"} for rule in viewer["rules"])


@pytest.mark.parametrize(
    ("platform", "resources"),
    [
        (None, set()),
        (Platform(queueing=("kueue",)), set()),
        (Platform(jobs=("jobset", "trainer")), {"jobsets", "trainjobs"}),
        (Platform(gangs=("lws",)), {"leaderworkersets"}),
    ],
)
def test_tenants_write_the_kinds_of_work_of_the_controllers_that_run(
    platform: Platform | None, resources: set[str]
) -> None:
    factory = load(STACKS / "lab").model_copy(update={"platform": platform})
    drawn = plan(factory)
    seen: dict[str, dict[str, set[str]]] = {}
    for obj in tenant_objects(factory, drawn, drawn.clusters[0]):
        if obj["kind"] == "Role":
            verbs = seen.setdefault(obj["metadata"]["name"], {})
            for rule in obj["rules"]:
                for resource in {"jobsets", "leaderworkersets", "trainjobs"} & set(rule["resources"]):
                    verbs.setdefault(resource, set()).update(rule["verbs"])
    assert set(seen["tenant-admin"]) == set(seen["tenant-viewer"]) == resources
    assert all("create" in verbs for verbs in seen["tenant-admin"].values())
    assert all(verbs == {"get", "list", "watch"} for verbs in seen["tenant-viewer"].values())


def test_rights_are_given_to_the_tenants_own_groups_only():
    for binding in every("RoleBinding"):
        namespace, name = binding["metadata"]["namespace"], binding["metadata"]["name"]
        group = f"tenant:{namespace}" + (":viewers" if name == "tenant-viewer" else "")
        assert binding["subjects"] == [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}
        ]
        assert binding["roleRef"]["name"] == name


def test_a_quota_counts_accelerators_both_ways_and_shuts_the_ways_in():
    hard = one("ResourceQuota", "tenant", "research")["spec"]["hard"]
    assert (
        hard["requests.nvidia.com/gpu"] == hard["gpu.nvidia.com.deviceclass.resource.k8s.io/devices"] == "96"
    )
    assert hard["services.loadbalancers"] == hard["services.nodeports"] == "0"
    assert hard["scratch.storageclass.storage.k8s.io/requests.storage"] == "500T"
    assert hard["models.storageclass.storage.k8s.io/requests.storage"] == "0"


def test_a_quota_bounds_what_one_tenant_can_ask_of_machines_and_of_the_control_plane():
    hard = one("ResourceQuota", "tenant", "research")["spec"]["hard"]
    assert (hard["requests.cpu"], hard["requests.memory"]) == ("2688", "22351Gi"), (
        "12 machines of 224 CPUs and 2 TB"
    )
    for name in (
        "count/secrets",
        "count/configmaps",
        "services",
        "persistentvolumeclaims",
        "count/jobs.batch",
    ):
        assert 100 <= int(hard[name]) <= 20_000
    assert int(hard["count/secrets"]) <= 5_000


@pytest.mark.parametrize("name", ["lab", "superpod", "gigafactory", "plural"])
def test_quotas_of_a_zone_promise_no_more_cpus_than_its_machines_have(name: str):
    factory = load(STACKS / name)
    derived = plan(factory)
    for cluster in derived.clusters:
        room: Counter[str] = Counter()
        for pool in cluster.pools:
            room[pool.zone] += pool.nodes * system(pool.system).cpus
        with_gpus = [place for place in cluster.namespaces if sum(place.gpus.values())]
        for place in with_gpus:
            room[place.zone] -= int(_computing_limits(cluster, place)["requests.cpu"])
        assert min(room.values()) >= 0
        for place in cluster.namespaces:
            assert int(_computing_limits(cluster, place).get("requests.cpu", "1")) > 0, (
                "a tenant without GPUs can still run something"
            )


def test_no_service_account_mounts_its_token_by_itself():
    accounts = every("ServiceAccount")
    assert {obj["metadata"]["name"] for obj in accounts if obj["metadata"]["namespace"] == "research"} == {
        "default",
        "workload",
    }
    assert all(obj["automountServiceAccountToken"] is False for obj in accounts)

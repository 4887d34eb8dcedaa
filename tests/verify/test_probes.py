from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.verify import probes as probing
from sovereign_ai.verify.pods import UNLISTED
from sovereign_ai.verify.probes import ClusterProbe, run_probes
from tests.sim.plans import CLUSTER
from tests.verify.in_memory import InMemoryApi, refused
from tests.verify.small_bundle import small_bundle
from tests.verify.test_verdict import FACTORY, PLAN, admit, memory


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_SETTLE_SECONDS", 0.0)


def run(api: InMemoryApi, **more: Any) -> dict[str, ClusterProbe]:
    found = run_probes(
        api, FACTORY, PLAN, small_bundle(FACTORY, PLAN).objects, CLUSTER, wait_seconds=0, **more
    )
    return {probe.name: probe for probe in found}


def admitted() -> InMemoryApi:
    api = memory()
    api.admit = admit
    return api


def test_a_pod_that_is_let_in_where_it_must_not_fails_its_probe() -> None:
    found = run(memory())
    wrong = {name: probe for name, probe in found.items() if probe.expected == "refused"}
    assert len(wrong) == 10
    assert {probe.status for probe in wrong.values()} == {"failed"}
    assert {probe.detail for probe in wrong.values()} == {"it was let in"}


def test_a_refusal_by_somebody_else_is_no_pass() -> None:
    def others(obj: Mapping[str, Any]) -> None:
        if obj["kind"] == "Pod":
            raise refused(
                403, "ValidatingAdmissionPolicy 'another-policy' with binding 'x' denied request: no"
            )

    api = memory()
    api.admit = others
    found = run(api)
    assert {probe.status for probe in found.values() if probe.expected == "refused"} == {"failed"}
    assert "by none of our policies" in found["wrong-zone/research"].detail


def test_pod_security_counts_for_privileged_pods_alone() -> None:
    def strict(obj: Mapping[str, Any]) -> None:
        if obj["kind"] == "Pod":
            raise refused(403, 'violates PodSecurity "restricted:latest"')

    api = memory()
    api.admit = strict
    found = run(api)
    assert found["privileged/research"].status == "passed"
    assert found["unlisted-registry/research"].status == "failed"


def test_a_pod_that_ran_in_another_zone_fails() -> None:
    api = admitted()
    for key, node in api.objects.items():
        if key[1] == "Node":
            node["metadata"]["labels"] |= {KEYS.zone: "open", KEYS.pool: "serve"}
    for name in ("serve-0001", "serve-0002"):
        api.delete("v1", "Node", name)
    probe = run(api)["gpu-by-resource/serve"]
    assert (probe.status, probe.detail) == ("failed", "it ran on train-0001, in pool train, zone restricted")


def test_a_pod_that_does_not_run_says_why() -> None:
    api = admitted()
    api.plays_pods = False
    probe = run(api)["gpu-by-resource/train"]
    assert probe.status == "failed"
    assert "did not run within 0 s" in probe.detail


def test_a_used_up_quota_is_skipped_with_its_reason_and_is_no_pass() -> None:
    def quota(obj: Mapping[str, Any]) -> None:
        if obj["kind"] == "Pod" and obj["metadata"]["name"].startswith("probe-"):
            raise refused(403, "exceeded quota: tenant, requested: 1, used: 96, limited: 96")
        admit(obj)

    api = memory()
    api.admit = quota
    probe = run(api)["gpu-by-resource/train"]
    assert (probe.status, probe.detail) == (
        "skipped",
        "the quota of namespace research leaves no room for it",
    )


def test_a_pod_that_asks_for_more_than_there_is_must_not_run() -> None:
    api = admitted()
    for key, node in api.objects.items():
        if key[1] == "Node":
            node["status"]["allocatable"]["nvidia.com/gpu"] = "1000"
    probe = run(api)["more-than-there-is/train"]
    assert (probe.expected, probe.status) == ("waits", "failed")


def test_no_detail_carries_the_name_that_a_probe_had_this_time() -> None:
    def angry(obj: Mapping[str, Any]) -> None:
        if obj["kind"] == "Pod":
            raise refused(403, f"pods {obj['metadata']['name']} is forbidden")

    api = memory()
    api.admit = angry
    assert [str(probe) for probe in run(api).values()] == [str(probe) for probe in run(api).values()]


def test_a_pool_in_full_use_is_skipped_and_one_with_room_is_not() -> None:
    def busy(number: str) -> InMemoryApi:
        api = admitted()
        api.plays_pods = False
        for node in ("train-0001", "train-0002"):
            limits = {"limits": {"nvidia.com/gpu": number}}
            job = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": node, "namespace": "research"},
                "status": {"phase": "Running"},
            }
            api.put({**job, "spec": {"nodeName": node, "containers": [{"resources": limits}]}})
        create = api.create

        def pending(obj: Mapping[str, Any], dry_run: bool = False, *, upsert: bool = False) -> dict[str, Any]:
            waiting = {"type": "PodScheduled", "status": "False", "message": "Insufficient nvidia.com/gpu"}
            return create(
                {**obj, "status": {"phase": "Pending", "conditions": [waiting]}}
                if obj["kind"] == "Pod"
                else obj,
                dry_run,
            )

        api.create = pending  # type: ignore[method-assign]  # a scheduler that finds no room
        return api

    assert run(busy("8"))["gpu-by-resource/train"].status == "skipped"
    probe = run(busy("7"))["gpu-by-resource/train"]
    assert (probe.status, "Insufficient" in probe.detail) == ("failed", True)


def test_what_probes_made_is_cleared_away_even_if_the_server_refuses_in_between() -> None:
    def moody(obj: Mapping[str, Any]) -> None:
        if obj["kind"] == "Pod" and "-claim-" in obj["metadata"]["name"]:
            raise refused(500, "internal error")
        admit(obj)

    api = memory()
    api.admit = moody
    assert run(api)["gpu-by-claim/train"].status == "failed"
    assert not [key for key in api.objects if key[1] in {"Pod", "ResourceClaim"}]


def test_what_a_killed_run_left_is_cleared_away_by_the_next() -> None:
    api = admitted()
    labels = {KEYS.owner: "sovereign-ai", KEYS.factory: "tiny", KEYS.component: "probe"}
    old = {
        "name": "probe-old",
        "namespace": "research",
        "labels": labels,
        "creationTimestamp": "2020-01-01T00:00:00Z",
    }
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": old, "spec": {}})
    run(api)
    assert not [key for key in api.objects if key[1] == "Pod"]


def test_a_refused_pod_is_never_stored() -> None:
    api = memory()
    run(api)
    assert not [key for key in api.objects if key[1] == "Pod"]


def test_an_admission_policy_that_lets_in_what_it_must_refuse_fails_its_own_probe() -> None:
    def partly(obj: Mapping[str, Any]) -> None:
        if obj["kind"] in {"Service", "Deployment"}:
            group = {"Service": "network", "Deployment": "templates"}[obj["kind"]]
            raise refused(
                422, f"ValidatingAdmissionPolicy 'sovereign-{group}' with binding 'x' denied request: no"
            )
        if obj["kind"] == "StorageClass":
            raise refused(
                422, "ValidatingAdmissionPolicy 'sovereign-network' with binding 'x' denied request: no"
            )

    api = memory()
    api.admit = partly
    found = {
        probe.name: probe
        for probe in run_probes(api, FACTORY, PLAN, render(FACTORY, PLAN).objects, CLUSTER, wait_seconds=0)
    }
    seen = {
        name.rpartition("-")[2]: probe.status
        for name, probe in found.items()
        if name.startswith("admission/sovereign-")
    }
    assert seen == {
        "policies": "failed",
        "templates": "passed",
        "network": "passed",
        "storage": "failed",
        "rights": "failed",
        "claims": "failed",
        "cluster": "failed",
        "nodes": "failed",
        "others": "failed",
    }
    assert "by none of our policies" in found["admission/sovereign-storage"].detail


def test_the_unlisted_registry_is_one_that_nobody_can_own() -> None:
    assert UNLISTED.split("/")[0].endswith(".invalid")


def test_a_pool_whose_zone_has_no_tenant_is_skipped() -> None:
    lonely = PLAN.clusters[0]
    spaces = tuple(space for space in lonely.namespaces if space.zone != "open")
    plan = type(PLAN)(
        **{
            **{name: getattr(PLAN, name) for name in PLAN.__dataclass_fields__},
            "clusters": (_with(lonely, spaces),),
        }
    )
    found = run_probes(
        admitted(), FACTORY, plan, small_bundle(FACTORY, plan).objects, CLUSTER, wait_seconds=0
    )
    skipped = {probe.name: probe.detail for probe in found if probe.status == "skipped"}
    assert skipped == dict.fromkeys(
        ("gpu-by-resource/serve", "gpu-by-claim/serve"),
        "no tenant has a namespace in zone open of this cluster",
    )


def _with(cluster: Any, namespaces: Any) -> Any:
    fields = {name: getattr(cluster, name) for name in cluster.__dataclass_fields__}
    return type(cluster)(**{**fields, "namespaces": namespaces})

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.sim.factory import simulate
from sovereign_ai.verify.kinds import OBSERVED, RBAC
from sovereign_ai.verify.observation import observe
from sovereign_ai.verify.verdict import verify
from tests.sim.plans import CLUSTER, factory_of, plan_of
from tests.verify.in_memory import InMemoryApi, refused
from tests.verify.small_bundle import POLICY, check, small_bundle

FACTORY = factory_of()
PLAN = plan_of(FACTORY, spares=1)

INTRUDER: dict[str, Any] = {
    "apiVersion": RBAC,
    "kind": "RoleBinding",
    "metadata": {"name": "intruder", "namespace": "research"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}],
}


def deployed(api: Api) -> Api:
    for obj in small_bundle(FACTORY, PLAN).objects:
        api.apply(obj, force=True)
    simulate(api, FACTORY, PLAN, CLUSTER)
    return api


def memory() -> InMemoryApi:
    api = InMemoryApi()
    deployed(api)
    api.asked.clear()
    return api


def spoil(api: Api) -> None:
    """Delete a machine, widen a policy, add a binding."""
    api.delete("v1", "Node", "train-0002")
    policy = api.get("networking.k8s.io/v1", "NetworkPolicy", "own-zone", "research")
    assert policy is not None
    policy["spec"]["ingress"][0]["from"].append({"namespaceSelector": {}})
    del policy["metadata"]["managedFields"], policy["metadata"]["resourceVersion"]
    api.apply(policy, field_manager="somebody", force=True)
    api.create(INTRUDER)


def seen(findings: Any) -> list[tuple[str, str, str]]:
    return [(one.kind, one.resource, one.field) for one in findings]


THREE = [
    ("changed", "NetworkPolicy/research/own-zone", "spec.ingress[0].from"),
    ("missing", "Node/train-0002", ""),
    ("foreign", "RoleBinding/research/intruder", ""),
]


def test_a_factory_as_it_should_be_has_no_finding() -> None:
    verdict = check(memory(), FACTORY, PLAN)
    assert verdict.findings == ()
    assert verdict.ok
    assert not verdict.complete
    assert verdict.counts == {
        "objects": 21,
        "nodes": 5,
        "ready": 5,
        "devices": 40,
        "requests": 1 + len(OBSERVED),
    }


def test_exactly_what_was_spoiled_is_found() -> None:
    api = memory()
    for kind, name in (("NetworkPolicy", "own-zone"),):
        api.live(kind, name, "research")["metadata"] |= {"managedFields": [], "resourceVersion": "1"}
    spoil(api)
    verdict = check(api, FACTORY, PLAN)
    assert seen(verdict.findings) == THREE
    assert not verdict.ok


def test_reading_asks_once_a_kind_however_many_objects_there_are() -> None:
    api = memory()
    check(api, FACTORY, PLAN)
    asked = [one for one in api.asked if one.startswith("LIST")]
    assert len(asked) == len(set(asked)) == 1 + len(OBSERVED)
    assert len(api.asked) == len(asked)


def test_verifying_without_probes_writes_nothing() -> None:
    api = memory()
    check(api, FACTORY, PLAN)
    assert not [one for one in api.asked if not one.startswith(("LIST", "GET"))]


def test_a_config_map_that_lost_our_label_is_changed_and_not_missing() -> None:
    api = memory()
    api.live("ConfigMap", "digests", "research")["metadata"]["labels"] = {}
    found = check(api, FACTORY, PLAN).findings
    assert [(one.kind, one.resource) for one in found] == [("changed", "ConfigMap/research/digests")]


def test_a_kind_that_the_server_does_not_serve_is_missing_with_the_way_to_it() -> None:
    api = memory()
    api.unserved.add("DeviceClass")
    found = check(api, FACTORY, PLAN).findings
    assert {one.resource for one in found} == {
        "DeviceClass/gpu.nvidia.com",
        "DeviceClass/mig.nvidia.com",
        "DeviceClass/gpu.amd.com",
    }
    assert all("CRD" in one.hint for one in found)


def test_a_refused_permission_is_an_error_and_never_nothing_there() -> None:
    class Blind(InMemoryApi):
        def list(self, *_args: Any, **_more: Any) -> Any:
            raise refused(403, "nodes is forbidden")

    with pytest.raises(Exception, match="forbidden"):
        observe(Blind(), FACTORY)


def test_an_object_that_is_no_longer_wanted_but_carries_our_labels_is_foreign() -> None:
    api = memory()
    fewer: Any = small_bundle(FACTORY, PLAN)
    bundle = type(fewer)(tuple(obj for obj in fewer.objects if obj["kind"] != "DeviceClass"))
    found = verify(api, FACTORY, PLAN, bundle, cluster=CLUSTER, probes=False).findings
    assert {(one.kind, one.resource.split("/")[0]) for one in found} == {("foreign", "DeviceClass")}


def test_the_digest_leaves_the_time_out_and_follows_the_findings() -> None:
    api = memory()
    before = check(api, FACTORY, PLAN)
    assert before.digest == check(api, FACTORY, PLAN).digest
    api.create(INTRUDER)
    assert before.digest != check(api, FACTORY, PLAN).digest


def admit(obj: Mapping[str, Any]) -> None:
    """The small policy, as the API server would word its refusals."""
    if obj["kind"] != "Pod":
        return
    chosen, container = obj["spec"]["nodeSelector"], obj["spec"]["containers"][0]
    zones = {"research": "restricted", "startups": "open"}
    bad = next(
        (
            value
            for key, value in chosen.items()
            if key.endswith("/zone") and value != zones[obj["metadata"]["namespace"]]
        ),
        "",
    )
    bad = bad or next(
        (value for key, value in chosen.items() if key.endswith("/jurisdiction") and value != "DE"), ""
    )
    if container["securityContext"].get("privileged"):
        raise refused(403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged')
    if bad or "nodeName" in obj["spec"] or not container["image"].startswith("registry.example.com/ai/"):
        raise refused(422, f"ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: no")


def test_probes_run_where_they_must_and_are_refused_where_they_must() -> None:
    api = memory()
    api.admit = admit
    verdict = check(api, FACTORY, PLAN, probes=True)
    assert [str(probe) for probe in verdict.probes if probe.status != "passed"] == []
    assert {probe.name for probe in verdict.probes} == {
        *(f"gpu-by-{way}/{pool}" for way in ("resource", "claim") for pool in ("train", "serve")),
        "more-than-there-is/train",
        "more-than-there-is/serve",
        *(
            f"{fault}/{space}"
            for fault in ("wrong-zone", "named-node", "wrong-jurisdiction", "privileged", "unlisted-registry")
            for space in ("research", "startups")
        ),
    }
    assert verdict.ok
    assert verdict.complete
    assert not [key for key in api.objects if key[1] in {"Pod", "ResourceClaim"}]


@pytest.mark.cluster
def test_on_a_real_control_plane_exactly_what_was_spoiled_is_found_and_restored(small: Api) -> None:
    deployed(small)
    whole = check(small, FACTORY, PLAN, probes=True)
    assert [
        str(one) for one in (*whole.findings, *whole.probes) if getattr(one, "status", "failed") != "passed"
    ] == []
    assert whole.complete
    spoil(small)
    assert seen(check(small, FACTORY, PLAN).findings) == THREE
    deployed(small)
    small.delete(RBAC, "RoleBinding", "intruder", "research")
    assert check(small, FACTORY, PLAN).findings == ()

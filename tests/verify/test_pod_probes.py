from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sovereign_ai.verify import pod_probes
from sovereign_ai.verify.pod_probes import attempts, clear_leftovers, device_class
from sovereign_ai.verify.pods import ProbeTarget, gpu_pod
from tests.verify.test_verdict import FACTORY, PLAN, memory

CLUSTER = PLAN.clusters[0]
POOL = CLUSTER.pools[0]
PLACE = ProbeTarget(next(space for space in CLUSTER.namespaces if space.zone == POOL.zone), POOL)


def test_each_pool_has_a_pod_that_must_wait_and_asks_for_more_than_a_node_has() -> None:
    made = {one.name: one for one in attempts(memory(), FACTORY, PLAN, [PLACE], frozenset(), 0)}
    waiting = made[f"more-than-there-is/{POOL.pool}"]
    most = max(node.gpus for node in PLAN.nodes if node.pool == POOL.pool)
    limits = waiting.objects[-1]["spec"]["containers"][0]["resources"]["limits"]
    assert (waiting.expected, int(limits[POOL.resource]) > most) == ("waits", True)


def test_a_claim_is_not_tried_without_its_device_class() -> None:
    kind = device_class(PLACE)
    assert kind is not None
    (skipped,) = [
        one for one in attempts(memory(), FACTORY, PLAN, [PLACE], frozenset(), 0) if "claim" in one.name
    ]
    assert skipped.run() == ("skipped", f"no DeviceClass {kind} is rendered")


def test_only_old_objects_of_probes_are_leftovers() -> None:
    api = memory()
    now = datetime.now(UTC)
    for name, age in (("old", timedelta(hours=1)), ("young", timedelta(minutes=1))):
        pod = gpu_pod(FACTORY, PLACE, name)
        api.create(pod)
        key = ("v1", "Pod", pod["metadata"]["namespace"], name)
        api.objects[key]["metadata"]["creationTimestamp"] = (now - age).isoformat()
    clear_leftovers(api, FACTORY)
    assert [key[3] for key in api.objects if key[1] == "Pod"] == ["young"]


def test_a_pod_that_has_ended_holds_no_device() -> None:
    container = {"resources": {"limits": {POOL.resource: "2"}}}
    pod: dict[str, Any] = {"spec": {"containers": [container, container]}, "status": {"phase": "Running"}}
    assert pod_probes._devices_of(pod, POOL.resource) == 4
    assert pod_probes._devices_of(pod | {"status": {"phase": "Succeeded"}}, POOL.resource) == 0


def test_a_reason_to_wait_is_the_scheduler_s_own() -> None:
    conditions = [
        {"type": "Ready", "status": "False", "message": "not this"},
        {"type": "PodScheduled", "status": "False", "message": "Insufficient gpus"},
    ]
    assert pod_probes._waiting_reason({"status": {"conditions": conditions}}) == "Insufficient gpus"
    assert pod_probes._waiting_reason({}) == ""

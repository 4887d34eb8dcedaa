from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.verify.queue_reason import reason_of
from tests.verify.test_queue_reason import GPU, node, queue, running, state, workload


def selecting(**labels: str) -> dict[str, Any]:
    asked = workload()
    asked["spec"]["podSets"][0]["template"]["spec"]["nodeSelector"] = dict(labels)
    return asked


def asking(resource: str) -> dict[str, Any]:
    asked = workload()
    asked["spec"]["podSets"][0]["template"]["spec"]["containers"][0]["resources"]["limits"] = {resource: 1}
    return asked


def local(name: str, to: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "research"}, "spec": {"clusterQueue": to}}


def test_a_selected_label_that_the_flavor_does_not_have_becomes_the_flavors() -> None:
    reason = reason_of(selecting(pool="elsewhere"), state())
    assert (reason.code, str(reason.change)) == ("wrong-label", "select nodes with pool=pool")


def test_a_selected_label_that_no_node_has_is_left_out() -> None:
    reason = reason_of(selecting(model="h200"), state())
    assert (reason.code, str(reason.change)) == ("topology", "select nodes without model")


def test_a_taint_of_the_flavor_is_to_be_tolerated() -> None:
    usual = state()
    flavor = dict(usual.flavors[0])
    flavor["spec"] |= {"nodeTaints": [{"key": "reserved", "value": "a", "effect": "NoSchedule"}]}
    reason = reason_of(workload(), state(flavors=(flavor,)))
    assert (reason.code, str(reason.change)) == ("untolerated", "tolerate reserved=a:NoSchedule in main")
    tolerant = workload()
    pod = tolerant["spec"]["podSets"][0]["template"]["spec"]
    pod["tolerations"] = [{"key": "reserved", "operator": "Exists"}]
    assert reason_of(tolerant, state(flavors=(flavor,))).code == "fits"


@pytest.mark.parametrize(
    ("resource", "change"),
    [
        ("nvidia.com/gpus", "ask for nvidia.com/gpu in place of nvidia.com/gpus"),
        ("example.org/quantum", "leave out example.org/quantum, which no node has"),
    ],
)
def test_a_resource_without_a_quota_is_mistyped_or_left_out(resource: str, change: str) -> None:
    assert str(reason_of(asking(resource), state()).change) == change


def test_a_resource_that_nodes_have_gets_a_quota_however_near_another_name_is() -> None:
    machine = node("n1", "u1", "r1")
    machine["status"]["allocatable"]["nvidia.com/gpus"] = "4"
    reason = reason_of(asking("nvidia.com/gpus"), state(nodes=(machine,)))
    assert str(reason.change) == "cover nvidia.com/gpus in ClusterQueue pool with a quota of 1"


def test_a_gang_larger_than_the_fleet_is_brought_down_to_it() -> None:
    reason = reason_of(workload(9), state(cluster_queues=(queue(800),)))
    assert (reason.code, str(reason.change)) == ("topology", "ask for 4 pods in main")


def test_the_end_of_a_workload_of_another_cohort_helps_nobody() -> None:
    pods = []
    for name in ("n1", "n2", "n3", "n4"):
        metadata = {"namespace": "research", "annotations": {"kueue.x-k8s.io/workload": "all"}}
        spec = {"nodeName": name, "containers": [{"resources": {"limits": {GPU: "8"}}}]}
        pods.append({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}})
    holder = running("all", 32)
    queues = (queue(800), {**queue(800), "metadata": {"name": "other"}})
    same = state(cluster_queues=queues, workloads=(holder,), pods=pods)
    assert str(reason_of(workload(), same).change).startswith("wait for research/all")
    holder = running("all", 32)
    holder["status"]["admission"]["clusterQueue"] = "other"
    elsewhere = state(cluster_queues=queues, workloads=(holder,), pods=pods)
    assert reason_of(workload(), elsewhere).change is None


def test_what_has_less_priority_is_no_obstacle_and_what_has_more_names_itself() -> None:
    low = [running(name, 8) | {"spec": {"priority": 5}} for name in ("a", "b", "c", "d")]
    preempting = queue(preemption={"withinClusterQueue": "LowerPriority"})
    busy = state(cluster_queues=(preempting,), workloads=tuple(low))
    assert reason_of(workload(4, spec={"priority": 6}), busy).code == "fits"
    reason = reason_of(workload(4, spec={"priority": 5}), busy)
    assert (reason.code, str(reason.change)) == (
        "waits-for-quota",
        "give it a priority above 5, that of research/a",
    )


def test_in_strict_order_the_first_one_is_named() -> None:
    ordered = queue(queueingStrategy="StrictFIFO")
    first = workload(4, spec={"priority": 9})
    first["metadata"] = {"name": "first", "namespace": "research"}
    reason = reason_of(workload(1), state(cluster_queues=(ordered,), workloads=(first,)))
    assert (reason.code, reason.change and reason.change.value) == ("behind", "9")


def test_repair_names_the_fewest_machines_of_the_domain_that_needs_least() -> None:
    nodes = (
        node("n1", "u1", "r1", unschedulable=True),
        node("n2", "u1", "r1", unschedulable=True),
        node("n3", "u1", "r2", unschedulable=True),
    )
    usual = workload(1, pod_set={"topologyRequest": {"required": "example.com/rack"}})
    reason = reason_of(usual, state(nodes=nodes))
    assert str(reason.change) == "repair or add nodes of flavor: n1"
    two = workload(2, pod_set={"topologyRequest": {"required": "example.com/rack"}})
    assert str(reason_of(two, state(nodes=nodes)).change) == "repair or add nodes of flavor: n1, n2"


def test_a_queue_for_other_namespaces_is_answered_by_one_that_admits() -> None:
    closed = queue(namespaceSelector={"matchLabels": {"zone": "a"}})
    right = {**queue(namespaceSelector={}), "metadata": {"name": "right"}}
    space = {"metadata": {"name": "research", "labels": {"zone": "b"}}}
    both = state(
        cluster_queues=(closed, right),
        local_queues=(local("train", "pool"), local("other", "right")),
        namespaces=(space,),
    )
    reason = reason_of(workload(), both)
    assert (reason.code, str(reason.change)) == ("other-namespace", "use the queue 'other'")


@pytest.mark.parametrize(
    ("selector", "serves"),
    [
        (None, "no namespace, since it has no namespaceSelector"),
        (
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "c"]}]},
            "namespaces with zone In (a, c), and not research",
        ),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a", "c"]}]}, ""),
        ({}, ""),
    ],
)
def test_a_namespace_selector_is_judged_whole(selector: dict[str, Any] | None, serves: str) -> None:
    space = {"metadata": {"name": "research", "labels": {"zone": "b"}}}
    served = state(cluster_queues=(queue(namespaceSelector=selector),), namespaces=(space,))
    reason = reason_of(workload(), served)
    assert (reason.code == "other-namespace") == bool(serves)
    assert serves in reason.message


def test_a_check_that_nobody_answers_and_a_missing_flavor_are_named() -> None:
    checked = queue(admissionChecksStrategy={"admissionChecks": [{"name": "budget"}]})
    checked["status"]["conditions"][0] |= {"status": "False", "message": "inactive check"}
    reason = reason_of(workload(), state(cluster_queues=(checked,)))
    assert reason.change is not None
    assert (reason.change.kind, reason.change.target) == ("check", "budget")
    lost = queue()
    lost["status"]["conditions"][0] |= {"status": "False", "message": "no flavor"}
    reason = reason_of(workload(), state(cluster_queues=(lost,), flavors=()))
    assert str(reason.change) == "create the ResourceFlavor flavor"


def test_kueues_word_for_a_deactivated_workload_is_that_of_its_eviction() -> None:
    evicted = {"type": "Evicted", "status": "True", "reason": "Deactivated", "message": "by hand"}
    asked = workload(spec={"active": False}, status={"conditions": [evicted]})
    assert reason_of(asked, state()).kueue_reason == "Deactivated"

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.sim.allocation import holders
from sovereign_ai.sim.difference import FAULT
from sovereign_ai.sim.working import Working, count_working, unwell_machines
from tests.sim.claims import claim, pod
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train", nodes=3)))
CUT = plan_of(factory_of(pool("cut", nodes=1, mig="1g.10gb")))
JOB, SET, GROUP = (
    "batch.kubernetes.io/job-name",
    "jobset.sigs.k8s.io/jobset-name",
    "leaderworkerset.sigs.k8s.io/group-key",
)


def of(name: str, node: str, gpus: int = 8, phase: str = "Running", **labels: str) -> dict[str, Any]:
    made = pod(name, node, gpus, phase)
    keys = {"job": JOB, "set": SET, "group": GROUP}
    made["metadata"]["labels"] = {keys[short]: value for short, value in labels.items()}
    return made


def counted(*pods: dict[str, Any], unwell: set[str] | None = None, plan: Any = PLAN) -> tuple[float, float]:
    working = count_working(plan, CLUSTER, pods, holders(plan, CLUSTER, list(pods), []), unwell or set())
    return working.working, working.stalled


def test_work_whose_every_pod_runs_on_a_sound_machine_works() -> None:
    assert counted(of("a", "train-0001", job="j"), of("b", "train-0002", job="j")) == (16, 0)


@pytest.mark.parametrize("short", ["job", "set", "group"])
def test_one_pod_that_waits_lets_all_of_its_work_stand_still(short: str) -> None:
    gang = [of("a", "train-0001", **{short: "j"}), of("b", "", phase="Pending", **{short: "j"})]
    assert counted(*gang, of("c", "train-0002", **{short: "other"})) == (8, 8)


def test_one_broken_machine_lets_all_of_its_work_stand_still() -> None:
    gang = [of("a", "train-0001", job="j"), of("b", "train-0002", job="j")]
    assert counted(*gang, of("alone", "train-0003"), unwell={"train-0002"}) == (8, 16)


def test_a_jobset_runs_whole_though_it_has_several_jobs() -> None:
    first = of("a", "train-0001", set="s", job="s-node-0")
    second = of("b", "", phase="Pending", set="s", job="s-node-1")
    assert counted(first, second) == (0, 8)


def test_work_of_one_name_in_two_namespaces_is_two() -> None:
    other = of("b", "", phase="Pending", job="j")
    other["metadata"]["namespace"] = "startups"
    assert counted(of("a", "train-0001", job="j"), other) == (8, 0)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_holds_nobody_back(phase: str) -> None:
    assert counted(of("a", "train-0001", job="j"), of("b", "train-0002", phase=phase, job="j")) == (8, 0)


def test_instances_count_as_their_share_of_a_gpu() -> None:
    made = of("a", "cut-0001", 0)
    made["spec"]["containers"][0]["resources"]["limits"] = {CUT.clusters[0].pools[0].resource: "14"}
    assert counted(made, plan=CUT) == (2, 0)


def test_a_claim_that_no_pod_uses_holds_its_device_for_nothing() -> None:
    held = holders(PLAN, CLUSTER, [], [claim("train-0001", "gpu-0")])
    working = count_working(PLAN, CLUSTER, [], held, set())
    assert (working.working, working.stalled, working.by_namespace) == (0, 1, {"research": 1})


def test_goodput_is_a_share_of_all_gpus_and_none_of_no_gpus() -> None:
    pods = [of("a", "train-0001")]
    working = count_working(PLAN, CLUSTER, pods, holders(PLAN, CLUSTER, pods, []), set())
    assert working.goodput == pytest.approx(8 / 24)
    assert working.to_data()["scheduling_goodput"] == 0.3333
    assert Working(0.0, 0.0, 0.0, {}).goodput == 0.0


def test_a_machine_is_unwell_that_does_not_answer_or_has_the_taint_of_a_fault() -> None:
    def node(name: str, ready: str, *taints: str) -> dict[str, Any]:
        spec = {"taints": [{"key": key, "effect": "NoSchedule"} for key in taints]}
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        return {"metadata": {"name": name}, "spec": spec, "status": status}

    nodes = [node("a", "True"), node("b", "Unknown"), node("c", "True", FAULT), node("d", "True", "zone")]
    assert unwell_machines(nodes) == {"b", "c"}

"""Cases drawn to make `why` wrong, on the real Kueue: several causes at once, and what a policy forbids.

As in test_why_cases.py, whose fleet they use: Kueue's own words say that a case is what it was drawn as, and
what is proposed is done exactly, after which Kueue has to admit. Where no single change does, none is named.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.names import KEYS
from sovereign_ai.verify import QueueReason, observe_queues, reason_of, workload_of
from tests.queues.test_pending import KUEUE, made, until
from tests.queues.test_why_cases import (
    DOMAIN,
    GPU,
    HOST,
    LEVELS,
    POOL,
    SmallFleet,
    answer_check,
    apply_change,
)

pytestmark = pytest.mark.queues

TAINT = {"key": "example.com/dedicated", "value": "x", "effect": "NoSchedule"}
ZONE = "example.com/zone"


@dataclass(frozen=True)
class Doubt:
    """What waits, and what has to be said.

    Attributes:
        job: the job that waits; one that was submitted already is asked about as it is.
        code: this program's word.
        words: a part of Kueue's message.
        kinds: the changes that may be named; none where no single one admits it.
        before: whether the answer is the same before it is submitted.
    """

    job: dict[str, Any]
    code: str
    words: str
    kinds: tuple[str, ...]
    before: bool = True


def neighbour_borrowed_the_own_quota(fleet: SmallFleet) -> Doubt:
    """The queue's own quota, which a neighbour has borrowed and no policy lets it take back."""
    fleet.add_nodes()
    policy = {"withinClusterQueue": "Never", "reclaimWithinCohort": "Never"}
    fleet.add_queue(16, cohortName=fleet.name, preemption=policy)
    other = fleet.add_queue(16, "neighbour", cohortName=fleet.name, preemption=policy)
    fleet.run(4, other)
    job = fleet.job(fleet.drawn.randint(1, 2), priority=1000)
    return Doubt(job, "waits-for-quota", "insufficient unused quota", ("end",))


def quota_of_a_cohort_above(fleet: SmallFleet) -> Doubt:
    """The quota of a cohort two levels above, which a queue of another branch has taken."""
    fleet.add_nodes()
    top, left, right = (f"{fleet.name}-{part}" for part in ("top", "left", "right"))
    resources = [{"name": "cpu", "nominalQuota": "0"}, {"name": GPU, "nominalQuota": "32"}]
    group = {
        "coveredResources": ["cpu", GPU],
        "flavors": [{"name": fleet.name, "resources": resources}],
    }
    fleet.keep(made(KUEUE, "Cohort", top, {"resourceGroups": [group]}))
    fleet.keep(made(KUEUE, "Cohort", left, {"parentName": top}))
    fleet.keep(made(KUEUE, "Cohort", right, {"parentName": top}))
    fleet.add_queue(0, cohortName=left)
    other = fleet.add_queue(0, "other", cohortName=right)
    fleet.run(fleet.drawn.randint(3, 4), other)
    return Doubt(fleet.job(2), "waits-for-quota", "insufficient unused quota", ("end", "count"))


def all_nodes_tainted(fleet: SmallFleet) -> Doubt:
    """A flavor whose nodes all have a taint that the pods do not tolerate, and that is no fault."""
    fleet.add_nodes()
    fleet.add_queue(512)
    for name in fleet.nodes:
        fleet.change_node(name, taints=[TAINT])
    return Doubt(fleet.job(2), "topology", 'topology "whys"', ("tolerate", "repair"))


def stopped_and_too_large(fleet: SmallFleet) -> Doubt:
    """A stopped queue, whose quota is too small besides: to resume it alone admits nothing."""
    fleet.add_nodes()
    fleet.add_queue(16)
    fleet.api.patch(KUEUE, "ClusterQueue", fleet.name, {"spec": {"stopPolicy": "Hold"}})
    return Doubt(fleet.job(4), "stopped-queue", "is ", ())


def stopped_and_another_takes_it(fleet: SmallFleet) -> Doubt:
    """A stopped queue with too small a quota, beside one that takes the job."""
    fleet.add_nodes()
    fleet.add_queue(16)
    fleet.add_queue(512, "other")
    fleet.api.patch(KUEUE, "ClusterQueue", fleet.name, {"spec": {"stopPolicy": "HoldAndDrain"}})
    return Doubt(fleet.job(4), "stopped-queue", "is ", ("queue",))


def stopped_twice(fleet: SmallFleet) -> Doubt:
    """A queue of the namespace and the one behind it, both stopped."""
    fleet.add_nodes()
    fleet.add_queue(512)
    fleet.api.patch(KUEUE, "ClusterQueue", fleet.name, {"spec": {"stopPolicy": "Hold"}})
    fleet.api.patch(KUEUE, "LocalQueue", fleet.name, {"spec": {"stopPolicy": "Hold"}}, fleet.name)
    return Doubt(fleet.job(1), "stopped-queue", "is ", ("resume",))


def drained(fleet: SmallFleet) -> Doubt:
    """A job that ran, and whose queue was stopped and drained."""
    fleet.add_nodes()
    fleet.add_queue(512)
    name = fleet.run(2)
    stop = {"spec": {"stopPolicy": "HoldAndDrain"}}
    if fleet.drawn.random() < 0.5:
        fleet.api.patch(KUEUE, "ClusterQueue", fleet.name, stop)
    else:
        fleet.api.patch(KUEUE, "LocalQueue", fleet.name, stop, fleet.name)
    return Doubt(fleet.last[name], "stopped-queue", "", ("resume",), before=False)


def rejected_check(fleet: SmallFleet) -> Doubt:
    """An admission check that rejected the job, upon which Kueue deactivates it."""
    fleet.add_nodes()
    fleet.keep(made(KUEUE, "AdmissionCheck", fleet.name, {"controllerName": "example.com/budget"}))
    fleet.add_queue(512, admissionChecksStrategy={"admissionChecks": [{"name": fleet.name}]})
    answer_check(fleet, fleet.name)
    name = fleet.submit(fleet.job(1))
    until(lambda: fleet.workload(name) and fleet.reason(name).code == "admission-check", 30)
    workload = fleet.workload(name)
    assert workload is not None
    for check in workload["status"]["admissionChecks"]:
        check |= {"state": "Rejected", "message": "no budget"}
    fleet.api.update_status(workload)
    until(lambda: not (fleet.workload(name) or {"spec": {}})["spec"].get("active", True), 30)
    return Doubt(fleet.last[name], "deactivated", "", (), before=False)


def priority_that_no_policy_heeds(fleet: SmallFleet) -> Doubt:
    """More priority than everything that runs, in a queue in which nothing is preempted."""
    fleet.add_nodes()
    pods = fleet.drawn.randint(2, 4)
    fleet.add_queue(8 * pods, preemption={"withinClusterQueue": "Never"})
    fleet.run(pods, priority=10)
    job = fleet.job(1, priority=1000)
    return Doubt(job, "waits-for-quota", "insufficient unused quota", ("end",))


def namespace_that_is_not_selected(fleet: SmallFleet) -> Doubt:
    """A queue for namespaces with a label that this one lacks, and no other queue."""
    fleet.add_nodes()
    selector: dict[str, Any] = {"matchLabels": {ZONE: "a", "example.com/team": "b"}}
    if fleet.drawn.random() < 0.5:
        selector = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["a", "b"]}]}
    fleet.add_queue(512, namespaceSelector=selector)
    return Doubt(fleet.job(1), "other-namespace", "namespace doesn't match", ("label",))


def no_local_queue_at_all(fleet: SmallFleet) -> Doubt:
    """A namespace without any queue."""
    fleet.add_nodes()
    fleet.add_queue(512)
    fleet.api.delete(KUEUE, "LocalQueue", fleet.name, fleet.name)
    return Doubt(fleet.job(1), "no-queue", "doesn't exist", ("local-queue",))


def queue_to_nowhere(fleet: SmallFleet) -> Doubt:
    """A queue of the namespace that leads to a ClusterQueue that does not exist, beside a right one."""
    fleet.add_nodes()
    fleet.add_queue(512)
    spec = {"clusterQueue": f"{fleet.name}-nowhere"}
    fleet.api.create(made(KUEUE, "LocalQueue", f"{fleet.name}-lost", spec, namespace=fleet.name))
    return Doubt(fleet.job(1, f"{fleet.name}-lost"), "no-queue", "doesn't exist", ("queue",))


def right_name_and_no_room(fleet: SmallFleet) -> Doubt:
    """A mistyped queue, where the right one has too little quota as well."""
    fleet.add_nodes()
    fleet.add_queue(8)
    return Doubt(fleet.job(3, f"{fleet.name}x"), "no-queue", "doesn't exist", ())


def selector_of_no_flavor(fleet: SmallFleet) -> Doubt:
    """A node selector that neither of two flavors has."""
    fleet.add_nodes()
    others = []
    for number in range(2):
        labels = {POOL: fleet.name, "example.com/kind": f"k{number}"}
        others.append(fleet.add_flavor(f"{fleet.name}-f{number}", nodeLabels=labels, topologyName=None))
    resources = [{"name": "cpu", "nominalQuota": "1000"}, {"name": GPU, "nominalQuota": "512"}]
    flavors = [{"name": name, "resources": resources} for name in others]
    groups = [{"coveredResources": ["cpu", GPU], "flavors": flavors}]
    fleet.add_queue(512, resourceGroups=groups)
    job = fleet.job(1, pod={"nodeSelector": {"example.com/kind": "k9"}})
    return Doubt(job, "wrong-label", "doesn't match node affinity", ("selector",))


def first_flavor_tainted_second_taken(fleet: SmallFleet) -> Doubt:
    """Two flavors: one with a taint, one whose quota is taken."""
    fleet.add_nodes()
    tainted = fleet.add_flavor(f"{fleet.name}-tainted", nodeTaints=[TAINT])
    flavors = []
    for name, gpus in ((tainted, 512), (fleet.name, 8)):
        resources = [{"name": "cpu", "nominalQuota": "1000"}, {"name": GPU, "nominalQuota": str(gpus)}]
        flavors.append({"name": name, "resources": resources})
    fleet.add_queue(512, resourceGroups=[{"coveredResources": ["cpu", GPU], "flavors": flavors}])
    fleet.run(1)
    return Doubt(fleet.job(1), "waits-for-quota", "insufficient unused quota", ("end",))


def gang_larger_than_the_level_below(fleet: SmallFleet) -> Doubt:
    """A gang within one NVLink domain of which a node was cordoned."""
    fleet.add_nodes(units=1, domains=2, size=2)
    fleet.add_queue(512)
    for names in fleet.domains:
        fleet.change_node(names[0], unschedulable=True)
    return Doubt(fleet.job(2, level=DOMAIN), "topology", 'topology "whys"', ("level", "repair"))


def gang_within_one_host(fleet: SmallFleet) -> Doubt:
    """Two pods of a whole node each, within one host."""
    fleet.add_nodes()
    fleet.add_queue(512)
    return Doubt(fleet.job(2, level=HOST), "topology", 'topology "whys"', ("level",))


def deactivated_and_too_large(fleet: SmallFleet) -> Doubt:
    """A workload that was deactivated, and would not fit if it were not."""
    fleet.add_nodes()
    fleet.add_queue(8)
    name = fleet.submit(fleet.job(3))
    until(lambda: fleet.workload(name), 30)
    workload = fleet.workload(name)
    assert workload is not None
    fleet.api.patch(KUEUE, "Workload", workload["metadata"]["name"], {"spec": {"active": False}}, fleet.name)
    return Doubt(fleet.last[name], "deactivated", "", (), before=False)


def admitted_and_no_node_takes_it(fleet: SmallFleet) -> Doubt:
    """A flavor without a topology, so that Kueue looks at no node, and nodes that take no pods."""
    fleet.add_nodes()
    plain = fleet.add_flavor(f"{fleet.name}-plain", topologyName=None)
    fleet.add_queue(512, flavor=plain)
    tainted = fleet.drawn.random() < 0.5
    for name in fleet.nodes:
        fleet.change_node(name, **({"taints": [TAINT]} if tainted else {"unschedulable": True}))
    job = fleet.job(2)
    before = reason_of(workload_of(job), observe_queues(fleet.api))
    assert before.code == "no-node", before
    return Doubt(job, "unschedulable", "", (), before=False)


DRAWERS: tuple[Callable[[SmallFleet], Doubt], ...] = (
    neighbour_borrowed_the_own_quota,
    quota_of_a_cohort_above,
    all_nodes_tainted,
    stopped_and_too_large,
    stopped_and_another_takes_it,
    stopped_twice,
    drained,
    rejected_check,
    priority_that_no_policy_heeds,
    namespace_that_is_not_selected,
    no_local_queue_at_all,
    queue_to_nowhere,
    right_name_and_no_room,
    selector_of_no_flavor,
    first_flavor_tainted_second_taken,
    gang_larger_than_the_level_below,
    gang_within_one_host,
    deactivated_and_too_large,
    admitted_and_no_node_takes_it,
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with Kueue and a topology."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("doubts", root=root, queueing=True, wait_seconds=300)
    try:
        api = open_cluster(cluster.kubeconfig)
        api.create(made(KUEUE, "Topology", "whys", {"levels": LEVELS}))
        yield api
    finally:
        down("doubts", root=root)


@pytest.fixture
def fleet(api: Api, draw: Callable[[SmallFleet], Doubt], seed: int) -> Iterator[SmallFleet]:
    """Make the namespace and the flavor of a case, and remove everything after it."""
    name = f"{draw.__name__.replace('_', '-')[:40]}-{seed}"
    small = SmallFleet(api, name, random.Random(seed))  # noqa: S311 - a seed for cases, and no secret
    api.create(made("v1", "Namespace", name, {}, labels={KEYS.namespace_zone: "open"}))
    small.add_flavor()
    yield small
    small.remove()


def said_of(fleet: SmallFleet, doubt: Doubt) -> QueueReason:
    """Return what is said once Kueue has said what the case was drawn as."""
    waiting = str(doubt.job["metadata"]["name"])
    said: list[QueueReason] = []

    def is_said() -> bool:
        if fleet.workload(waiting) is None:
            return False
        said.append(fleet.reason(waiting))
        is_settled = bool(said[-1].kueue_reason) and doubt.words in said[-1].kueue_message
        return said[-1].state == "waits" and is_settled and said[-1].code == doubt.code

    try:
        until(is_said, 30)
    except AssertionError as error:
        raise AssertionError(f"never {doubt.code} with {doubt.words!r}: {said[-1:]}") from error
    return said[-1]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("draw", DRAWERS, ids=lambda draw: draw.__name__)
def test_what_is_said_is_kueues_reason_and_what_is_proposed_admits(
    fleet: SmallFleet, draw: Callable[[SmallFleet], Doubt]
) -> None:
    doubt = draw(fleet)
    waiting = str(doubt.job["metadata"]["name"])
    if doubt.before:
        before = reason_of(workload_of(doubt.job), observe_queues(fleet.api))
        assert before.code == doubt.code, before
    if waiting not in fleet.last:
        fleet.submit(doubt.job)
    reason = said_of(fleet, doubt)
    if not doubt.kinds:
        assert reason.change is None, reason
        return
    assert reason.change is not None, reason
    assert reason.change.kind in doubt.kinds, reason
    try:
        fleet.admitted(apply_change(fleet, waiting, reason))
    except AssertionError as error:
        raise AssertionError(f"not admitted after: {reason.change}; it was {reason}") from error

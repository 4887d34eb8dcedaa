"""Drawn cases under fair sharing on the real Kueue: who waits and what admits it, and who loses its place.

    pytest -m queues tests/queues/test_fair_sharing.py -k "initial and 5"      # one again, by its number

Each case draws its queues, weights, priorities and jobs from its number. Where `why` says that a job fits,
Kueue has to preempt exactly those whom the arithmetic names; where it says that a job waits, Kueue has to say
so too, and the change that is named has to admit it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.names import KEYS
from sovereign_ai.verify import observe_queues, reason_of, workload_of
from sovereign_ai.verify.fair_share import STRATEGIES
from sovereign_ai.verify.pod_requests import field_of
from sovereign_ai.verify.queue_obstacle import way_in
from sovereign_ai.verify.queue_state import full_name, is_true, with_priority
from tests.queues.test_pending import KUEUE, made, until
from tests.queues.test_why_cases import LEVELS, SmallFleet, apply_change

pytestmark = pytest.mark.queues

RECLAIM = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Any"}
PODS = 8
"""Pods of eight GPUs for which a cohort has quota."""
CASES = 10
"""Drawn cases of each list of strategies."""
ORDERS = {"both": STRATEGIES, "final": STRATEGIES[:1], "initial": STRATEGIES[1:]}
PLANE = "fair"


@pytest.fixture(scope="module", params=list(ORDERS))
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane whose Kueue shares by some strategies."""
    root = tmp_path_factory.mktemp("clusters")
    shared = ORDERS[request.param]
    cluster = up(PLANE, root=root, queueing=True, wait_seconds=300, fair_sharing=shared)
    api = open_cluster(cluster.kubeconfig)
    api.create(made(KUEUE, "Topology", "whys", {"levels": LEVELS}))
    yield api
    down(PLANE, root=root)


@pytest.fixture
def order(api: Api, request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ORDERS[request.node.callspec.params["api"]]


@dataclass
class SharedFleet(SmallFleet):
    """Queues that share what they lend, of one flavor without nodes.

    Attributes:
        queues: the names of those that borrow.
    """

    queues: list[str] = field(default_factory=list)

    def share(self, quotas: dict[str, int], weights: dict[str, str], **cohorts: str) -> None:
        """Create queues of one cohort, or each in one of its own, with quotas in pods of eight GPUs."""
        for name, pods in quotas.items():
            spec: dict[str, Any] = {"cohortName": cohorts.get(name, self.name), "preemption": RECLAIM}
            if name in weights:
                spec["fairSharing"] = {"weight": weights[name]}
            self.queues.append(self.add_queue(8 * pods, name, **spec))

    def fill(self, queues: list[str], pods: int) -> None:
        """Let queues drawn for each job hold so many pods."""
        while pods:
            count = self.drawn.randint(1, min(pods, 3))
            queue = self.drawn.choice(queues)
            self.admitted(self.submit(self.job(count, queue, priority=self.drawn.choice((0, 0, 10, 100)))))
            pods -= count

    def evicted_for(self, waiting: str) -> set[str]:
        """Return the jobs that were preempted for another, as Kueue noted on their workloads."""
        own = self.workload(waiting)
        uid = "" if own is None else own["metadata"]["uid"]
        names = set()
        for event in self.api.list("v1", "Event", self.name):
            if event["reason"] == "Preempted" and f"(UID: {uid}," in event["message"]:
                names.add(event["involvedObject"]["name"])
        return {f"{self.name}/{name}" for name in names}


@pytest.fixture
def fleet(api: Api, request: pytest.FixtureRequest) -> Iterator[SharedFleet]:
    """Make the namespace and the flavor of a case, and remove everything after it."""
    number = request.node.callspec.params.get("number", 1000)
    name = f"{request.node.originalname.split('_')[1]}{number}"
    small = SharedFleet(api, name, random.Random(number))  # noqa: S311 - a seed for cases, and no secret
    api.create(made("v1", "Namespace", name, {}, labels={KEYS.namespace_zone: "open"}))
    small.keep(made(KUEUE, "ResourceFlavor", name, {}))
    yield small
    small.remove()


def tried(fleet: SharedFleet, job: dict[str, Any], order: tuple[str, ...]) -> None:
    """Submit a job, and hold Kueue's answer against what was said before, and what is said then."""
    state = observe_queues(fleet.api, order)
    assert state.fair_sharing == order
    asked = with_priority(workload_of(job), state)
    before = reason_of(asked, state)
    assert before.code in {"fits", "waits-for-quota"}, before
    waiting = fleet.submit(job)
    if before.code == "fits":
        found = way_in(asked, state)
        assert found is not None
        gone = {full_name(each) for each in state.workloads} - {
            full_name(each) for each in found[1].workloads
        }
        try:
            fleet.admitted(waiting)
        except AssertionError as error:
            raise AssertionError(f"Kueue does not admit it: {fleet.reason(waiting)}; {gone}") from error
        assert fleet.evicted_for(waiting) == gone, before
        return

    def is_refused() -> bool:
        if fleet.workload(waiting) is None:
            return False
        said = fleet.reason(waiting)
        assert said.state == "waits", (before, said)
        return "insufficient unused quota" in said.kueue_message

    until(is_refused, 30)
    admitted_by_change(fleet, waiting, order)


def admitted_by_change(fleet: SharedFleet, waiting: str, order: tuple[str, ...]) -> None:
    """Do what is named for a job that waits, and wait until it is admitted."""
    observed = observe_queues(fleet.api, order)
    workload = fleet.workload(waiting)
    assert workload is not None
    reason = reason_of(workload, observed)
    assert (reason.code, reason.kueue_reason) == ("waits-for-quota", "Pending"), reason
    assert reason.change is not None, reason
    try:
        fleet.admitted(apply_change(fleet, waiting, reason))
    except AssertionError as error:
        raise AssertionError(f"not admitted after: {reason.change}; it was {reason}") from error


@pytest.mark.parametrize("number", range(CASES))
def test_taking_by_shares_is_what_was_said(fleet: SharedFleet, order: tuple[str, ...], number: int) -> None:
    """Three queues hold all there is, and one of them asks for more."""
    drawn = fleet.drawn
    first, second = drawn.randint(0, 2), drawn.randint(0, 2)
    quotas = {"a": first, "b": second, "c": PODS - first - second}
    weights = {name: drawn.choice(("0", "500m", "1", "2", "3")) for name in quotas if drawn.random() < 0.8}
    fleet.share(quotas, weights)
    fleet.fill(fleet.queues[:2] if number % 3 else fleet.queues, PODS)
    queue = drawn.choice(fleet.queues)
    job = fleet.job(drawn.randint(1, 3), queue, priority=drawn.choice((0, 10, 100)))
    tried(fleet, job, order)


@pytest.mark.parametrize("number", range(4))
def test_cohorts_of_cohorts_share_as_was_said(
    fleet: SharedFleet, order: tuple[str, ...], number: int
) -> None:
    """Two cohorts with weights below one, each of two queues."""
    drawn = fleet.drawn
    for name in ("left", "right"):
        spec: dict[str, Any] = {"parentName": fleet.name}
        if drawn.random() < 0.8:
            spec["fairSharing"] = {"weight": drawn.choice(("1", "2", "3"))}
        fleet.keep(made(KUEUE, "Cohort", f"{fleet.name}-{name}", spec))
    quotas = {"a": drawn.randint(0, 2), "b": drawn.randint(0, 2), "c": drawn.randint(0, 2)}
    quotas["d"] = PODS - sum(quotas.values())
    left, right = f"{fleet.name}-left", f"{fleet.name}-right"
    fleet.share(quotas, {"a": "2", "c": "2"}, a=left, b=left, c=right, d=right)
    fleet.fill(fleet.queues, PODS)
    job = fleet.job(drawn.randint(1, 3), drawn.choice(fleet.queues), priority=drawn.choice((0, 100)))
    tried(fleet, job, order)


@pytest.mark.parametrize("number", range(4))
def test_outrun_work_is_told_what_lets_it_in_before_others(
    fleet: SharedFleet, order: tuple[str, ...], number: int
) -> None:
    """Two borrowers wait, and what is freed goes to the one with the smaller share first."""
    drawn = fleet.drawn
    weights = {"a": "1", "b": drawn.choice(("2", "3"))}
    fleet.share({"a": 0, "b": 0, "c": PODS}, weights)
    first, other, _ = fleet.queues
    # Shares of about 1: nobody takes from the other.
    for queue in (first, other, other, first if number % 2 else other, other):
        fleet.admitted(fleet.submit(fleet.job(1, queue)))
    fleet.admitted(fleet.submit(fleet.job(3, fleet.queues[2])))
    pods = drawn.randint(1, 2)
    waiting = {}
    for queue in (first, other):
        waiting[queue] = fleet.submit(fleet.job(pods, queue))

    def is_settled() -> bool:
        for name in waiting.values():
            conditions = field_of(fleet.workload(name) or {}, "status", "conditions") or ()
            if not any(condition["type"] == "QuotaReserved" for condition in conditions):
                return False
        return True

    until(is_settled, 30)
    for queue in (first, other):
        workload = fleet.workload(waiting[queue])
        assert workload is not None
        if not is_true(field_of(workload, "status", "conditions"), "QuotaReserved"):
            admitted_by_change(fleet, waiting[queue], order)
            return

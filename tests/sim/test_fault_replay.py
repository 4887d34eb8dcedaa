"""Each fault is reported as agents do, is read by the repair controller, and is undone by its repair."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from sovereign_ai.assess.fault_series import FailureDomains, FaultDomain, FaultEvent
from sovereign_ai.cluster.api import ApiError, UnreachableError
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.operate import Policy, RepairController, observe_machines, one_policy, places
from sovereign_ai.sim import fault_replay
from sovereign_ai.sim.factory import simulate
from sovereign_ai.sim.fault_replay import FaultReplay
from sovereign_ai.sim.fault_reports import LOSS_CHECKS, REPAIRED_AT, report_condition, report_silence
from sovereign_ai.sim.faults import heal, heal_machine, machine_of
from sovereign_ai.sim.nodes import FAKE
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi

FACTORY = factory_of(pool("train"))
PLAN = plan_of(FACTORY)
LAB_FACTORY, LAB = stack("lab")
PAST, SOON = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(hours=1)
MACHINE = "train-0001"


class Versioned(InMemoryApi):
    """Objects with resourceVersions, which nobody compares here."""

    def list(self, *what: Any, **how: Any) -> list[dict[str, Any]]:
        objects = super().list(*what, **how)
        for obj in objects:
            obj["metadata"]["resourceVersion"] = "1"
        return objects


@pytest.fixture
def api() -> InMemoryApi:
    api = Versioned()
    simulate(api, FACTORY, PLAN, CLUSTER)
    return api


def event(domain: FaultDomain, unit: str = MACHINE, gpu: int | None = 1, code: int = 0) -> FaultEvent:
    return FaultEvent(0.0, domain, unit, gpu, code, 0.0)


def seen(api: InMemoryApi) -> dict[str, list[str]]:
    """Return the faults that the repair controller reads, a minute from now: a node may be late for 30 s."""
    view = observe_machines(api, places(PLAN, CLUSTER), datetime.now(UTC) + timedelta(minutes=1))
    return {
        machine.name: [str(fault) for fault in machine.faults] for machine in view.machines if machine.faults
    }


@pytest.mark.parametrize(
    ("fault", "read"),
    [
        (event(FaultDomain.GPU, code=79), "Xid 79 on GPU 1"),
        (event(FaultDomain.NIC), "EthernetStateCheck"),
        (event(FaultDomain.THERMAL), "GpuThermalWatch on GPU 0"),
        (event(FaultDomain.NODE), "NotReady"),
    ],
)
def test_a_fault_is_read_as_its_agents_report_it_and_undone(
    api: InMemoryApi, fault: FaultEvent, read: str
) -> None:
    replay = FaultReplay(api, FACTORY, PLAN, CLUSTER)
    assert replay.report(fault, PAST) == 1
    assert seen(api) == {MACHINE: [read]}
    heal(api, FACTORY, PLAN, MACHINE)
    assert seen(api) == {}
    assert REPAIRED_AT not in api.live("Node", MACHINE)["metadata"]["annotations"]


@pytest.fixture
def lab() -> Versioned:
    """Return the lab, whose plan has leaves and spines."""
    api = Versioned()
    simulate(api, LAB_FACTORY, LAB, "lab")
    return api


def decisions(api: InMemoryApi) -> list[str]:
    """Return what the repair controller would do in the lab, a minute from now."""
    controller = RepairController(api, places(LAB, "lab"), one_policy(Policy()), "test")
    return [decision.act for decision in controller.plan(datetime.now(UTC) + timedelta(minutes=1))]


def test_a_lost_leaf_is_repaired_at_its_machines_and_a_hung_daemon_of_it_is_not(lab: Versioned) -> None:
    leaf, behind = next(iter(FailureDomains(LAB, "lab").units[FaultDomain.LEAF].items()))
    replay = FaultReplay(lab, LAB_FACTORY, LAB, "lab")
    # The daemon is itself again in an hour, and keeps no reset of other faults from helping until then.
    assert replay.report(event(FaultDomain.SWITCH_DAEMON, leaf, None), SOON) == len(behind) > 1
    assert decisions(lab) == []
    for name in behind:
        assert REPAIRED_AT not in (lab.live("Node", name)["metadata"].get("annotations") or {})
    assert replay.report(event(FaultDomain.LEAF, leaf, None), PAST) == len(behind)
    assert len(decisions(lab)) >= len(behind)


def test_a_replay_of_two_feeds_that_are_lost_at_once_silences_every_machine(lab: Versioned) -> None:
    losses = [replace(event(FaultDomain.FEED, f"fra1/{feed}", None), repair=3_600.0) for feed in "AB"]
    told: list[int] = []
    replay = FaultReplay(lab, LAB_FACTORY, LAB, "lab")
    replay.run(losses, 1.0, threading.Event(), lambda _event, count: told.append(count))
    assert told == [0, len(LAB.nodes_of("lab"))]


def test_a_hung_daemon_is_an_event_of_each_machine_behind_its_switch(lab: Versioned) -> None:
    leaf, behind = next(iter(FailureDomains(LAB, "lab").units[FaultDomain.LEAF].items()))
    replay = FaultReplay(lab, LAB_FACTORY, LAB, "lab")
    for _ in range(2):
        # A report whose answer was lost is made again, and is the same one.
        replay.report(event(FaultDomain.SWITCH_DAEMON, leaf, None), SOON)
    events = lab.list("v1", "Event", "default")
    assert sorted(each["involvedObject"]["name"] for each in events) == sorted(behind)
    compute = [fabric.kind for fabric in LAB.fabrics if fabric.role == "compute"]
    check = LOSS_CHECKS[compute[0]]
    for each in events:
        assert (each["type"], each["reason"]) == (check, f"{check}IsNotHealthy")
        assert f"switch {leaf}, whose ports are up" in each["message"]
        assert each["message"].endswith("Recommended Action=NONE;")


def test_a_spines_daemon_and_an_api_server_are_reported_by_no_machine(lab: Versioned) -> None:
    replay = FaultReplay(lab, LAB_FACTORY, LAB, "lab")
    spine = next(iter(FailureDomains(LAB, "lab").units[FaultDomain.SPINE]))
    assert replay.report(event(FaultDomain.SWITCH_DAEMON, spine, None), SOON) == 0
    assert replay.report(event(FaultDomain.API_SERVER, "lab", None), SOON) == 0


class Slowed:
    """A server that is slow, and says what is done with it."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def wait(self, _stop: threading.Event) -> None:
        self.said.append("waited")

    def __enter__(self) -> Self:
        self.said.append("slow")
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("itself again")


SLOW = FaultEvent(0.0, FaultDomain.API_SERVER, CLUSTER, None, 0, 3600.0)


def slowing(api: InMemoryApi, said: list[str]) -> FaultReplay:
    """Return a replay whose server says how long it is slow."""

    def slow(seconds: float) -> Any:
        said.append(f"{seconds:.0f} s")
        return Slowed(said)

    return FaultReplay(api, FACTORY, PLAN, CLUSTER, slow)


def test_a_slow_server_is_slow_for_its_time_divided_by_the_speed_while_faults_go_on(api: InMemoryApi) -> None:
    said: list[str] = []
    node = FaultEvent(1.0, FaultDomain.NODE, MACHINE, None, 0, 0.0)
    slowing(api, said).run([SLOW, node], 60.0, threading.Event(), lambda fault, _: said.append(fault.domain))
    assert said == ["60 s", "slow", "api-server", "node", "waited", "itself again"]


def test_a_replay_that_fails_leaves_no_server_slow(refusing: Refusing) -> None:
    said: list[str] = []
    refusing.errors = [refused(403)]
    replay = slowing(refusing, said)
    with pytest.raises(ApiError):
        replay.run([SLOW, event(FaultDomain.NODE)], 60.0, threading.Event(), lambda *_: None)
    assert said == ["60 s", "slow", "itself again"]


def test_a_server_that_is_not_ours_is_refused_before_the_first_fault(api: InMemoryApi) -> None:
    replay = FaultReplay(api, FACTORY, PLAN, CLUSTER)
    with pytest.raises(UsageError) as caught:
        replay.run([event(FaultDomain.NODE), SLOW], 1e9, threading.Event(), lambda *_: None)
    assert caught.value.problems[0].code == "server-not-ours"
    assert seen(api) == {}


def test_a_condition_that_a_policy_calls_a_fault_is_withdrawn_by_repair(api: InMemoryApi) -> None:
    report_condition(api, MACHINE, "FrequentKubeletRestart", "restarted ten times")
    machine = machine_of(PLAN, MACHINE)

    def status_of() -> str:
        rows = api.live("Node", MACHINE)["status"]["conditions"]
        return next(str(row["status"]) for row in rows if row["type"] == "FrequentKubeletRestart")

    heal_machine(api, FACTORY, machine)
    assert status_of() == "True"
    heal_machine(api, FACTORY, machine, ["FrequentKubeletRestart"])
    assert status_of() == "False"


def test_an_applications_fault_is_read_as_none(api: InMemoryApi) -> None:
    assert FaultReplay(api, FACTORY, PLAN, CLUSTER).report(event(FaultDomain.APPLICATION, code=31), SOON) == 1
    assert seen(api) == {}


def test_no_reset_helps_before_the_hardware_is_repaired(api: InMemoryApi) -> None:
    replay = FaultReplay(api, FACTORY, PLAN, CLUSTER)
    replay.report(event(FaultDomain.GPU, code=48), SOON)
    # A later fault whose repair is sooner does not make the first one's sooner.
    replay.report(event(FaultDomain.NIC), PAST)
    assert heal(api, FACTORY, PLAN, MACHINE) == 0
    assert seen(api) == {MACHINE: ["EthernetStateCheck", "Xid 48 on GPU 1"]}


def test_a_replay_tells_each_fault_with_the_machines_that_report_it(api: InMemoryApi) -> None:
    told = []
    series = [event(FaultDomain.GPU, code=48), event(FaultDomain.NODE, "train-0002", None)]
    replay = FaultReplay(api, FACTORY, PLAN, CLUSTER)
    replay.run(series, 1e9, threading.Event(), lambda fault, machines: told.append((fault.unit, machines)))
    assert told == [("train-0001", 1), ("train-0002", 1)]


def test_a_replay_that_is_stopped_reports_no_more(api: InMemoryApi) -> None:
    stop = threading.Event()
    stop.set()
    late = FaultEvent(1e6, FaultDomain.NODE, MACHINE, None, 0, 0.0)
    FaultReplay(api, FACTORY, PLAN, CLUSTER).run([late], 1.0, stop, lambda *_: pytest.fail("it was reported"))
    assert seen(api) == {}


class Refusing(Versioned):
    """A server that refuses or does not answer the first requests for some objects."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Exception] = []
        self.writes = 0

    def update_status(self, *what: Any, **how: Any) -> Any:
        self.writes += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().update_status(*what, **how)


def refused(status: int) -> ApiError:
    return ApiError(Problem("api", "refused"), status=status)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    monkeypatch.setattr(fault_replay, "_PAUSE", 0.0)
    api = Refusing()
    simulate(api, FACTORY, PLAN, CLUSTER)
    return api


@pytest.mark.parametrize("domain", [FaultDomain.GPU, FaultDomain.NIC, FaultDomain.THERMAL, FaultDomain.NODE])
def test_a_slow_server_delays_a_fault_and_loses_none(refusing: Refusing, domain: FaultDomain) -> None:
    gone = UnreachableError(Problem("no-answer", "none"))
    refusing.errors = [gone, refused(503), refused(429), refused(409)]
    code = 79 if domain is FaultDomain.GPU else 0
    assert FaultReplay(refusing, FACTORY, PLAN, CLUSTER).report(event(domain, code=code), PAST) == 1
    assert not refusing.errors
    assert seen(refusing).keys() == {MACHINE}


def test_a_machine_that_was_told_is_not_told_again_with_those_that_were_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was repaired in the meantime would break again."""
    monkeypatch.setattr(fault_replay, "_PAUSE", 0.0)
    refusing, (factory, plan) = Refusing(), stack("lab")
    simulate(refusing, factory, plan, "lab")
    rack, machines = next(iter(FailureDomains(plan, "lab").units[FaultDomain.RACK].items()))
    refusing.writes, refusing.errors = 0, [refused(503), refused(503)]
    assert FaultReplay(refusing, factory, plan, "lab").report(event(FaultDomain.RACK, rack, None), PAST) > 1
    assert refusing.writes == len(machines) + 2


def test_what_another_attempt_cannot_change_ends_a_replay(refusing: Refusing) -> None:
    refusing.errors = [refused(403)]
    with pytest.raises(ApiError):
        FaultReplay(refusing, FACTORY, PLAN, CLUSTER).report(event(FaultDomain.NODE), PAST)


def test_a_server_that_is_gone_for_good_ends_a_replay(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_replay, "PATIENCE", -1.0)
    refusing.errors = [UnreachableError(Problem("no-answer", "none"))]
    with pytest.raises(UnreachableError):
        FaultReplay(refusing, FACTORY, PLAN, CLUSTER).report(event(FaultDomain.NODE), PAST)


def test_a_replay_that_waits_for_its_server_can_be_stopped(refusing: Refusing) -> None:
    stop, told = threading.Event(), []
    stop.set()
    refusing.errors = [refused(503)]
    replay = FaultReplay(refusing, FACTORY, PLAN, CLUSTER)
    replay.report(event(FaultDomain.NODE), PAST, stop)
    replay.run([event(FaultDomain.NODE)], 1.0, stop, lambda *fault: told.append(fault))
    assert not told
    assert not refusing.errors
    assert seen(refusing) == {}


def annotations_of(api: InMemoryApi) -> dict[str, str]:
    node = api.get("v1", "Node", MACHINE)
    assert node is not None
    return dict(node["metadata"].get("annotations") or {})


def test_a_machine_that_fell_silent_is_played_again_once_it_is_repaired(api: InMemoryApi) -> None:
    before = annotations_of(api)
    report_silence(api, MACHINE)
    assert FAKE not in annotations_of(api)
    heal(api, FACTORY, PLAN, MACHINE)
    assert annotations_of(api) == before


def test_a_machine_without_a_broken_gpu_is_put_right_by_four_requests(api: InMemoryApi) -> None:
    """A feed takes a thousand machines along, and a busy server answers each request late."""
    FaultReplay(api, FACTORY, PLAN, CLUSTER).report(event(FaultDomain.NODE), PAST)
    api.asked.clear()
    heal(api, FACTORY, PLAN, MACHINE)
    assert [asked.split()[0] for asked in api.asked] == ["GET", "LIST", "STATUS", "PATCH"]
    assert seen(api) == {}


def test_a_real_kubelets_machine_is_never_played(api: InMemoryApi) -> None:
    node = api.get("v1", "Node", MACHINE)
    assert node is not None
    del node["metadata"]["annotations"][FAKE]
    api.objects["v1", "Node", "", MACHINE] = node
    heal(api, FACTORY, PLAN, MACHINE)
    assert FAKE not in annotations_of(api)


def test_machines_that_lose_their_power_together_are_noted_as_silent_after_all_of_them_are(
    lab: Versioned,
) -> None:
    """Whoever places work between two reports would place it on a machine that is lost as well."""
    rack, inside = next(iter(FailureDomains(LAB, "lab").units[FaultDomain.RACK].items()))
    lab.asked.clear()
    FaultReplay(lab, LAB_FACTORY, LAB, "lab").report(event(FaultDomain.RACK, rack, None), SOON)
    notes = [number for number, asked in enumerate(lab.asked) if asked == "STATUS Node"]
    annotated = [number for number, asked in enumerate(lab.asked) if asked.startswith("PATCH")]
    assert len(notes) == len(inside) > 1
    assert max(annotated) < min(notes)

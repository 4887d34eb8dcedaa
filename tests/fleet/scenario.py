"""What happens to the fleet, step by step; each step ends when it holds, and is timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovereign_ai.assess import FailureDomains, FaultDomain, FaultEvent
from sovereign_ai.assess.fit import InferenceService, TrainingJob, manifests
from sovereign_ai.cluster.api import Api
from sovereign_ai.names import KEYS
from sovereign_ai.operate import for_cluster, scale, served_work, submit, with_simulated_duration
from sovereign_ai.plan import Plan
from sovereign_ai.sim import FaultReplay
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify import find_workload, observe_queues, reason_of
from tests.fleet.kills import Killer, insisting
from tests.fleet.repairing import repairing
from tests.fleet.stack import FleetSize
from tests.fleet.topology import domains, gang_problems
from tests.fleet.watch import FleetWatch

IMAGE = f"registry.example.com/ai/train@sha256:{'a' * 64}"
KUEUE = "kueue.x-k8s.io/v1beta2"
GANG, SWEEP, URGENT, CHAT = "pretrain", "sweep", "urgent", "chat"
REPLICA = 4
"""Trays of a replica of the service: 16 GPUs."""
FIRST, MOST, LAST = 2, 6, 4
"""Replicas of the service at first, at its most, and from then on."""
_DURATION, _LONGEST = "10h", 1800.0
_PARTS = 5.0
"""Seconds until broken hardware is exchanged, before which no reset helps."""


@dataclass
class Scenario:
    """A fleet, and what was done to it.

    Attributes:
        stack: its stack's folder.
        size: how large it is.
        factory: its description.
        plan: its plan.
        api: its cluster.
        watch: what its machines and pods do.
        steps: each step with when it began and ended, in seconds since the watch began.
        facts: what was observed, by name.
        killer: what kills processes meanwhile; nothing if None.
    """

    stack: Path
    size: FleetSize
    factory: AIFactory
    plan: Plan
    api: Api
    watch: FleetWatch
    steps: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    killer: Killer | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what begins, and note how long it took."""
        began = time.monotonic()
        say(f"{began - self.watch.began:6.1f} s  {name} …")
        yield
        ended = time.monotonic()
        times = {"from": round(began - self.watch.began, 1), "to": round(ended - self.watch.began, 1)}
        self.steps.append({"step": name, **times})
        say(f"{ended - self.watch.began:6.1f} s  {name}: {ended - began:.1f} s")

    def run(self) -> None:
        """Do everything.

        Raises:
            AssertionError: something does not hold.
        """
        with self.step(f"{self.size.nodes} machines are seen"):
            self.watch.wait("all are there", lambda: len(self.watch.nodes()) == self.size.nodes, _LONGEST)
        with self.step(f"a gang of {8 * self.size.gang} GPUs is admitted whole and placed"):
            self.submit_job(GANG, "research", self.size.gang)
            self.await_job(GANG, self.size.gang)
        self.judge_gang()
        with self.step(f"a service starts with {FIRST} replicas"):
            self.submit_service(FIRST)
            self.await_service(FIRST)
        with self.step(f"the service goes to {MOST} replicas, and back to {LAST}"):
            self.scale_service(MOST)
            self.await_service(MOST)
            self.scale_service(LAST)
            self.await_service(LAST)
        with self.step(f"research borrows weather's idle quota for {self.size.sweep} machines"):
            self.submit_job(SWEEP, "research", self.size.sweep)
            self.await_job(SWEEP, self.size.sweep)
        self.take_back()
        with self.step("weather's job ends, and the job that lost its place runs again"):
            insisting(lambda: self.api.delete("batch/v1", "Job", URGENT, "weather"))
            self.await_job(SWEEP, self.size.sweep)
        with repairing(self.stack) as repair:
            if self.killer is not None:
                self.killer.repair = repair
            self.break_and_repair()
            while self.killer is not None and not self.killer.is_done:
                self.break_and_repair()
        self.judge_end()

    def submit_job(self, name: str, tenant: str, nodes: int) -> None:
        """Submit a training job."""
        job = TrainingJob(kind="TrainingJob", name=name, tenant=tenant, pool="train", nodes=nodes)
        self._require(self._objects(job))

    def submit_service(self, replicas: int) -> None:
        """Submit the service."""
        self._require(self._objects(_service(replicas)))

    def scale_service(self, replicas: int) -> None:
        """Give the service another number of replicas."""
        objects = self._objects(_service(replicas))
        insisting(lambda: scale(self.api, objects))

    def _require(self, objects: list[dict[str, Any]]) -> None:
        """Submit work; what was stored before the server went away counts as submitted."""

        def call() -> None:
            missing = []
            for obj in objects:
                metadata = obj["metadata"]
                place = (obj["apiVersion"], obj["kind"], metadata["name"], metadata["namespace"])
                if self.api.get(*place) is None:
                    missing.append(obj)
            if missing:
                submit(self.api, missing, dry_run=False)

        insisting(call)

    def _objects(self, work: TrainingJob | InferenceService) -> list[dict[str, Any]]:
        objects = manifests(self.factory, self.plan, work, IMAGE)
        served = insisting(lambda: served_work(self.api))
        adapted = for_cluster(objects, served, is_queued=True)
        with_simulated_duration(adapted, _DURATION)
        return adapted

    def await_job(self, name: str, pods: int) -> None:
        """Wait until all pods of a job run."""
        self.watch.wait(f"{name} runs", lambda: len(self.watch.running(name)) == pods, _LONGEST)

    def await_service(self, replicas: int) -> None:
        """Wait until the service has so many replicas, no more, and each lies in one NVLink domain."""
        wanted = {f"{CHAT}-{number}": REPLICA for number in range(replicas)}
        names = [f"{CHAT}-{number}" for number in range(MOST)]

        def holds() -> bool:
            running = {name: len(self.watch.running(name)) for name in names}
            return {name: pods for name, pods in running.items() if pods} == wanted

        self.watch.wait(f"{CHAT} has {replicas} replicas", holds, _LONGEST)
        for name in wanted:
            lies_in = domains(self.placed(name), KEYS.nvlink_domain)
            assert len(lies_in) == 1, f"{name} lies in {sorted(lies_in)}"

    def placed(self, job: str) -> list[Mapping[str, str]]:
        """Return the labels of the node of each running pod of a job."""
        nodes = self.watch.nodes()
        return [nodes[pod.node].labels for pod in self.watch.running(job)]

    def judge_gang(self) -> None:
        """Hold the gang's place to what the labels of the nodes permit."""
        taken = {pod.node for pod in self.watch.running(SWEEP)}
        free = []
        for node in self.watch.nodes().values():
            if node.labels[KEYS.pool] == "train" and node.name not in taken:
                free.append(node.labels)
        placed = self.placed(GANG)
        problems = gang_problems(placed, free, self.size.gang)
        assert not problems, problems
        self.facts["gang"] = self._place_of_gang()

    def _place_of_gang(self) -> dict[str, int]:
        placed = self.placed(GANG)
        return {
            "gpus": 8 * self.size.gang,
            "scalable_units": len(domains(placed, KEYS.scalable_unit)),
            "racks": len(domains(placed, KEYS.rack)),
        }

    def take_back(self) -> None:
        """Let weather take its quota back: the job that borrowed goes, and the gang stays as it is."""
        before = {pod.uid for pod in self.watch.running(GANG)}
        with self.step(f"weather takes {self.size.urgent} machines of its quota back"):
            self.submit_job(URGENT, "weather", self.size.urgent)
            self.await_job(URGENT, self.size.urgent)
        assert {pod.uid for pod in self.watch.running(GANG)} == before, "a pod of the gang was preempted"
        assert not self.watch.running(SWEEP), "the job that borrowed still runs"
        (workload,) = [
            each
            for each in insisting(lambda: self.api.list(KUEUE, "Workload", "research"))
            if each["metadata"]["ownerReferences"][0]["name"] == SWEEP
        ]
        reasons = {each["type"]: each["reason"] for each in workload["status"]["conditions"]}
        assert reasons.get("Preempted") == "InCohortReclamation", workload["status"]
        observed = insisting(lambda: observe_queues(self.api))
        why = reason_of(find_workload(observed, f"research/{SWEEP}"), observed)
        assert (why.state, why.code) == ("waits", "waits-for-quota"), why
        assert why.change is not None
        # Either of these gives back enough; which one is the lesser change depends on the fleet's size.
        enough = (f"wait for weather/job-{URGENT}", f"wait for research/job-{GANG}")
        assert str(why.change).startswith(enough), why
        self.facts["preempted"] = {"job": SWEEP, "reason": reasons["Preempted"], "why": why.message}

    def break_and_repair(self) -> None:
        """Lose an NVLink domain, a rack and a feed, and wait until everything runs again."""
        events = self._faults()
        told: dict[str, int] = {}

        def tell(event: FaultEvent, machines: int) -> None:
            told[f"{event.domain} {event.unit}"] = machines
            say(f"         {event.domain} {event.unit} is lost: {machines} machines report it")

        # What an earlier round broke was repaired then, and says nothing about this one.
        self.watch.was_repaired.clear()
        with self.step("an NVLink domain, a rack and a feed are lost, and noticed"):
            # The agents of machines report again and again; this one does it once, so it is left in peace.
            with self.killer.spared if self.killer is not None else nullcontext():
                replay = FaultReplay(self.api, self.factory, self.plan, self.factory.name)
                insisting(lambda: served_work(self.api))
                replay.run(events, 1.0, threading.Event(), tell)
            lost = self._lost(events)
            self.watch.wait("all are cordoned", lambda: lost <= self.watch.was_repaired, _LONGEST)
        with self.step("every machine is repaired and back"):
            self.watch.wait("no machine is out", lambda: not self._out(), _LONGEST)
        with self.step("all jobs run again"):
            self.await_job(GANG, self.size.gang)
            self.await_job(SWEEP, self.size.sweep)
            self.await_service(LAST)
        self.facts["faults"] = told

    def _faults(self) -> tuple[FaultEvent, ...]:
        """Return faults of what works: the domain of a replica, a rack of the gang, and another feed."""
        nvlink = self.placed(f"{CHAT}-0")[0][KEYS.nvlink_domain]
        rack = self.placed(GANG)[0][KEYS.rack]
        units = FailureDomains(self.plan, self.factory.name).units
        dark = units[FaultDomain.FEED]
        inside = set(units[FaultDomain.RACK][rack])
        feed = next(name for name, machines in dark.items() if machines and inside.isdisjoint(machines))
        return (
            FaultEvent(0.0, FaultDomain.NVLINK, nvlink, None, 74, _PARTS),
            FaultEvent(1.0, FaultDomain.RACK, rack, None, 0, _PARTS),
            FaultEvent(2.0, FaultDomain.FEED, feed, None, 0, _PARTS),
        )

    def _lost(self, events: tuple[FaultEvent, ...]) -> set[str]:
        """Return the machines that some faults take along."""
        units = FailureDomains(self.plan, self.factory.name)
        lost: set[str] = set()
        for event in events:
            lost |= set(units.machines(event))
        return lost

    def _out(self) -> set[str]:
        """Return the machines that do not work, for whatever reason."""
        out = set()
        for node in self.watch.nodes().values():
            if node.repair or node.is_cordoned or not node.is_ready:
                out.add(node.name)
        return out

    def judge_end(self) -> None:
        """Hold the end to what there was before the faults.

        The gang began again before the last machine was back, so the machines that it could have had are not
        those of the end: how many scalable units it lies in then is told, and not judged.
        """
        problems = gang_problems(self.placed(GANG), None, self.size.gang)
        assert not problems, problems
        self.facts["gang at the end"] = self._place_of_gang()
        assert len(self.watch.nodes()) == self.size.nodes
        assert not self._out()
        rules = insisting(lambda: self.api.list("resource.k8s.io/v1", "DeviceTaintRule"))
        assert not rules, "a device is still out of use"
        assert not self.watch.second_owners, self.watch.second_owners
        end, due = self.end_state(), self.due_state()
        assert end == due, f"it ends as {end}, and not as {due}"

    def end_state(self) -> dict[str, Any]:
        """Return what there is: the work that is stored, and the pods that run of each."""
        stored = insisting(lambda: self.api.list("batch/v1", "Job"))
        running = {}
        for job in stored:
            name = job["metadata"]["name"]
            running[f"{job['metadata']['namespace']}/{name}"] = len(self.watch.running(name))
        return {"running": running, "out": sorted(self._out())}

    def due_state(self) -> dict[str, Any]:
        """Return what there has to be at the end, whatever happened in between."""
        running = {f"research/{GANG}": self.size.gang, f"research/{SWEEP}": self.size.sweep}
        for number in range(LAST):
            running[f"startups/{CHAT}-{number}"] = REPLICA
        return {"running": running, "out": []}


def _service(replicas: int) -> InferenceService:
    return InferenceService(
        kind="InferenceService",
        name=CHAT,
        tenant="startups",
        pool="serve",
        replicas=replicas,
        tensor=4 * REPLICA,
    )


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)  # noqa: T201 - progress of a demo

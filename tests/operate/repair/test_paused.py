"""Two controllers, either of which is stopped at any of its requests and goes on much later.

A stopped process does not know that time has passed: a round that it began is carried out when others have
long led, repaired and returned machines, on which new work runs. Each copy has a thread, of which one runs at
a time, and goes on by one request; a seed draws who does, and for how long the other is stopped.
`interleaved(seed)` replays a life in one line.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.operate.repair.budgets import Budget
from sovereign_ai.operate.repair.controller import LEASE, RepairController
from sovereign_ai.operate.repair.decide import Policy
from sovereign_ai.operate.repair.policies import Policies
from sovereign_ai.operate.repair.record import ACCEPTANCE, ANNOTATION, CONTROLLER, Step, read_record
from sovereign_ai.operate.repair.record import write_verdict as verdict
from tests.operate.repair.test_controller import NOW, PLACED, Cluster
from tests.operate.repair.test_killed import owner

MACHINES = tuple(PLACED)[:3]
BUDGET = Budget("one", frozenset(MACHINES), 1)
SEEDS = range(8)
MOST_STEPS = 2_000
_PATIENCE = 120.0
STOPPED = {"": 0.01, "pods": 0.1, "eviction": 0.3}
"""How likely a copy is stopped before a request of a kind, for longer than a lease lasts."""


class EndedError(BaseException):
    """The life is over: no handler of a copy sees it."""


class Turns:
    """Lets threads go on one at a time, each by one request."""

    def __init__(self) -> None:
        self.goes = {name: threading.Semaphore(0) for name in ("first", "second")}
        self.waits = threading.Semaphore(0)
        self.local = threading.local()
        self.next = dict.fromkeys(self.goes, "")
        self.ended = False

    def request(self, kind: str = "") -> None:
        """Wait, in the thread of a copy, until it may go on with a request of a kind."""
        name = getattr(self.local, "name", "")
        if name:
            self.next[name] = kind
            self.waits.release()
            self.goes[name].acquire()
            if self.ended:
                raise EndedError

    def go(self, name: str) -> None:
        """Let a copy go on until its next request."""
        self.goes[name].release()
        assert self.waits.acquire(timeout=_PATIENCE), f"{name} has ended"


class WatchedWorld(Cluster):
    """A cluster that knows what must never happen to it."""

    def __init__(self, turns: Turns, replay: str) -> None:
        super().__init__()
        self.turns, self.replay, self.wrong = turns, replay, list[str]()
        self.crowded: list[str] = []
        self.nodes = {name: self.nodes[name] for name in MACHINES}
        self.born = 0

    def list(self, api_version: str, kind: str, **options: object) -> list[dict[str, Any]]:
        self.turns.request()
        return super().list(api_version, kind, **options)

    def request(self, method: str, path: str, body: Any = None, *more: Any, **named: Any) -> dict[str, Any]:
        is_eviction = path.endswith("/eviction")
        self.turns.request("eviction" if is_eviction else path.rpartition("/")[2])
        if is_eviction:
            self.judge_eviction(path.split("/")[-2], body)
        before = {name: owner(node) for name, node in self.nodes.items()}
        draining = drained(self)
        answer = super().request(method, path, body, *more, **named)
        for name in drained(self):
            if name not in draining and self.has_work(name) and draining:
                self.crowded.append(f"{name} is drained, and {draining} are out of work")
        for name, node in self.nodes.items():
            after = owner(node)
            if before[name] and after and before[name] != after:
                self.wrong.append(f"the cordon of {name} went from {before[name]} to {after}")
        return answer

    def has_work(self, name: str) -> bool:
        """Return whether a pod runs on a machine."""
        return any(pod["spec"]["nodeName"] == name for pod in self.pods)

    def judge_eviction(self, pod: str, body: dict[str, Any]) -> None:
        """Note an eviction that takes work from a machine which nobody repairs."""
        wanted = (body.get("deleteOptions") or {}).get("preconditions", {}).get("uid")
        for each in self.pods:
            meta, node = each["metadata"], self.nodes[each["spec"]["nodeName"]]
            if meta["name"] != pod or wanted not in {None, meta["uid"]}:
                continue
            if ANNOTATION not in node["metadata"]["annotations"]:
                self.wrong.append(f"{pod} was evicted from {each['spec']['nodeName']}, which works")

    def place(self, name: str) -> None:
        """Start a pod of a StatefulSet, which has the same name each time, where one may start."""
        free = [node["metadata"]["name"] for node in self.nodes.values() if not owner(node)]
        if free and name not in [pod["metadata"]["name"] for pod in self.pods]:
            self.born += 1
            self.run_pod(free[self.born % len(free)], name)
            self.pods[-1]["metadata"]["uid"] = str(self.born)


def obey(world: WatchedWorld, now: datetime) -> None:
    """Play agents and acceptance, which do at once what is asked of them."""
    for name, node in world.nodes.items():
        record = read_record(node["metadata"]["annotations"].get(ANNOTATION))
        if record is None:
            continue
        if record.step in {Step.RESET, Step.REBOOT}:
            world.rules = [rule for rule in world.rules if rule["spec"]["deviceSelector"]["pool"] != name]
        elif record.step is Step.ACCEPT:
            world.change(name, {ACCEPTANCE: verdict(passed=True, now=now)})


def drained(world: WatchedWorld) -> list[str]:
    """Return the machines that lose their work, or have none, by a repair."""
    out = []
    for name, node in world.nodes.items():
        record = read_record(node["metadata"]["annotations"].get(ANNOTATION))
        if record is not None and (record.step is not Step.DRAIN or record.drains):
            out.append(name)
    return out


def started(world: WatchedWorld, clock: dict[str, datetime]) -> list[threading.Thread]:
    """Start a thread for each copy, which waits before its first request."""
    turns = world.turns

    def seconds() -> float:
        return (clock["now"] - NOW).total_seconds()

    def work(name: str) -> None:
        turns.local.name = name
        policies = Policies(Policy(relapses=99), {}, (BUDGET,))
        copy = RepairController(world, PLACED, policies, name, clock=seconds)
        with suppress(EndedError):
            while True:
                turns.request()
                copy.round(clock["now"])

    threads = []
    for name in turns.goes:
        threads.append(threading.Thread(target=work, args=(name,), daemon=True))
        threads[-1].start()
        turns.waits.acquire()
    return threads


def interleaved(seed: int) -> WatchedWorld:
    """Live with two copies through some faults, and return the world at the end."""
    numbers, turns = random.Random(seed), Turns()  # noqa: S311 - no secret
    world, clock = WatchedWorld(turns, f"interleaved({seed})"), {"now": NOW}
    threads = started(world, clock)
    stopped_until = dict.fromkeys(turns.goes, NOW)
    for step in range(MOST_STEPS):
        clock["now"] += timedelta(seconds=numbers.choice((0.05, 0.1, 0.3)))
        if numbers.random() < 0.03 and len(world.rules) < 2:
            world.break_gpu(numbers.choice(MACHINES))
        world.place("chat-0")
        world.place("chat-1")
        if step % 5 == 0:
            obey(world, clock["now"])
        ready = [name for name, until in stopped_until.items() if until <= clock["now"]]
        if not ready:
            continue
        name = numbers.choice(ready)
        turns.go(name)
        if numbers.random() < STOPPED.get(turns.next[name], STOPPED[""]):
            stopped_until[name] = clock["now"] + LEASE * numbers.choice((1.5, 3))
    turns.ended = True
    for name in turns.goes:
        turns.goes[name].release()
    for thread in threads:
        thread.join(10)
    return world


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stopped_copy_takes_no_work_from_what_others_repaired_meanwhile(seed: int) -> None:
    world = interleaved(seed)
    assert world.wrong == [], world.replay
    assert CONTROLLER in {event["source"]["component"] for event in world.events}

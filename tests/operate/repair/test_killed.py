"""Controllers that are killed at their writes, by a seed, in virtual time: the end is as without a kill.

Each write may be the last one of its controller, before or after the server has it. Another controller takes
over when the lease of the dead one is over, or beside it where two copies work. `lived(seed)` replays a life
in one line, and each failure names that line.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.operate.repair.controller import LEASE, RepairController
from sovereign_ai.operate.repair.decide import Policy
from sovereign_ai.operate.repair.record import (
    ACCEPTANCE,
    ANNOTATION,
    CONTROLLER,
    Step,
    read_record,
    write_verdict,
)
from tests.operate.repair.test_controller import NOW, PLACED, Cluster

MACHINES = tuple(PLACED)[:4]
LENT = MACHINES[3]
"""A machine that somebody else has cordoned, and that breaks all the same."""
CODES = (48, 79, 94)
SEEDS, KILLS = range(60), 1_000
MOST_ROUNDS = 2_000
STEP = timedelta(seconds=7)


class KilledError(BaseException):
    """The controller's process is gone: no handler of its own sees it."""


class DeadlyCluster(Cluster):
    """A cluster whose writes may be the last ones of who makes them; who owns a cordon is watched."""

    def __init__(self, seed: int, risk: float) -> None:
        super().__init__()
        self.numbers, self.risk = random.Random(seed), risk  # noqa: S311 - no secret
        self.nodes = {name: self.nodes[name] for name in MACHINES}
        self.writer, self.kills = "", 0
        self.replay = f"lived({seed}, risk={risk})"

    def _patch(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        before = owner(self.nodes[name])
        holder = (self.lease or {"spec": {}})["spec"].get("holderIdentity")
        assert self.writer == holder, f"{self.writer} writes, and {holder} leads: {self.replay}"
        written = self._deadly(lambda: super(DeadlyCluster, self)._patch(name, body))
        after = owner(self.nodes[name])
        assert not (before and after) or before == after, f"{name}: {before}, then {after}: {self.replay}"
        return written

    def _lease(self, method: str, body: Any) -> dict[str, Any]:
        if method == "GET":
            return super()._lease(method, body)
        return self._deadly(lambda: super(DeadlyCluster, self)._lease(method, body))

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        return self._deadly(lambda: super(DeadlyCluster, self).create(obj))

    def _deadly(self, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        is_last, is_late = self.numbers.random() < self.risk, self.numbers.random() < 0.5
        written = write() if not is_last or is_late else {}
        if is_last:
            self.kills += 1
            raise KilledError
        return written


def owner(node: dict[str, Any]) -> str:
    """Return who cordoned a node: nobody is the empty text."""
    if not node["spec"].get("unschedulable"):
        return ""
    return str(node["metadata"]["annotations"].get(CORDON_OWNER) or "somebody")


def state(cluster: Cluster) -> dict[str, tuple[str, bool]]:
    """Return who cordoned each machine, and whether its repair has an end."""
    ends = {}
    for name, node in cluster.nodes.items():
        ends[name] = (owner(node), ANNOTATION not in node["metadata"]["annotations"])
    return ends


def obey(cluster: Cluster, now: datetime, numbers: random.Random) -> None:
    """Play the agents: reset, restart and accept what is requested, each in its own time.

    Work ends by itself as well: from a rack that has failed as a whole nothing is evicted.
    """
    if cluster.pods and numbers.random() < 0.1:
        cluster.pods.pop()
    for name, node in cluster.nodes.items():
        record = read_record(node["metadata"]["annotations"].get(ANNOTATION))
        if record is None or numbers.random() < 0.5:
            continue
        if record.step in {Step.RESET, Step.REBOOT}:
            cluster.rules = [rule for rule in cluster.rules if rule["spec"]["deviceSelector"]["pool"] != name]
        elif record.step is Step.ACCEPT:
            cluster.change(name, {ACCEPTANCE: write_verdict(passed=True, now=now)})


def lived(seed: int, risk: float = 0.4) -> tuple[DeadlyCluster, int]:
    """Live through three faults, and return the cluster at the end and the number of rounds.

    Args:
        seed: draws the faults, what agents do and when, and the kills.
        risk: how likely a write is the last of its controller.
    """
    cluster, numbers = DeadlyCluster(seed, risk), random.Random(f"{seed}/world")  # noqa: S311 - no secret
    cluster.change(LENT, {CORDON_OWNER: "operator"}, unschedulable=True)
    for number, name in enumerate(MACHINES):
        cluster.run_pod(name, f"pod-{number}")
    faults = [(numbers.randrange(20), LENT, 48)]
    for _ in range(2):
        faults.append((numbers.randrange(20), numbers.choice(MACHINES[:3]), numbers.choice(CODES)))
    now, born = NOW, 2
    copies = [RepairController(cluster, PLACED, Policy(), f"copy-{number}") for number in range(born)]
    for rounds in range(MOST_ROUNDS):
        for moment, name, xid in faults:
            if moment == rounds:
                cluster.break_gpu(name, xid)
        place = numbers.randrange(len(copies))
        cluster.writer = copies[place]._identity
        try:
            copies[place].round(now)
        except KilledError:
            copies[place] = RepairController(cluster, PLACED, Policy(), f"copy-{born}")
            born += 1
            # At times the next one comes before the lease is over, and may not work yet.
            now += LEASE * numbers.choice((0.5, 1.5))
        now += STEP
        obey(cluster, now, numbers)
        if rounds > 20 and not cluster.rules and all(is_over for _, is_over in state(cluster).values()):
            return cluster, rounds
    raise AssertionError(f"no end within {MOST_ROUNDS} rounds: {cluster.replay}")


@pytest.fixture(scope="module")
def lives() -> list[DeadlyCluster]:
    return [lived(seed)[0] for seed in SEEDS]


def test_a_thousand_kills_end_as_none_do(lives: list[DeadlyCluster]) -> None:
    assert sum(cluster.kills for cluster in lives) >= KILLS
    undisturbed, _ = lived(0, risk=0.0)
    expected = {name: ("operator" if name == LENT else "", True) for name in MACHINES}
    assert (state(undisturbed), undisturbed.kills) == (expected, 0)
    for cluster in lives:
        assert state(cluster) == expected, cluster.replay


def test_each_kill_was_at_another_write(lives: list[DeadlyCluster]) -> None:
    # Kills that always hit the lease would say nothing of a cordon.
    cordoned = {event["involvedObject"]["name"] for cluster in lives for event in cluster.events}
    assert cordoned == set(MACHINES)


def test_the_same_seed_is_the_same_life() -> None:
    first, again = lived(11), lived(11)
    assert (first[0].kills, first[1]) == (again[0].kills, again[1])
    assert first[0].nodes == again[0].nodes
    assert lived(12)[0].nodes != first[0].nodes or lived(12)[1] != first[1]


def test_a_second_owner_of_a_cordon_is_noticed() -> None:
    cluster = DeadlyCluster(0, 0.0)
    cluster.change(LENT, {CORDON_OWNER: "operator"}, unschedulable=True)
    body = {"metadata": {"annotations": {CORDON_OWNER: CONTROLLER}, "resourceVersion": str(cluster.versions)}}
    cluster.lease = {"spec": {"holderIdentity": ""}, "metadata": {}}
    with pytest.raises(AssertionError, match="operator, then sovereign-ai-repair: lived"):
        cluster._patch(LENT, body)

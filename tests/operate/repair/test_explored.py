"""Every order of faults, cures, kills and cordons, for three machines and two faults.

The world of a state is what the API server stores; the controller has no state of its own, so a kill between
two of its writes is a round of which only some decisions were carried out. Each decision is one step of the
exploration, in any order and with any other event between, which is more than any kill can do. Time is
abstract: a limit that may have passed is tried both ways.

It is explored a second time under a disruption budget of one machine whose maintenance window is closed now
and open later: without other people's hands, but with a kill between the record of a drain and its evictions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from sovereign_ai.operate.repair.budgets import Budget
from sovereign_ai.operate.repair.decide import Act, Cordon, Decision, Machine, Policy, decide
from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.record import Record, Step
from sovereign_ai.spec import MaintenanceWindow

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
POLICY = Policy()
FAULTS = {"reset": Fault("Xid", 0, 48, Remedy.RESET), "reboot": Fault("NotReady", None, 0, Remedy.REBOOT)}
NAMES = ("a", "b", "c")
MOST_FAULTS = 2
MOST_HANDS = 1
WINDOW = MaintenanceWindow.model_validate({"days": ["sat"], "start": "12:00", "duration": "1 h"})
"""Closed at NOW, a Friday; open at LATER."""
BUDGET = Budget("a", frozenset(NAMES), 1, (WINDOW,))


class Node(NamedTuple):
    """What the API server and the hardware hold of one machine; on it run some pods (1) or none (0)."""

    fault: str = ""
    cordon: Cordon = Cordon.NONE
    pods: int = 1
    step: str = ""
    attempts: int = 0
    accepted: bool | None = None
    drains: bool = False


class World(NamedTuple):
    """Three machines, how many faults came, and how often somebody else changed a cordon or removed a record.

    The machines are sorted, since which of them is which changes nothing.
    """

    nodes: tuple[Node, ...] = (Node(), Node(), Node())
    faults: int = 0
    hands: int = 0


def seen(world: World) -> list[Machine]:
    """Return what the controller observes."""
    machines = []
    for name, node in zip(NAMES, world.nodes, strict=True):
        record = None
        if node.step:
            record = Record(Step(node.step), NOW, "why", node.attempts, drains=node.drains)
        faults = (FAULTS[node.fault],) if node.fault else ()
        machines.append(
            Machine(
                name, "train", frozenset({"rack r"}), faults, node.cordon, node.pods, record, node.accepted
            )
        )
    return machines


def carried_out(node: Node, decision: Decision, *, at_once: bool) -> Node:
    """Return what a machine is after a decision about it was carried out."""
    if decision.act is Act.WAIT:
        return node
    record = decision.record
    step, attempts, drains = (record.step.value, record.attempts, record.drains) if record else ("", 0, False)
    if decision.act is Act.EVICT:
        # Killed between the record and the eviction, the pod is still there: `on_its_own` ends it.
        return node._replace(pods=0) if at_once else node._replace(drains=drains)
    cordon = node.cordon
    if decision.act is Act.CORDON and cordon is Cordon.NONE:
        cordon = Cordon.OWN
    elif decision.act is Act.RETURN and cordon is Cordon.OWN:
        cordon = Cordon.NONE
    return node._replace(step=step, attempts=attempts, accepted=None, cordon=cordon, drains=drains)


def with_node(world: World, name: str, node: Node, *, faults: int = 0, hands: int = 0) -> World:
    nodes = list(world.nodes)
    nodes[NAMES.index(name)] = node
    return World(tuple(sorted(nodes, key=hash)), world.faults + faults, world.hands + hands)


def decisions(world: World, budgets: tuple[Budget, ...]) -> Iterator[tuple[datetime, Decision]]:
    """Yield what the controller may decide, before and after every limit of time has passed."""
    for moment in (NOW, LATER):
        for decision in decide(seen(world), POLICY, moment, budgets=budgets):
            yield moment, decision


def environment(world: World) -> Iterator[World]:
    """Yield what may happen without the controller."""
    for name, node in zip(NAMES, world.nodes, strict=True):
        for changed in on_its_own(node):
            yield with_node(world, name, changed)
        if not node.fault and world.faults < MOST_FAULTS:
            for fault in FAULTS:
                yield with_node(world, name, node._replace(fault=fault), faults=1)
        for cordon in (Cordon.FOREIGN, Cordon.NONE):
            if world.hands < MOST_HANDS and cordon is not node.cordon:
                yield with_node(world, name, node._replace(cordon=cordon), hands=1)
        if world.hands < MOST_HANDS and node.step:
            bare = node._replace(step="", attempts=0, accepted=None, drains=False)
            yield with_node(world, name, bare, hands=1)


def on_its_own(node: Node) -> Iterator[Node]:
    """Yield what may become of one machine that has no new fault and that nobody touches."""
    if node.fault and node.step in {Step.RESET, Step.REBOOT}:
        yield node._replace(fault="")
    if node.pods:
        yield node._replace(pods=0)  # work ends by itself
    elif node.cordon is Cordon.NONE:
        yield node._replace(pods=1)
    if node.step == Step.ACCEPT and node.accepted is None:
        for verdict in (True, False):
            yield node._replace(accepted=verdict)


def check(node: Node, changed: Node, decision: Decision) -> None:
    """Assert what holds of every decision in every state."""
    assert not (node.cordon is Cordon.FOREIGN and changed.cordon is not Cordon.FOREIGN), (
        "somebody else's cordon"
    )
    if decision.act is Act.RETURN:
        assert not node.fault, "a machine with a fault returns"
        assert node.accepted, "a machine returns that nobody accepted"
        assert not node.pods, "a machine returns that was not empty"
    if decision.act in {Act.RESET, Act.REBOOT}:
        assert not node.pods, "work is lost"
        assert changed.cordon is not Cordon.NONE, "the scheduler may still use it"
    if decision.act is Act.EVICT:
        assert node.cordon is not Cordon.NONE, "what is evicted may come back"
    if changed.step:
        assert changed.cordon is not Cordon.NONE, "a repair without a cordon"
    assert changed.attempts <= POLICY.attempts


def check_budget(world: World, name: str, moment: datetime) -> None:
    """Assert that a machine may be drained under the budget; counted anew."""
    node = world.nodes[NAMES.index(name)]
    if node.drains or node.fault == "reboot":
        return  # it was let through before, or is silent and has no work to lose
    assert moment == LATER, "drained outside of the maintenance window"
    others = [each for other, each in zip(NAMES, world.nodes, strict=True) if other != name]
    assert not any(is_out(each) for each in others), "more machines are out of work than the budget allows"


def is_out(node: Node) -> bool:
    """Whether nothing runs on a machine, or soon nothing will."""
    if not node.step:
        return node.fault == "reboot" or node.cordon is Cordon.FOREIGN
    return node.step != Step.DRAIN or node.drains or not node.pods or node.fault == "reboot"


@pytest.fixture(scope="module", params=[(), (BUDGET,)], ids=["no-budget", "budget-of-one-in-a-window"])
def explored(request: pytest.FixtureRequest) -> dict[World, set[World]]:
    """Return every reachable world with the worlds that follow it; each decision in each is checked."""
    budgets: tuple[Budget, ...] = request.param
    following: dict[World, set[World]] = {}
    waiting = deque([World(hands=MOST_HANDS if budgets else 0)])
    while waiting:
        world = waiting.popleft()
        if world in following:
            continue
        next_worlds = set(environment(world))
        evicting = 0
        for moment, decision in decisions(world, budgets):
            node = world.nodes[NAMES.index(decision.machine)]
            changed = carried_out(node, decision, at_once=not budgets)
            check(node, changed, decision)
            next_worlds.add(with_node(world, decision.machine, changed))
            if decision.act is Act.EVICT:
                evicting += not node.drains
                if budgets:
                    check_budget(world, decision.machine, moment)
        # Each is decided twice: before and after the limits of time.
        assert evicting <= 2, "more machines are drained than a pool of three may lose"
        following[world] = next_worlds
        waiting.extend(next_worlds - following.keys())
    return following


def test_every_decision_in_every_state_keeps_the_laws(
    explored: dict[World, set[World]], request: pytest.FixtureRequest
) -> None:
    assert len(explored) > (1_000 if "budget-of-one" in request.node.name else 5_000)
    assert any(node.step == Step.TICKET for world in explored for node in world.nodes)


def test_from_every_state_there_is_a_way_to_a_fleet_that_works_or_has_tickets(
    explored: dict[World, set[World]],
) -> None:
    before: dict[World, set[World]] = {world: set() for world in explored}
    for world, next_worlds in explored.items():
        for following in next_worlds:
            before[following].add(world)
    settled = deque(world for world in explored if is_settled(world))
    reached = set(settled)
    while settled:
        for world in before[settled.popleft()] - reached:
            reached.add(world)
            settled.append(world)
    assert explored.keys() - reached == set()


def is_settled(world: World) -> bool:
    """Whether nothing is left to do: each machine works, or waits for a person."""
    return all(
        node.step == Step.TICKET or (not node.step and not node.fault and node.cordon is not Cordon.OWN)
        for node in world.nodes
    )

"""Namespaces that enter other zones: nothing is open in between that neither description opens."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest

from sovereign_ai.deploy.moves.zone_moves import move_between_zones, zone_moves
from tests.daytwo.edits import Data
from tests.daytwo.probes import Described
from tests.daytwo.table import changes, described
from tests.daytwo.watcher import openings
from tests.support.any_order import Replay

ZONES = ("open", "restricted", "vault")
TENANTS = ("guests", "research", "startups")
PORTS = (53, 443, 8443)
SEEDS, ORDERS = 12, 4
ROW = "two tenants change zones, and a third zone lets the one reach the other as another one did before"


def drawn(dice: random.Random) -> Data:
    """Return the lab with each tenant in a zone that is drawn, and flows between the zones."""
    data = described("lab")
    data["residency"] = []
    data["tenants"] = [{"name": name, "seat": "DE", "gpus": 0} for name in TENANTS]
    data["zones"] = []
    homes = {name: dice.choice(ZONES) for name in TENANTS}
    for zone in ZONES:
        flows = []
        for target in ZONES:
            if target != zone and dice.random() < 0.7:
                flows.append({"to": target, "ports": sorted(dice.sample(PORTS, dice.choice((1, 2))))})
        inside = [name for name in TENANTS if homes[name] == zone]
        data["zones"].append({"name": zone, "trust": "low", "tenants": inside, "allow": flows})
    return data


@cache
def row() -> tuple[Described, Described]:
    [change] = [change for change in changes() if change.name == ROW]
    return Described.of(change.before), Described.of(change.after)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_tenants_and_flows_change_at_once_nothing_opens_in_between(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    old, new = Described.of(drawn(dice)), Described.of(drawn(dice))
    for _ in range(ORDERS):
        assert list(openings(Replay(old.bundle, new.bundle, dice).events, old, new)) == []


def test_what_a_third_zone_would_let_through_stays_closed_in_every_order() -> None:
    old, new = row()
    for seed in range(2 * SEEDS):
        dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        assert list(openings(Replay(old.bundle, new.bundle, dice).events, old, new)) == []


def test_only_policies_that_change_in_a_namespace_that_moves_are_closed() -> None:
    old, new = row()
    closed, namespaces, policies = zone_moves(old.bundle.objects, new.bundle.objects)
    assert [obj["metadata"]["name"] for obj in namespaces] == ["guests", "research"]
    names = [(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in policies]
    assert names == [("research", "to-open")]
    assert [obj["spec"] for obj in closed] == [{"podSelector": {}, "policyTypes": ["Egress"]}]
    assert closed[0]["metadata"] == policies[0]["metadata"]


def test_nothing_is_written_where_no_namespace_moves() -> None:
    old, _ = row()
    cluster: Any = Cluster(old.bundle.objects)
    move_between_zones(cluster, old.bundle.objects, cluster.lines.append)
    assert (cluster.written, cluster.lines) == ([], [])


def test_policies_are_closed_before_and_opened_after_the_namespaces_move() -> None:
    old, new = row()
    cluster: Any = Cluster(old.bundle.objects)
    move_between_zones(cluster, new.bundle.objects, cluster.lines.append)
    assert cluster.written == ["to-open", "guests", "research", "to-open"]
    assert cluster.lines == ["namespace guests enters zone open", "namespace research enters zone vault"]


class Cluster:
    """A cluster that lists what stands and notes what is applied."""

    def __init__(self, objects: Iterable[Any]) -> None:
        self.objects = list(objects)
        self.written: list[str] = []
        self.lines: list[str] = []

    def list(self, _version: str, kind: str, **_: Any) -> list[Any]:
        return [obj for obj in self.objects if obj["kind"] == kind]

    def apply(self, obj: Any, **_: Any) -> None:
        self.written.append(obj["metadata"]["name"])

    def many(self, calls: Iterable[Callable[[], None]]) -> None:
        for call in calls:
            call()

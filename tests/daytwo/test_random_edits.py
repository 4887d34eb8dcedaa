"""Random changes of a description, several at once: what is told is done, nothing opens, and nothing dangles.

A seed is a factory that is changed again and again, there and back. A change that is refused is refused at a
field and a line, and the factory stays as it was.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.deploy.components.rule_check import gate
from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.renames import moves
from sovereign_ai.deploy.moves.successors import component_of
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.errors import SovereignError
from tests.daytwo.edits import Data
from tests.daytwo.probes import Described
from tests.daytwo.random_edits import Draft, change_several
from tests.daytwo.table import described
from tests.daytwo.test_pairs import Way, require_truth
from tests.daytwo.watcher import openings
from tests.support.any_order import Replay, dangling
from tests.support.approvals import signed_data
from tests.support.cut_runs import require_one_story

SEEDS, SHORT = 100, 2
STEPS, ORDERS = 4, 3
"""Changes of a seed, and how many orders of each are tried."""
_OF_RULES = re.compile(r"[A-Z]{3}-\d{3}")
"""Codes of findings, which name an object and the rule that it breaks."""


def built(data: Data) -> Described:
    """Return what a description leads to.

    Raises:
        SovereignError: it is refused.
    """
    new = Described.of(signed_data(data) if data.get("waivers") else data)
    gate(new.factory, new.plan, new.bundle)
    return new


def ways(seed: int) -> Iterator[tuple[list[str], Described, Described]]:
    """Yield each change that a seed makes of its factory, with what was done in words."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    data = described(dice.choice(("lab", "full")))
    old = built(data)
    for _ in range(STEPS):
        draft = Draft(data, dice)
        change_several(draft)
        try:
            new = built(draft.data)
        except SovereignError as error:
            for problem in error.problems:
                assert problem.where.field, (draft.done, problem)
                assert problem.where.line or _OF_RULES.fullmatch(problem.code), (draft.done, problem)
            continue
        if new.bundle.cluster == old.bundle.cluster:
            yield draft.done, old, new
        data, old = draft.data, new


def require_safety(old: Described, new: Described, dice: random.Random) -> None:
    """See that a way tells what it does, opens nothing, and leaves nothing without what it needs."""
    way = Way(old, new)
    require_truth(way)
    _require_losses(way)
    for _ in range(ORDERS):
        replay = Replay(old.bundle, new.bundle, dice)
        assert list(openings(replay.events, old, new)) == []
        assert list(dangling(replay.withdrawn)) == []
    assert list(dangling(way.after)) == []
    require_one_story(old, new)


def _require_losses(way: Way) -> None:
    """See that each claim and pod that is deleted is told, and each volume whose storage class goes."""
    usage = _used(way)
    new = way.new
    found = moves(way.live, new.bundle.objects, usage, new.factory, new.plan, new.bundle.cluster)
    costs = [cost for move in found for cost in move.costs]
    spaces, classes = set(), set()
    for name, obj in way.before.items():
        is_tenants = obj["kind"] == "Namespace" and component_of(obj).startswith("tenant.")
        if is_tenants and name not in way.after:
            spaces.add(name)
        if obj["kind"] == "StorageClass" and name not in way.after:
            classes.add(name)
    assert _counted(costs, r"(\d+) volume claims? \(.+\) (?:is|are) deleted") == len(spaces)
    assert _counted(costs, r"(\d+) running pods? ends?") == len(spaces)
    assert _counted(costs, r"(\d+) volumes? \(.+\) keeps? the old storage class's name") == len(classes)


def _used(way: Way) -> Usage:
    """Return a cluster with a pod and a claim in each namespace, and a volume of each storage class."""
    pods: list[Any] = []
    claims: list[Any] = []
    volumes: list[Any] = []
    for obj in way.before.values():
        name = obj["metadata"]["name"]
        inside = {"name": "work", "namespace": name}
        if obj["kind"] == "Namespace":
            pods.append({"metadata": inside, "spec": {"containers": []}})
            claims.append({"metadata": inside, "spec": {"resources": {"requests": {"storage": "1Gi"}}}})
        if obj["kind"] == "StorageClass":
            spec = {"storageClassName": name, "capacity": {"storage": "1Gi"}}
            volumes.append({"metadata": {"name": name}, "spec": spec})
    return Usage(tuple(pods), tuple(claims), tuple(volumes))


def _counted(costs: list[str], pattern: str) -> int:
    """Return the sum of the numbers that costs of a form begin with."""
    return sum(int(match[1]) for match in map(re.compile(pattern).match, costs) if match)


def turned(data: Any, dice: random.Random, *, lists: bool) -> Any:
    """Return plain data with the fields of mappings, and maybe the members of lists, in another order."""
    match data:
        case dict():
            keys = list(data)
            dice.shuffle(keys)
            return {key: turned(data[key], dice, lists=lists) for key in keys}
        case list():
            members = [turned(member, dice, lists=lists) for member in data]
            if lists:
                dice.shuffle(members)
            return members
        case _:
            return data


def spelt(value: Any, dice: random.Random) -> Any:
    """Return plain data with quantities written in other units, or without a space before theirs."""
    match value:
        case dict():
            return {key: spelt(inner, dice) for key, inner in value.items()}
        case list():
            return [spelt(inner, dice) for inner in value]
        case str() if match := re.fullmatch(r"(\d+)(\.\d+)? ([A-Za-z/]+)", value):
            whole, part, unit = match.groups()
            smaller, factor = _SMALLER.get(unit, (unit, 1))
            if part is None and dice.random() < 0.5:
                return f"{int(whole) * factor} {smaller}"
            return f"{whole}{part or '.0'}{unit}"
        case _:
            return value


_SMALLER = {
    "TB": ("GB", 1000),
    "kW": ("W", 1000),
    "Gbps": ("Mbps", 1000),
    "GB/s": ("MB/s", 1000),
    "MWh": ("kWh", 1000),
    "km": ("m", 1000),
    "h": ("min", 60),
    "d": ("h", 24),
}
"""Unit to a smaller one, and how many of that it is."""


def last_description(seed: int) -> Data:
    """Return what a seed makes of its factory, without waivers, whose signatures are of the text."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    data = described(dice.choice(("lab", "full")))
    for _ in range(STEPS):
        draft = Draft(data, dice)
        change_several(draft)
        with contextlib.suppress(SovereignError):
            built(draft.data)
            data = draft.data
    return {field: value for field, value in data.items() if field not in {"waivers", "approvers"}}


SEEDED = [
    pytest.param(seed, marks=[] if seed < SHORT else [pytest.mark.daytwo], id=f"seed {seed}")
    for seed in range(SEEDS)
]


@pytest.mark.parametrize("seed", SEEDED)
def test_of_several_random_edits_at_once_all_that_is_done_is_told_and_nothing_opens(seed: int) -> None:
    for done, old, new in ways(seed):
        try:
            require_safety(old, new, random.Random(seed))  # noqa: S311 - repeatable on purpose
            require_safety(new, old, random.Random(seed))  # noqa: S311 - repeatable on purpose
        except AssertionError as error:
            error.add_note("; ".join(done))
            raise


@pytest.mark.parametrize("seed", SEEDED)
def test_the_same_in_another_order_and_in_other_units_is_no_change(seed: int) -> None:
    data = last_description(seed)
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    old = built(data).bundle
    assert built(turned(data, dice, lists=False)).bundle.digest == old.digest
    assert built(spelt(data, dice)).bundle.digest == old.digest
    before = {resource_name(obj): obj for obj in old.objects}
    after = {resource_name(obj): obj for obj in built(turned(data, dice, lists=True)).bundle.objects}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"ConfigMap/sovereign-system/factory"}

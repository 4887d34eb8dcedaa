from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.moves.component_move import Move, Usage
from sovereign_ai.deploy.moves.renames import moves
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

LAB = Path(__file__).resolve().parents[3] / "stacks" / "lab" / "factory.yaml"


Described = tuple[tuple[dict[str, Any], ...], AIFactory, Plan]


def described(folder: Path, *replacements: tuple[str, str]) -> Described:
    """Render the lab with some of its words replaced."""
    text = LAB.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    file = folder / "factory.yaml"
    file.write_text(text, encoding="utf-8")
    factory = load(file)
    derived = plan(factory)
    return render(factory, derived).objects, factory, derived


def changes(old: Described, new: Described, usage: Usage | None = None) -> tuple[Move, ...]:
    return moves(old[0], new[0], usage or Usage(), new[1], new[2], new[2].clusters[0].name)


def claim(namespace: str, size: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"resources": {"requests": {"storage": size}}},
    }


def volume(name: str, tier: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"storageClassName": tier, "capacity": {"storage": "2T"}}}


RENAMES = [
    ("tenant", "research", "science"),
    ("zone", "restricted", "secret"),
    ("pool", "train,", "learn,"),
    ("storage tier", "scratch", "fast"),
]


@pytest.mark.parametrize(("kind", "old", "new"), RENAMES)
def test_a_renamed_part_is_told_from_a_removed_and_an_added_one(
    tmp_path: Path, kind: str, old: str, new: str
) -> None:
    found = changes(described(tmp_path / "a"), described(tmp_path / "b", (old, new)))
    assert [(move.kind, move.old, move.new) for move in found] == [(kind, old.rstrip(","), new.rstrip(","))]


def test_two_renames_at_once_are_each_told(tmp_path: Path) -> None:
    changed = described(tmp_path / "b", ("research", "science"), ("startups", "firms"))
    found = changes(described(tmp_path / "a"), changed)
    assert [(move.old, move.new) for move in found] == [("research", "science"), ("startups", "firms")]


def test_a_part_that_only_goes_has_no_successor(tmp_path: Path) -> None:
    without = (("tenants: [startups]", "tenants: []"), ("  - {name: startups, seat: DE, gpus: 32}\n", ""))
    found = changes(described(tmp_path / "a"), described(tmp_path / "b", *without))
    assert [(move.kind, move.old, move.new) for move in found] == [("tenant", "startups", "")]
    assert str(found[0]).startswith(
        "tenant startups is removed: everything else in namespace startups is deleted"
    )


def test_nothing_moves_where_nothing_is_renamed(tmp_path: Path) -> None:
    assert changes(described(tmp_path / "a"), described(tmp_path / "b", ("8443", "9443"))) == ()


def test_the_costs_of_a_tenants_name_are_its_pods_and_claims(tmp_path: Path) -> None:
    pod = {"metadata": {"name": "job", "namespace": "research"}, "status": {"phase": "Running"}}
    elsewhere = {"metadata": {"name": "job", "namespace": "startups"}}
    usage = Usage(
        pods=(pod, elsewhere),
        claims=(claim("research", "500G"), claim("research", "1T"), claim("startups", "1T")),
    )
    [move] = changes(described(tmp_path / "a"), described(tmp_path / "b", ("research", "science")), usage)
    assert move.costs == (
        "1 running pod ends",
        "2 volume claims (1.5 TB) are deleted",
        "everything else in namespace research is deleted",
    )


def test_the_costs_of_a_tiers_name_are_the_volumes_that_keep_it(tmp_path: Path) -> None:
    usage = Usage(volumes=(volume("a", "scratch"), volume("b", "scratch"), volume("c", "models")))
    [move] = changes(described(tmp_path / "a"), described(tmp_path / "b", ("scratch", "fast")), usage)
    assert move == Move("storage tier", "scratch", "fast", move.costs)
    assert "2 volumes (4 TB) keep the old storage class's name" in move.costs[0]


def test_renames_of_several_parts_at_once_find_the_part_with_the_same_content(tmp_path: Path) -> None:
    changed = described(
        tmp_path / "b",
        ("train,", "answer,"),
        ("serve,", "learn,"),
        ("scratch,", "weights,"),
        ("models,", "rough,"),
        ("restricted", "public"),
        ("open", "citadel"),
        ("research", "ventures"),
        ("startups", "science"),
    )
    told = {(move.kind, move.old): move.new for move in changes(described(tmp_path / "a"), changed)}
    assert told == {
        ("pool", "train"): "answer",
        ("pool", "serve"): "learn",
        ("storage tier", "scratch"): "weights",
        ("storage tier", "models"): "rough",
        ("zone", "restricted"): "public",
        ("zone", "open"): "citadel",
        ("tenant", "research"): "ventures",
        ("tenant", "startups"): "science",
    }


ALL_IN_ONE_ZONE = (
    ("tenants: [research]", "tenants: []"),
    ("tenants: [startups]", "tenants: [startups, research]"),
    ("gpus: 96", "gpus: 8"),
    ("gpus: 32", "gpus: 8"),
)
"""Edits of the lab that leave its first zone without a tenant, so that none of its flows is where it was."""


def test_a_renamed_zone_whose_tenants_all_change_is_known_by_its_pools(tmp_path: Path) -> None:
    changed = described(
        tmp_path / "b",
        *ALL_IN_ONE_ZONE,
        ("restricted", "citadel"),
    )
    told = {(move.kind, move.old): move.new for move in changes(described(tmp_path / "a"), changed)}
    assert told["zone", "restricted"] == "citadel"
    assert ("pool", "train") not in told


def test_a_zone_whose_pool_moves_to_one_that_was_there_is_removed(tmp_path: Path) -> None:
    changed = described(
        tmp_path / "b",
        *ALL_IN_ONE_ZONE,
        ("name: restricted", "name: citadel"),
        ("{to: restricted", "{to: citadel"),
        ("zone: restricted", "zone: open"),
    )
    told = {(move.kind, move.old): move.new for move in changes(described(tmp_path / "a"), changed)}
    assert told["zone", "restricted"] == ""


def test_the_costs_of_a_pools_name_are_the_workloads_that_wait_in_its_queues(tmp_path: Path) -> None:
    waiting = {"metadata": {"name": "job", "namespace": "research"}, "spec": {"queueName": "train"}}
    usage = Usage(workloads=(waiting, {**waiting, "spec": {"queueName": "serve"}}))
    [move] = changes(described(tmp_path / "a"), described(tmp_path / "b", ("train,", "learn,")), usage)
    assert move.costs == ("1 workload loses its queue",)


@pytest.mark.parametrize(
    ("kind", "old", "new"), [rename for rename in RENAMES if rename[0] in {"zone", "pool"}]
)
def test_a_part_whose_rename_was_cut_short_is_told_as_renamed_and_not_as_removed(
    tmp_path: Path, kind: str, old: str, new: str
) -> None:
    before, after = described(tmp_path / "a"), described(tmp_path / "b", (old, new))
    # The record, which is written in the middle of a run, is still the old one.
    made = [obj for obj in after[0] if obj["kind"] not in {"ConfigMap", "Namespace"} and obj not in before[0]]
    half = ((*before[0], *made), *before[1:])
    assert [(move.kind, move.old, move.new) for move in changes(half, after)] == [
        (kind, old.rstrip(","), new.rstrip(","))
    ]

"""What moves on a cluster, and what is renamed without objects of its own."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.relocations import relocations
from sovereign_ai.deploy.moves.renames import _described
from sovereign_ai.deploy.moves.successors import successors
from sovereign_ai.sim.nodes import node_objects
from tests.daytwo.probes import Described
from tests.daytwo.table import changes

CHANGES = {change.name: change for change in changes()}


@cache
def both(name: str) -> tuple[Described, Described]:
    change = CHANGES[name]
    return Described.of(change.before), Described.of(change.after)


def live_of(described: Described) -> list[dict[str, Any]]:
    nodes = node_objects(described.factory, described.plan, described.bundle.cluster)
    return copy.deepcopy([*described.bundle.objects, *nodes])


def told(name: str, usage: Usage | None = None, live: list[dict[str, Any]] | None = None) -> list[str]:
    """Return what is reported of a change of the table, a line each."""
    old, new = both(name)
    renamed = successors(old.bundle.objects, new.bundle.objects, _described(new.factory))
    listed = live_of(old) if live is None else live
    bundle = new.bundle
    found = relocations(
        listed, bundle.objects, renamed, usage or Usage(), new.factory, new.plan, bundle.cluster
    )
    return sorted(str(move) for move in found)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "a key is renamed",
            ["key hsm-fra is renamed to hsm-muc: storage classes models, scratch are made again"],
        ),
        (
            "a site is renamed",
            [
                (
                    "site fra1 is renamed to muc1: 16 nodes get another label; "
                    "storage classes models, scratch are changed"
                )
            ],
        ),
        (
            "a hall is renamed",
            [
                (
                    "hall h1 is renamed to north: 16 nodes get another label; "
                    "storage classes models, scratch are changed"
                )
            ],
        ),
        (
            "a registry is replaced",
            ["registry registry.example.com/ai is replaced by registry.example.org/ai"],
        ),
        ("a tier moves to another zone", ["storage tier models moves from zone open to zone restricted"]),
        ("a tier is reached otherwise", ["storage tier models changes its protocol from nfs to block"]),
        (
            "a pool moves to a new hall",
            [
                "pool serve moves from hall h1 to hall h2: 4 nodes change",
                "storage tier models moves from hall h1 to hall h2",
            ],
        ),
        (
            "a pool and its tenant move to a new zone",
            [
                "pool serve moves from zone open to zone vault: 4 nodes change",
                "storage tier models moves from zone open to zone vault",
                "tenant startups moves from zone open to zone vault",
            ],
        ),
        (
            "a tenant is in a second zone",
            [
                (
                    "namespace research is renamed to research-restricted: "
                    "everything else in namespace research is deleted"
                )
            ],
        ),
        ("fabrics[].name", ["fabric compute is renamed to weave: 17 nodes get another label"]),
        ("a fabric is added", ["pool serve moves from fabric compute to fabric second: 4 nodes change"]),
        ("a gateway is renamed", ["gateway out is renamed to west"]),
        ("a driver is older", ["pool train changes its driver from 580.95.5 to 550.54.15: 12 nodes change"]),
        ("a driver is written as its vendor writes it", []),
        ("GPUs are split", ["pool serve changes its MIG profile from none to 1g.10gb: 4 nodes change"]),
        (
            "a pool gets machines of another make",
            [
                "pool serve changes its driver from 580.95.5 to 6.10.5: 4 nodes change",
                "pool serve changes its system from dgx-h100 to mi300x-oam8: 4 nodes change",
            ],
        ),
        (
            "a pool is renamed and its driver is older",
            ["pool learn changes its driver from 580.95.5 to 550.54.15"],
        ),
        (
            "a second site comes with a pool and the first keeps the cluster",
            [
                "namespace startups is removed: everything else in namespace startups is deleted",
                (
                    "pool serve moves from site fra1 to site ber1: "
                    "4 nodes leave: the pool is on another cluster then"
                ),
                "storage tier models moves from region fra1 to region ber1",
            ],
        ),
        ("a pool shrinks by a machine", ["pool serve changes its nodes from 4 to 3: 1 node leaves"]),
        (
            "a cluster is divided",
            [
                "pool serve changes its nodes from 4 to 2: 2 nodes leave; 2 are on another cluster then",
                "pool train changes its nodes from 13 to 5: 8 nodes leave; 8 are on another cluster then",
            ],
        ),
        (
            "a tenant has another name, zone and quota",
            ["tenant ventures moves from zone open to zone restricted"],
        ),
        (
            "a site has no region any more",
            [
                (
                    "region rhine is renamed to fra1: 17 nodes get another label; "
                    "storage classes models, scratch are changed"
                )
            ],
        ),
        ("a zone of high trust is renamed", []),
        ("a pool grows", []),
    ],
)
def test_what_moves_is_told_as_such(name: str, lines: list[str]) -> None:
    assert told(name) == lines


def test_a_driver_on_real_nodes_names_what_installs_it_and_the_pods_that_run_there() -> None:
    live = live_of(both("a driver is older")[0])
    for obj in live:
        if obj["kind"] == "Node":
            obj["metadata"]["annotations"] = {}
    pods = [{"metadata": {"name": "p", "namespace": "research"}, "spec": {"nodeName": "train-001"}}]
    [line] = told("a driver is older", Usage(pods=tuple(pods)), live)
    assert line == (
        "pool train changes its driver from 580.95.5 to 550.54.15:"
        " `up` drains 12 nodes; `sovereign-ai hosts configure` installs it;"
        " 12 nodes change, with 1 running pod on them"
    )


def test_nodes_that_have_the_new_driver_already_are_not_counted() -> None:
    live = live_of(both("a driver is older")[0])
    for obj in live:
        if obj["kind"] == "Node" and obj["metadata"]["name"] != "train-001":
            obj["metadata"]["labels"]["nvidia.com/cuda.driver-version.full"] = "550.54.15"
    [line] = [line for line in told("a driver is older", live=live) if "train" in line]
    assert line == "pool train has no driver 580.95.5 any more: 1 node changes"


def test_a_pool_that_shrinks_names_the_pods_that_run_on_the_nodes_that_leave() -> None:
    pods = []
    for node in ("serve-001", "serve-004"):
        pods.append({"metadata": {"name": "p", "namespace": "research"}, "spec": {"nodeName": node}})
    [line] = told("a pool shrinks by a machine", Usage(pods=tuple(pods)))
    assert line.endswith(": 1 node leaves, with 1 running pod on them")


def test_a_registry_with_running_pods_names_how_many_cannot_start_again() -> None:
    image = {"image": "registry.example.com/ai/train@sha256:00"}
    pod = {"metadata": {"name": "p", "namespace": "research"}, "spec": {"containers": [image]}}
    assert told("a registry is replaced", Usage(pods=(pod,))) == [
        (
            "registry registry.example.com/ai is replaced by registry.example.org/ai: "
            "1 running pod has images from it, and cannot start again"
        )
    ]


def test_a_tier_under_another_key_names_the_volumes_that_stay_under_the_old_one() -> None:
    volume = {
        "metadata": {"name": "v"},
        "spec": {"storageClassName": "models", "capacity": {"storage": "2T"}},
    }
    [line] = told("a key is added and used", Usage(volumes=(volume,)))
    assert line == (
        "storage tier models changes its key from hsm-fra to hsm-two: "
        "1 volume (2 TB) stays encrypted under hsm-fra"
    )


def test_a_volume_that_is_older_than_its_storage_class_is_not_said_to_have_the_key_of_that() -> None:
    live = live_of(both("a key is added and used")[0])
    for obj in live:
        if obj["kind"] == "StorageClass":
            obj["metadata"]["creationTimestamp"] = "2026-12-01T12:00:00Z"
    volumes = []
    for name, created in (
        ("a", "2026-12-01T11:59:59Z"),
        ("b", "2026-11-30T23:00:00Z"),
        ("c", "2027-01-01T00:00:00Z"),
    ):
        metadata = {"name": name, "creationTimestamp": created}
        volumes.append(
            {"metadata": metadata, "spec": {"storageClassName": "models", "capacity": {"storage": "1T"}}}
        )
    [line] = told("a key is added and used", Usage(volumes=tuple(volumes)), live=live)
    assert line == (
        "storage tier models changes its key from hsm-fra to hsm-two: "
        "1 volume (1 TB) stays encrypted under hsm-fra; "
        "2 volumes (2 TB) are older than their storage class, and keep the key of that time"
    )


@pytest.mark.parametrize(("used", "is_told"), [("64", True), ("8", False)])
def test_a_quota_below_what_runs_is_told_with_what_is_used(used: str, *, is_told: bool) -> None:
    live = live_of(both("a tenant may hold fewer GPUs")[0])
    for obj in live:
        if obj["kind"] == "ResourceQuota" and obj["metadata"]["namespace"] == "research":
            obj["status"] = {"used": {"requests.nvidia.com/gpu": used}}
    lines = [line for line in told("a tenant may hold fewer GPUs", live=live) if "nvidia.com/gpu" in line]
    assert bool(lines) is is_told
    if is_told:
        assert "64 are used: what runs stays, and nothing more starts" in lines[0]


def pod_on(node: str, namespace: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"containers": [], **({"nodeName": node} if node else {})},
    }


def staying(name: str, *pods: dict[str, Any]) -> list[str]:
    """Return what is told of pods that stay on nodes of another zone."""
    return [line for line in told(name, Usage(pods=pods)) if "another zone" in line]


def test_a_tenant_that_moves_leaves_its_pods_on_nodes_of_another_zone() -> None:
    pods = [pod_on("train-001", "research"), pod_on("", "research"), pod_on("serve-001", "startups")]
    assert staying("a tenant moves to another zone", *pods) == [
        (
            "tenant research moves from zone restricted to zone open: "
            "1 running pod stays on a node of another zone until it ends"
        )
    ]


def test_pods_whose_nodes_go_to_the_zone_of_their_tenant_stay_nowhere_else() -> None:
    pods = [pod_on("serve-001", "startups"), pod_on("train-001", "research")]
    assert staying("a pool and its tenant move to a new zone", *pods) == []
    assert staying("two zones exchange their names", *pods) == []


def test_pods_of_a_tenant_that_is_renamed_as_it_moves_end_and_stay_nowhere() -> None:
    assert staying("a tenant has another name, zone and quota", pod_on("serve-001", "startups")) == []


def test_a_pool_that_moves_away_from_its_tenants_keeps_their_pods_until_they_end() -> None:
    pods = [pod_on("train-001", "research"), pod_on("train-002", "research"), pod_on("serve-001", "startups")]
    assert staying("two pools exchange their zones", *pods) == [
        (
            "pool serve moves from zone open to zone restricted: "
            "1 running pod stays on a node of another zone until it ends; "
            "4 nodes change, with 1 running pod on them"
        ),
        (
            "pool train moves from zone restricted to zone open: "
            "2 running pods stay on nodes of another zone until they end; "
            "12 nodes change, with 2 running pods on them"
        ),
    ]

"""What `down` removes and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.live.cluster_identity import DeployTarget
from sovereign_ai.deploy.removal.decision import check_removal, other_stacks, remove_holders, remove_leftovers
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import KIND_ORDER
from tests.deploy.live.test_cluster_identity import kubeconfig
from tests.deploy.state.test_objects import below, resource
from tests.support.memory_cluster import MemoryCluster, obj

QUEUEING = KIND_ORDER[KIND_ORDER.index("Topology") :]
"""Kinds of Kueue's objects, in the order of application."""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRecord:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = StackRecord(tmp_path / "identities" / "lab" / "lab.json")
    made.put_cluster("lab", ClusterIdentity("cluster-1", "", "https://memory.invalid"))
    return made


def deployment(tmp_path: Path, record: StackRecord, *resources: dict[str, Any]) -> StackDeployment:
    target = DeployTarget("lab", "lab", kubeconfig(tmp_path / "kubeconfig"), folder=tmp_path)
    return StackDeployment(StackContext(record, below("lab", *resources), "lab"), target, "lab")


def mine(record: StackRecord, **more: str) -> dict[str, str]:
    return {KEYS.owner: OWNER, KEYS.factory: "lab", KEYS.stack: record.identity(), **more}


def test_what_is_the_stacks_goes_and_what_somebody_else_has_now_stays(
    tmp_path: Path, record: StackRecord
) -> None:
    api = MemoryCluster(
        obj("Namespace", "research", labels=mine(record)),
        obj("Namespace", "startups", labels={KEYS.owner: "team-x"}),
        obj("ResourceQuota", "tenant", "research", labels={}),
    )
    held = [resource("Namespace", name) for name in ("research", "startups", "gone")]
    found = check_removal(
        api, deployment(tmp_path, record, *held, resource("ResourceQuota", "tenant", namespace="research"))
    )
    assert [str(key) for key in found.ours] == ["Namespace/research"]
    assert sorted(map(str, found.left)) == ["Namespace/startups", "ResourceQuota/research/tenant"]
    assert found.namespaces == ["research"]
    assert any("left Namespace/startups: it belongs to 'team-x'" in line for line in found.lines)
    assert api.written == []


def test_what_another_stack_took_over_ends_the_removal(tmp_path: Path, record: StackRecord) -> None:
    api = MemoryCluster(
        *(obj("Namespace", name, labels=mine(record) | {KEYS.stack: "another"}) for name in ("a", "b"))
    )
    with pytest.raises(EnvironmentLacksError) as refused:
        check_removal(
            api, deployment(tmp_path, record, resource("Namespace", "a"), resource("Namespace", "b"))
        )
    assert [problem.where.field for problem in refused.value.problems] == ["Namespace/a", "Namespace/b"]
    assert "--forget" in refused.value.problems[0].hint


def test_another_cluster_ends_it_before_anything_is_judged(tmp_path: Path, record: StackRecord) -> None:
    with pytest.raises(EnvironmentLacksError, match="leads to another cluster"):
        check_removal(
            MemoryCluster(uid="cluster-2"), deployment(tmp_path, record, resource("Namespace", "a"))
        )


def test_what_a_crash_left_is_found_by_the_uuid_and_removed(tmp_path: Path, record: StackRecord) -> None:
    api = MemoryCluster(
        obj("Namespace", "research", labels=mine(record)),
        obj("ResourceQuota", "tenant", "research", labels=mine(record)),
        obj("ResourceQuota", "tenant", "startups", labels=mine(record)),
        obj("PriorityClass", "p", version="scheduling.k8s.io/v1", labels=mine(record)),
        obj(
            "PriorityClass",
            "theirs",
            version="scheduling.k8s.io/v1",
            labels=mine(record) | {KEYS.stack: "another"},
        ),
        obj(
            "PriorityClass", "forged", version="scheduling.k8s.io/v1", labels={KEYS.stack: record.identity()}
        ),
    )
    whole = deployment(tmp_path, record)
    found = check_removal(api, whole)
    assert len(found.orphans) == 4
    gone = remove_leftovers(api, whole, lambda _line: None)
    assert gone == ["Namespace/research", "PriorityClass/p", "ResourceQuota/startups/tenant"]
    assert sorted(api.written) == [
        "DELETE Namespace/research",
        "DELETE PriorityClass/p",
        "DELETE ResourceQuota/tenant",
    ]
    assert remove_leftovers(MemoryCluster(), whole, lambda _line: None) == []


def test_a_removal_finds_what_a_cut_run_left_of_a_controller(tmp_path: Path, record: StackRecord) -> None:
    record.put_rare_kinds("lab", has_any=True)
    api = MemoryCluster(obj("CSIDriver", "driver", version="storage.k8s.io/v1", labels=mine(record)))
    whole = deployment(tmp_path, record)
    assert list(map(str, check_removal(api, whole).orphans)) == ["CSIDriver/driver"]
    assert remove_leftovers(api, whole, lambda _line: None) == ["CSIDriver/driver"]


def test_what_a_cut_run_left_of_queues_goes_before_what_it_holds_and_nothing_else_does(
    tmp_path: Path, record: StackRecord
) -> None:
    """A flavour goes once no queue has it, and the engine waits for that without knowing the queue."""
    kueue = "kueue.x-k8s.io/v1beta2"
    orphans = [obj(kind, "stray", version=kueue, labels=mine(record)) for kind in QUEUEING]
    others = [
        obj("Namespace", "research", labels=mine(record)),
        obj("ValidatingAdmissionPolicy", "sovereign-x", labels=mine(record)),
    ]
    api = MemoryCluster(*orphans, *others)
    orphans = check_removal(api, deployment(tmp_path, record)).orphans
    gone = remove_holders(api, orphans, lambda _line: None)
    assert gone == sorted(f"{kind}/stray" for kind in QUEUEING)
    # Each before what it names, as `needs` has it for those that the engine deletes.
    assert api.written == [f"DELETE {kind}/stray" for kind in reversed(QUEUEING)]


def test_other_stacks_of_the_same_factory_are_named_and_nobody_else(
    tmp_path: Path, record: StackRecord
) -> None:
    api = MemoryCluster(
        obj("Namespace", "research", labels=mine(record)),
        obj("Namespace", "startups", labels=mine(record) | {KEYS.stack: "another"}),
        obj("Namespace", "lost", labels=mine(record) | {KEYS.stack: "another"}),
        obj("Namespace", "two", labels=mine(record) | {KEYS.stack: "third", KEYS.factory: "two"}),
        obj("Namespace", "older", labels={KEYS.owner: OWNER, KEYS.factory: "lab"}),
    )
    assert other_stacks(api, deployment(tmp_path, record)) == ["another"]
    assert api.written == []

"""A removal without the engine: in which order, and what it leaves in the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.deploy.removal import direct_removal, termination
from sovereign_ai.deploy.removal.decision import check_removal
from sovereign_ai.deploy.removal.direct_removal import needs_engine, remove_directly
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from tests.deploy.removal.test_decision import deployment, mine
from tests.deploy.state.test_objects import resource
from tests.deploy.test_changes import state
from tests.support.memory_cluster import MemoryCluster, obj, refusal

POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
WEBHOOK = "ValidatingWebhookConfiguration"
GONE = "2026-11-26T12:00:00Z"


def checkpoint(*resources: dict[str, Any], pending: int = 0) -> Checkpoint:
    return Checkpoint(b"", "", datetime.now(UTC), "", resources, tuple({} for _ in range(pending)), "")


def test_a_state_of_one_factory_and_nothing_else_needs_no_engine() -> None:
    assert needs_engine(checkpoint(*state())) == ""


@pytest.mark.parametrize(
    "option",
    [
        "protect",
        "retainOnDelete",
        "external",
        "delete",
        "pendingReplacement",
        "initErrors",
        "taint",
        "resourceHooks",
    ],
)
def test_what_an_option_asks_for_is_left_to_the_engine_wherever_it_is(option: str) -> None:
    resources = state()
    for item in resources:
        item[option] = ["x"] if option in {"initErrors", "resourceHooks"} else True
        assert "options of its own" in needs_engine(checkpoint(*resources)), item["urn"]
        del item[option]


def test_what_no_factory_declares_and_a_run_that_was_cut_short_are_left_to_the_engine() -> None:
    stranger = {"urn": "urn:pulumi:lab::lab::random:index:RandomId::id", "type": "random:index:RandomId"}
    assert "which no factory declares" in needs_engine(checkpoint(*state(), stranger))
    assert needs_engine(checkpoint(*state(), pending=1))
    assert needs_engine(checkpoint())
    assert needs_engine(None)


class Cascading(MemoryCluster):
    """Takes with a namespace all that is in it; an object with a finalizer stays, marked as deleted."""

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        *,
        uid: str = "",
    ) -> bool:
        stored = self.objects.get((api_version, kind, namespace or "", name))
        if stored is not None and stored["metadata"].get("finalizers"):
            self._ask(f"DELETE {kind}/{name}")
            stored["metadata"]["deletionTimestamp"] = GONE
            return True
        if kind == "Namespace":
            self.objects = {key: one for key, one in self.objects.items() if key[2] != name}
        return super().delete(api_version, kind, name, namespace, propagation, uid=uid)


class Recording:
    """As much of the engine as a removal without it uses."""

    def __init__(self) -> None:
        self.dropped: list[str] = []
        self.forgotten = False
        self.deleted: Mapping[str, str] = {}
        self.kubeconfig = None
        self.taken_over = False

    @contextmanager
    def hold(self, _verb: str) -> Iterator[Any]:
        yield self

    def require_hold(self) -> None:
        if self.taken_over:
            raise EnvironmentLacksError(Problem("stack-lost", "another command has taken it over"))

    def standing(self) -> Any:
        return self

    def elsewhere(self, _kubeconfig: object) -> None:
        return None

    def record(self, _verb: str, deleted: Mapping[str, str]) -> Any:
        self.deleted = deleted

    def drop(self, urns: list[str]) -> None:
        self.dropped += urns

    def forget(self) -> None:
        self.forgotten = True


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRecord:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(termination, "_POLL_SECONDS", 0.01)
    made = StackRecord(tmp_path / "identities" / "lab" / "lab.json")
    made.put_cluster("lab", ClusterIdentity("cluster-1", "", "https://memory.invalid"))
    return made


def built(tmp_path: Path, record: StackRecord, **hold: Any) -> tuple[Cascading, StackDeployment]:
    """Return a cluster and a stack with rights, a namespace, an object outside it, and a policy with its
    binding.
    """
    parts = [
        (BINDING, "b", ""),
        (POLICY, "p", ""),
        ("Namespace", "research", ""),
        ("ConfigMap", "facts", "research"),
    ]
    parts += [
        ("RoleBinding", "admin", "research"),
        ("PriorityClass", "urgent", ""),
        ("ConfigMap", "kept", "default"),
        (WEBHOOK, "asks", ""),
    ]
    api = Cascading(
        *(
            obj(kind, name, space, labels=mine(record), **(hold if kind == "PriorityClass" else {}))
            for kind, name, space in parts
        )
    )
    held = [resource(kind, name, namespace=space) for kind, name, space in parts]
    return api, deployment(tmp_path, record, *held)


def removed(api: Cascading, whole: StackDeployment, wait_seconds: float = 5.0) -> tuple[Recording, list[str]]:
    """Remove a stack; return what was done to its state, and what was reported."""
    engine, lines = Recording(), list[str]()
    remove_directly(cast("Engine", engine), api, check_removal(api, whole), whole, lines.append, wait_seconds)
    return engine, lines


def test_webhooks_go_first_then_namespaces_and_rights_and_policies_when_all_that_they_judge_is_gone(
    tmp_path: Path, record: StackRecord
) -> None:
    api, whole = built(tmp_path, record)
    engine, lines = removed(api, whole)
    deleted = [line.removeprefix("DELETE ") for line in api.written]
    assert deleted[:3] == [f"{WEBHOOK}/asks", "Namespace/research", "RoleBinding/admin"]
    assert set(deleted[3:-2]) == {"PriorityClass/urgent", "ConfigMap/kept"}, "facts goes with its namespace"
    assert deleted[-2:] == [f"{BINDING}/b", f"{POLICY}/p"]
    looked = [number for number, line in enumerate(api.asked) if line == "LIST Namespace"]
    assert api.asked.index(f"DELETE {BINDING}/b") > looked[-1] > api.asked.index("DELETE Namespace/research")
    assert sorted(engine.deleted) == sorted(map(str, whole.stack.held or {}))
    assert sorted(line.removeprefix("delete ") for line in lines[1:]) == sorted(engine.deleted)
    assert (engine.forgotten, engine.dropped) == (True, [])


class Terminating(Cascading):
    """Marks a deleted namespace, whose content goes later; it is gone when somebody lists namespaces."""

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        *,
        uid: str = "",
    ) -> bool:
        if kind != "Namespace":
            return super().delete(api_version, kind, name, namespace, propagation, uid=uid)
        self._ask(f"DELETE {kind}/{name}")
        self.objects[api_version, kind, "", name]["metadata"]["deletionTimestamp"] = GONE
        return True

    def list(self, api_version: str, kind: str, *where: Any, **how: Any) -> list[dict[str, Any]]:
        going = set()
        for key, stored in self.objects.items():
            if kind == key[1] == "Namespace" and stored["metadata"].get("deletionTimestamp"):
                going.add(key[3])
        self.objects = {
            key: stored
            for key, stored in self.objects.items()
            if key[2] not in going and not (key[1] == "Namespace" and key[3] in going)
        }
        return super().list(api_version, kind, *where, **how)


def emptied(
    tmp_path: Path, record: StackRecord, monkeypatch: pytest.MonkeyPatch, *, local: bool = True, pod: str = ""
) -> set[str]:
    """Remove a stack with two namespaces; return what was deleted in them before they went."""
    parts = [
        ("Namespace", "research", ""),
        ("Namespace", "startups", ""),
        ("ConfigMap", "facts", "research"),
        ("NetworkPolicy", "default-deny", "research"),
        ("ConfigMap", "facts", "startups"),
    ]
    api = Terminating(*(obj(kind, name, space, labels=mine(record)) for kind, name, space in parts))
    if pod:
        api.put(obj("Pod", "training", pod))
    whole = deployment(tmp_path, record, *(resource(kind, name, namespace=at) for kind, name, at in parts))
    monkeypatch.setattr(direct_removal, "remove_policies", lambda *_arguments: [])
    removed(api, replace(whole, target=replace(whole.target, is_local=local)))
    return {line.removeprefix("DELETEALL ") for line in api.asked if line.startswith("DELETEALL")}


def test_namespaces_are_emptied_while_they_wait_for_their_controller(
    tmp_path: Path, record: StackRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {"ConfigMap research", "NetworkPolicy research", "ConfigMap startups"}
    assert emptied(tmp_path, record, monkeypatch) == expected


def test_a_namespace_with_a_pod_keeps_all_that_limits_the_pod(
    tmp_path: Path, record: StackRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert emptied(tmp_path, record, monkeypatch, pod="research") == {"ConfigMap startups"}


def test_on_other_clusters_network_policies_go_with_their_namespace(
    tmp_path: Path, record: StackRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {"ConfigMap research", "ConfigMap startups"}
    assert emptied(tmp_path, record, monkeypatch, local=False) == expected


def test_a_removal_that_fails_keeps_the_policies_and_drops_from_the_state_what_is_gone(
    tmp_path: Path, record: StackRecord
) -> None:
    api, whole = built(tmp_path, record, finalizers=["example.com/hold"])
    engine, lines = Recording(), list[str]()
    with pytest.raises(DeploymentError) as failed:
        remove_directly(cast("Engine", engine), api, check_removal(api, whole), whole, lines.append, 0.05)
    assert [problem.where.field for problem in failed.value.problems] == ["PriorityClass/urgent"]
    assert not any(POLICY in line for line in api.written)
    assert engine.forgotten is False
    assert {urn.rpartition("::")[2] for urn in engine.dropped} == {
        "Namespace/research",
        "ConfigMap/facts",
        "RoleBinding/admin",
        "ConfigMap/kept",
        f"{WEBHOOK}/asks",
    }


def test_where_the_cluster_does_not_answer_the_state_stays_as_it_was(
    tmp_path: Path, record: StackRecord
) -> None:
    api, whole = built(tmp_path, record)
    removal = check_removal(api, whole)
    api.failure = refusal(503)
    engine = Recording()
    with pytest.raises(ApiError):
        remove_directly(cast("Engine", engine), api, removal, whole, lambda _line: None, 5.0)
    assert (engine.forgotten, engine.dropped) == (False, [])


def test_a_command_that_lost_its_stack_deletes_nothing(tmp_path: Path, record: StackRecord) -> None:
    api, whole = built(tmp_path, record)
    engine = Recording()
    engine.taken_over = True
    with pytest.raises(EnvironmentLacksError, match="taken it over"):
        remove_directly(
            cast("Engine", engine), api, check_removal(api, whole), whole, lambda _line: None, 5.0
        )
    assert api.written == []
    assert engine.forgotten is False

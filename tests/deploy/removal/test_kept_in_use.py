"""What somebody deleted and Kueue keeps, since the stack's own objects name it: a deployment goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.preconditions import check_preconditions
from sovereign_ai.deploy.removal.kept_in_use import IN_USE, kept_in_use
from sovereign_ai.deploy.state.stack_record import StackRecord
from tests.daytwo.edits import edited
from tests.daytwo.probes import Described
from tests.daytwo.table import changes
from tests.deploy.test_preconditions import Cluster, deployment, mine
from tests.support.memory_cluster import MemoryCluster

KEPT_KINDS = ("ResourceFlavor", "Topology", "AdmissionCheck")
"""Kinds on which Kueue 0.17 sets its finalizer for what names them (pkg/controller/core and tas); a
ClusterQueue has it too, for its work."""
SENDING = next(
    change for change in changes() if change.name == "work of a zone is sent to the cluster of another site"
)


@pytest.fixture(scope="module")
def objects() -> tuple[dict[str, Any], ...]:
    """Objects of every kind that Kueue keeps."""
    return Described.of(edited(SENDING.before, SENDING.edits)).bundle.objects


def deleted(obj: dict[str, Any], *finalizers: str) -> dict[str, Any]:
    meta = {**obj["metadata"], "deletionTimestamp": "2026-11-30T06:37:29Z", "finalizers": list(finalizers)}
    return {**obj, "metadata": meta}


def told(objects: Any, live: list[dict[str, Any]]) -> dict[str, str]:
    api = MemoryCluster(*live)
    found = kept_in_use(api, objects, {key_of(obj): obj["metadata"] for obj in live})
    return {str(key): str(namer) for key, namer in found.items()}


@pytest.mark.parametrize("kind", KEPT_KINDS)
def test_what_planned_objects_name_is_kept_and_not_waited_for(objects: Any, kind: str) -> None:
    going = next(obj for obj in objects if obj["kind"] == kind)
    live = [deleted(obj, IN_USE) if obj is going else obj for obj in objects]
    assert list(told(objects, live)) == [f"{kind}/{going['metadata']['name']}"]


def test_a_topology_is_kept_by_a_flavour_that_is_kept_itself(objects: Any) -> None:
    live = [deleted(obj, IN_USE) if obj["kind"] in KEPT_KINDS else obj for obj in objects]
    names = [f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects if obj["kind"] in KEPT_KINDS]
    assert sorted(told(objects, live)) == sorted(names)


def test_what_a_queue_that_goes_names_will_go_and_is_waited_for(objects: Any) -> None:
    going = {"ResourceFlavor", "ClusterQueue"}
    live = [deleted(obj, IN_USE) if obj["kind"] in going else obj for obj in objects]
    assert told(objects, live) == {}


def test_what_somebody_else_holds_is_waited_for(objects: Any) -> None:
    for finalizers in ((), ("example.com/hold",), (IN_USE, "example.com/hold")):
        live = [deleted(obj, *finalizers) if obj["kind"] == "ResourceFlavor" else obj for obj in objects]
        assert told(objects, live) == {}


def test_a_flavour_that_has_to_change_is_waited_for(objects: Any) -> None:
    live = []
    for obj in objects:
        if obj["kind"] == "ResourceFlavor":
            live.append(deleted({**obj, "spec": {**obj["spec"], "nodeLabels": {"other": "one"}}}, IN_USE))
        else:
            live.append(obj)
    assert told(objects, live) == {}


def test_a_flavour_that_no_live_queue_names_is_waited_for(objects: Any) -> None:
    live = []
    for obj in objects:
        if obj["kind"] == "ResourceFlavor":
            live.append(deleted(obj, IN_USE))
        elif obj["kind"] == "ClusterQueue":
            live.append({**obj, "spec": {}})
        else:
            live.append(obj)
    assert told(objects, live) == {}


def test_a_deployment_goes_on_and_says_which_queue_keeps_what_was_deleted(
    objects: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    record = StackRecord(tmp_path / "identities" / "lab" / "lab.json")
    queues = []
    for obj in objects:
        if obj["kind"] in {"ClusterQueue", "ResourceFlavor"}:
            labels = {**obj["metadata"]["labels"], **mine(record)}
            queues.append({**obj, "metadata": {**obj["metadata"], "labels": labels}})
    live = [deleted(obj, IN_USE) if obj["kind"] == "ResourceFlavor" else obj for obj in queues]
    checked = check_preconditions(Cluster(*live), queues, deployment(tmp_path, record))
    assert checked.terminating == []
    flavours = [obj["metadata"]["name"] for obj in queues if obj["kind"] == "ResourceFlavor"]
    assert flavours
    for name in flavours:
        [line] = [line for line in checked.lines_but_of(()) if f"ResourceFlavor/{name}" in line]
        assert line.startswith("somebody deleted")
        assert "ClusterQueue/" in line

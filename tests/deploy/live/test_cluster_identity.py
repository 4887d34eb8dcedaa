"""Whether the cluster behind a kubeconfig is the one that a stack was deployed to."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api.client import UnreachableError
from sovereign_ai.cluster.api.errors import unreachable
from sovereign_ai.cluster.removed_clusters import authority_of, note_removed, was_removed
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy.live.cluster_identity import DeployTarget, recognise, recognised_line
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.state.objects import HeldObject
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord, record_path
from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from tests.support.memory_cluster import MemoryCluster, obj, refusal

NAMESPACE = obj("Namespace", "research", uid="u1")
KEY = key_of(NAMESPACE)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRecord:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return StackRecord(record_path(tmp_path, "lab", "lab"))


def kubeconfig(path: Path, authority: bytes = b"first") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [
            {
                "name": "k",
                "cluster": {
                    "server": "https://127.0.0.1:1",
                    "certificate-authority-data": base64.b64encode(authority).decode(),
                },
            }
        ],
    }
    path.write_text(yaml.safe_dump(data))
    return path


def target(tmp_path: Path, authority: bytes = b"first", **more: Any) -> DeployTarget:
    return DeployTarget(
        "lab", "lab", kubeconfig(tmp_path / "kubeconfig", authority), folder=tmp_path / "my lab", **more
    )


def held(uid: str = "u1", created: str = "2026-02-01T00:00:00Z") -> dict[ObjectKey, HeldObject]:
    return {KEY: HeldObject("urn", uid, "", created, {})}


def test_a_first_deployment_is_to_any_cluster(tmp_path: Path, record: StackRecord) -> None:
    found = recognise(MemoryCluster(), target(tmp_path), record, {})
    assert (found.identity.uid, found.remade, found.line) == ("cluster-1", False, "")
    assert record.cluster("lab") is None, "to look is not to record"


def test_the_same_cluster_is_the_same_by_any_address_and_a_new_authority_is_named(
    tmp_path: Path, record: StackRecord
) -> None:
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    moved = MemoryCluster(server="https://other.invalid")
    assert recognise(moved, target(tmp_path), record, held()).line == ""
    rotated = recognise(moved, target(tmp_path, b"second"), record, held())
    assert "certificate authority" in rotated.line
    record.put_cluster("lab", rotated.identity)
    assert recognise(moved, target(tmp_path, b"second"), record, held()).line == ""


def test_another_cluster_behind_the_same_file_is_refused_with_the_objects_at_stake(
    tmp_path: Path, record: StackRecord
) -> None:
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    with pytest.raises(EnvironmentLacksError) as refused:
        recognise(
            MemoryCluster(NAMESPACE, uid="cluster-2"),
            target(tmp_path, options=" --stack lab"),
            record,
            held(),
        )
    problem = refused.value.problems[0]
    assert (problem.code, refused.value.exit_code) == ("other-cluster", ExitCode.ENVIRONMENT)
    for words in ("cluster-1", "cluster-2", "1 object", "nothing was changed"):
        assert words in problem.message
    assert f"sovereign-ai down '{tmp_path}/my lab' --stack lab --forget" in problem.hint


def test_with_an_empty_state_nothing_is_at_stake_and_it_is_only_told(
    tmp_path: Path, record: StackRecord
) -> None:
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    assert "another cluster" in recognise(MemoryCluster(uid="cluster-2"), target(tmp_path), record, {}).line
    with pytest.raises(EnvironmentLacksError):
        recognise(MemoryCluster(uid="cluster-2"), target(tmp_path), record, None)


def test_a_removed_and_recreated_control_plane_is_recognised_and_a_vanished_one_is_not(
    tmp_path: Path, record: StackRecord
) -> None:
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    again = MemoryCluster(uid="cluster-2")
    with pytest.raises(EnvironmentLacksError):
        recognise(again, target(tmp_path, b"second", is_local=True), record, held())
    old = cluster_dir_of("lab")
    kubeconfig(old.kubeconfig)
    note_removed(old)
    found = recognise(again, target(tmp_path, b"second", is_local=True), record, held())
    assert found.remade
    assert "removed and made anew; the 1 object" in found.line
    assert found.identity.uid == "cluster-2"


def test_what_was_removed_is_known_by_its_authority_alone(tmp_path: Path, record: StackRecord) -> None:
    where = cluster_dir_of("lab")
    note_removed(where)  # it never had a kubeconfig
    assert not was_removed("")
    for authority in (b"first", b"second", b"first"):
        kubeconfig(where.kubeconfig, authority)
        note_removed(where)
        assert was_removed(authority_of(where.kubeconfig))
    assert (where.folder.parent / ".removed").stat().st_mode & 0o777 == 0o600
    assert len((where.folder.parent / ".removed").read_text().split()) == 2


def test_the_state_of_an_older_version_is_proved_by_the_uid_of_one_of_its_objects(
    tmp_path: Path, record: StackRecord
) -> None:
    assert recognise(MemoryCluster(NAMESPACE), target(tmp_path), record, held()).line == ""
    for api in (MemoryCluster(), MemoryCluster(obj("Namespace", "research", uid="another"))):
        with pytest.raises(EnvironmentLacksError, match="none of them is on the cluster"):
            recognise(api, target(tmp_path), record, held())
    with pytest.raises(EnvironmentLacksError):
        recognise(MemoryCluster(obj("Namespace", "research", uid="")), target(tmp_path), record, held(uid=""))


def test_a_local_control_plane_younger_than_an_older_versions_objects_was_recreated(
    tmp_path: Path, record: StackRecord
) -> None:
    older, younger = held(created="2025-12-31T23:59:59Z"), held(created="2026-01-01T00:00:01Z")
    assert recognise(MemoryCluster(), target(tmp_path, is_local=True), record, older).remade
    for api_target, state in (
        (target(tmp_path, is_local=True), younger),
        (target(tmp_path), older),
        (target(tmp_path, is_local=True), held(created="")),
    ):
        with pytest.raises(EnvironmentLacksError):
            recognise(MemoryCluster(), api_target, record, state)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_server_that_does_not_say_who_it_is_is_no_other_cluster_and_nothing_is_decided(
    tmp_path: Path, record: StackRecord, status: int
) -> None:
    record.put_cluster("lab", ClusterIdentity("cluster-1", "", "https://memory.invalid"))
    api = MemoryCluster()
    api.failure = refusal(status)
    for state in ({}, held(), None):
        with pytest.raises(EnvironmentLacksError) as refused:
            recognise(api, target(tmp_path), record, state)
        assert refused.value.problems[0].code == "cluster-unidentified"
        assert "nothing was changed" in refused.value.problems[0].message


def test_silence_is_no_other_cluster_either(tmp_path: Path, record: StackRecord) -> None:
    api = MemoryCluster()
    api.failure = unreachable("https://memory.invalid", "connection refused")
    with pytest.raises(UnreachableError):
        recognise(api, target(tmp_path), record, held())


def test_who_only_looks_is_refused_another_cluster_too_and_needs_no_further_rights(
    tmp_path: Path, record: StackRecord
) -> None:
    other = MemoryCluster(uid="cluster-2")
    assert recognised_line(other, target(tmp_path), record, held()) == "", "nothing is recorded here"
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    assert recognised_line(MemoryCluster(), target(tmp_path, b"second"), record, held()) == ""
    assert "its state holds nothing" in recognised_line(other, target(tmp_path), record, {})
    with pytest.raises(EnvironmentLacksError) as refused:
        recognised_line(other, target(tmp_path), record, held())
    assert refused.value.problems[0].code == "other-cluster"
    other.failure = refusal(403)
    assert recognised_line(other, target(tmp_path), record, held()) == ""


def test_a_control_plane_that_was_made_anew_is_told_to_who_only_looks(
    tmp_path: Path, record: StackRecord
) -> None:
    record.put_cluster("lab", recognise(MemoryCluster(), target(tmp_path), record, {}).identity)
    kubeconfig(cluster_dir_of("lab").kubeconfig)
    note_removed(cluster_dir_of("lab"))
    line = recognised_line(MemoryCluster(uid="cluster-2"), target(tmp_path, is_local=True), record, held())
    assert "removed and made anew" in line

"""A policy that an API server has accepted is not compiled by it in the next dry run; any other is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.deploy.dry_run import dry_run_problems
from sovereign_ai.deploy.live.accepted_policies import policies_accepted_by
from sovereign_ai.errors import Problem
from tests.deploy.test_dry_run import QUOTA, Answering, Object, made, nowhere

SPEC: Mapping[str, Any] = {"failurePolicy": "Fail", "validations": [{"expression": "true"}]}
POLICY = made("ValidatingAdmissionPolicy", "p", version="admissionregistration.k8s.io/v1", spec=SPEC)
LOOSE = POLICY | {"spec": {**SPEC, "failurePolicy": "Ignore"}}


class Server(Answering):
    """An API server of a cluster and a version."""

    def __init__(self, uid: str = "a", release: str = "v1.37.2", status: int = 0, message: str = "") -> None:
        super().__init__(status, message)
        self.uid, self.release = uid, release

    def identity(self) -> str:
        return self.uid

    def version(self) -> str:
        return self.release


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "sovereign-ai" / "accepted-policies"


def tried(server: Server, *objects: Object) -> list[str]:
    """Return the kinds of the objects that a dry run sends."""
    dry_run_problems(server, objects, nowhere, policies_accepted_by(server))
    return [obj["kind"] for obj in server.tried]


def test_a_policy_is_tried_once_and_every_other_object_each_time() -> None:
    assert tried(Server(), POLICY, QUOTA) == ["ValidatingAdmissionPolicy", "ResourceQuota"]
    assert tried(Server(), POLICY, QUOTA) == ["ResourceQuota"]


def test_a_policy_with_another_specification_is_tried() -> None:
    tried(Server(), POLICY)
    assert tried(Server(), LOOSE) == ["ValidatingAdmissionPolicy"]


@pytest.mark.parametrize("other", [Server(uid="b"), Server(release="v1.38.0")])
def test_another_cluster_or_version_has_accepted_nothing(other: Server) -> None:
    tried(Server(), POLICY)
    assert tried(other, POLICY) == ["ValidatingAdmissionPolicy"]


def test_a_new_local_control_plane_accepts_what_one_of_its_version_did() -> None:
    def tried_locally(server: Server) -> bool:
        dry_run_problems(server, [POLICY], nowhere, policies_accepted_by(server, is_local=True))
        return bool(server.tried)

    assert tried_locally(Server(uid="a"))
    assert not tried_locally(Server(uid="b"))
    assert tried_locally(Server(uid="b", release="v1.38.0"))
    assert tried(Server(uid="b"), POLICY) == ["ValidatingAdmissionPolicy"], "a cluster of the user's own"


def test_what_was_refused_or_could_not_be_tried_is_tried_again() -> None:
    for status, message in ((422, "no CEL"), (403, "webhook does not support dry run")):
        tried(Server(status=status, message=message), POLICY)
        assert tried(Server(status=status, message=message), POLICY) == ["ValidatingAdmissionPolicy"]


@pytest.mark.parametrize("damage", ["", "{", "{}", '{"digests": []}'])
def test_a_damaged_file_only_costs_the_dry_run(state: Path, damage: str) -> None:
    tried(Server(), POLICY)
    (file,) = state.iterdir()
    file.write_text(damage, encoding="utf-8")
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]
    assert tried(Server(), POLICY) == []


def test_the_policies_of_several_factories_are_kept_up_to_a_number(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovereign_ai.deploy.live.accepted_policies._MOST", 2)
    third = POLICY | {"spec": {**SPEC, "matchConditions": []}}
    for policy in (POLICY, LOOSE, third):
        assert tried(Server(), policy) == ["ValidatingAdmissionPolicy"]
    assert tried(Server(), LOOSE, third) == []
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]


def test_a_folder_that_cannot_be_written_is_no_error(state: Path) -> None:
    state.parent.mkdir(mode=0o700, exist_ok=True)
    state.write_text("a file in the folder's place", encoding="utf-8")
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]


def test_where_a_cluster_does_not_name_itself_nothing_is_remembered(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_server: Server) -> str:
        raise ApiError(Problem("api", "GET /api/v1/namespaces/kube-system: no"), status=403)

    monkeypatch.setattr(Server, "identity", refuse)
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]
    assert tried(Server(), POLICY) == ["ValidatingAdmissionPolicy"]
    assert not state.exists()

"""Another cluster behind the same kubeconfig, and a cluster that does not say who it is.

On real control planes.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from sovereign_ai.cluster.api.client import Api, open_cluster
from tests.faults.stand import LAB_OBJECTS
from tests.life import Lab, within
from tests.support.snapshot import versions

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("identity"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()
        made.call("cluster", "down", "other")


class Users:
    """The lab, deployed as to a cluster of the user's own, by a kubeconfig of a path that stays the same."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.stack, self.kubeconfig = lab, folder / "lab", folder / "kubeconfig"
        shutil.copytree(lab.stack, self.stack, ignore=shutil.ignore_patterns("Pulumi.*.yaml"))
        self.env = lab.env | {"XDG_STATE_HOME": str(folder / "state")}

    def point_to(self, kubeconfig: Path, name: str = "mine") -> None:
        """Have the kubeconfig lead to another cluster, by the same context unless it gets another name."""
        data = yaml.safe_load(kubeconfig.read_text())
        for entry in (*data["contexts"], *data["clusters"], *data["users"]):
            entry["name"] = name
        data["contexts"][0]["context"] = {"cluster": name, "user": name}
        data["current-context"] = name
        self.kubeconfig.write_text(yaml.safe_dump(data))

    def move(self, name: str) -> None:
        """Give the kubeconfig another path."""
        self.kubeconfig = self.kubeconfig.rename(self.kubeconfig.with_name(name))

    def call(self, verb: str, *more: str, code: int = 0) -> dict[str, Any]:
        own, self.lab.env = self.lab.env, self.env
        try:
            where = ("--cluster", "kubeconfig", "--kubeconfig", str(self.kubeconfig))
            return self.lab.call(verb, str(self.stack), *where, *more, code=code)
        finally:
            self.lab.env = own


@pytest.fixture
def other(lab: Lab) -> Api:
    """Another control plane, on which nothing is."""
    return open_cluster(Path(lab.call("cluster", "up", "other")["kubeconfig"]))


def problem(document: dict[str, Any]) -> dict[str, Any]:
    (only,) = document["problems"]
    return dict(only)


def test_a_plane_that_was_removed_and_made_anew_is_deployed_to_again_without_a_question(lab: Lab) -> None:
    lab.cluster("down")
    lab.cluster("up")
    lab.__dict__.pop("api", None)
    lab.__dict__.pop("kubeconfig", None)
    made = lab.on_plane("up")
    assert made["changes"]["create"] == LAB_OBJECTS
    assert lab.verify() == []
    assert lab.on_plane("up")["changes"] == {}


def test_down_of_a_plane_that_was_made_anew_drops_what_went_with_the_old_one(lab: Lab) -> None:
    lab.cluster("down")
    lab.cluster("up")
    gone = lab.on_plane("down", "--keep-cluster")
    assert "forgotten" in gone
    assert lab.on_plane("down", "--keep-cluster").get("forgotten", 0) == 0
    lab.on_plane("up")


def test_a_plane_that_vanished_and_was_made_anew_by_nobody_knows_whom_is_refused(
    lab: Lab, tmp_path: Path
) -> None:
    removed = lab.kubeconfig.parent.parent / ".removed"
    lab.cluster("down")
    removed.rename(tmp_path / "removed")
    lab.cluster("up")
    lab.__dict__.pop("api", None)
    before = versions(lab.api)
    for verb, more in (("up", ()), ("preview", ()), ("down", ("--keep-cluster",))):
        refused = problem(lab.on_plane(verb, *more, code=3))
        assert refused["code"] == "other-cluster"
        assert f"{LAB_OBJECTS} objects" in refused["message"]
        assert "--forget" in refused["hint"]
    assert versions(lab.api) == before
    assert lab.on_plane("down", "--forget")["forgotten"] == LAB_OBJECTS
    lab.on_plane("up")
    assert lab.verify() == []


@pytest.fixture(scope="module")
def users(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Users:
    """The lab on the same control plane, taken for a cluster of the user's own."""
    lab.on_plane("down", "--keep-cluster")
    made = Users(lab, tmp_path_factory.mktemp("users"))
    made.point_to(lab.kubeconfig)
    made.call("up", "--yes")
    return made


def test_another_cluster_under_the_same_path_and_context_is_refused_by_every_command(
    lab: Lab, users: Users, other: Api
) -> None:
    here, there = versions(lab.api), versions(other)
    users.point_to(lab.kubeconfig.parent.parent / "other" / "kubeconfig")
    for verb, more in (("up", ("--yes",)), ("preview", ()), ("down", ("--yes",))):
        refused = problem(users.call(verb, *more, code=3))
        assert refused["code"] == "other-cluster"
        assert f"{LAB_OBJECTS} objects" in refused["message"]
    assert (versions(lab.api), versions(other)) == (here, there)
    users.point_to(lab.kubeconfig)
    assert users.call("up", "--yes")["changes"] == {}


def test_a_second_kubeconfig_does_not_take_the_state_of_the_first_to_its_cluster(
    lab: Lab, users: Users, other: Api
) -> None:
    here, there = versions(lab.api), versions(other)
    first, users.kubeconfig = users.kubeconfig, users.kubeconfig.with_name("second")
    try:
        users.point_to(lab.kubeconfig.parent.parent / "other" / "kubeconfig")
        for verb, more in (("up", ("--yes",)), ("preview", ()), ("down", ("--yes",))):
            assert problem(users.call(verb, *more, code=3))["code"] == "other-cluster"
    finally:
        users.kubeconfig = first
    assert (versions(lab.api), versions(other)) == (here, there)


def test_settings_that_name_another_cluster_are_refused_before_anything_is_written(
    lab: Lab, other: Api, tmp_path: Path
) -> None:
    here, there = versions(lab.api), versions(other)
    fresh = Users(lab, tmp_path)
    fresh.point_to(lab.kubeconfig.parent.parent / "other" / "kubeconfig")
    settings = fresh.stack / "Pulumi.lab.yaml"
    settings.write_text(yaml.safe_dump({"config": {"sovereign:kubeconfig": str(lab.kubeconfig)}}))
    for verb, more in (("up", ("--yes",)), ("preview", ())):
        refused = problem(fresh.call(verb, *more, code=3))
        assert (refused["code"], refused["field"]) == ("other-cluster", "config.sovereign:kubeconfig")
    assert (versions(lab.api), versions(other)) == (here, there)
    records = [orjson.loads(path.read_bytes()) for path in (tmp_path / "state").rglob("identities/*/*.json")]
    assert not any(record.get("clusters") for record in records), "no cluster is recorded as the stack's"


def test_a_certificate_authority_that_was_changed_is_no_other_cluster(users: Users) -> None:
    data = yaml.safe_load(users.kubeconfig.read_text())
    cluster = data["clusters"][0]["cluster"]
    both = base64.b64decode(cluster["certificate-authority-data"]) * 2
    cluster["certificate-authority-data"] = base64.b64encode(both).decode()
    users.kubeconfig.write_text(yaml.safe_dump(data))
    assert users.call("up", "--yes")["changes"] == {}
    assert users.call("preview")["changes"] == {}


@pytest.mark.parametrize("fault", ["token", "port"])
def test_a_server_that_accepts_nobody_or_does_not_answer_is_not_empty(
    lab: Lab, users: Users, fault: str
) -> None:
    before = versions(lab.api)
    data = yaml.safe_load(users.kubeconfig.read_text())
    if fault == "token":
        data["users"][0]["user"] = {"token": "expired"}
    else:
        data["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    users.kubeconfig.write_text(yaml.safe_dump(data))
    for verb in ("up", "down"):
        refused = users.call(verb, "--yes", code=3)
        assert "changes" not in refused
    users.point_to(lab.kubeconfig)
    assert versions(lab.api) == before
    assert users.call("preview")["changes"] == {}, "the state holds all that it held"


def test_a_kubeconfig_that_was_moved_or_whose_context_was_renamed_leads_to_the_same_objects(
    lab: Lab, users: Users, other: Api
) -> None:
    here, there = versions(lab.api), versions(other)
    users.move("moved")
    users.point_to(lab.kubeconfig.parent.parent / "other" / "kubeconfig")
    assert problem(users.call("up", "--yes", code=3))["code"] == "cluster-gone"
    users.point_to(lab.kubeconfig)
    assert users.call("preview")["changes"] == {}
    assert users.call("up", "--yes")["changes"] == {}
    users.point_to(lab.kubeconfig, "renamed")
    assert users.call("up", "--yes")["changes"] == {}
    assert (versions(lab.api), versions(other)) == (here, there)


def test_down_of_the_right_cluster_removes_what_is_there(lab: Lab, users: Users) -> None:
    users.move("moved-again")
    assert users.call("down", "--yes")["changes"]["delete"] == LAB_OBJECTS
    assert within(60, lambda: lab.api.get("v1", "Namespace", "research") is None)

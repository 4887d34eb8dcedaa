from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.embedded.settings import first_roles, make_settings, scheduler_file
from sovereign_ai.cluster.keys.custody import Custody, ModuleLocation, write_custody
from sovereign_ai.cluster.state import ClusterDir, read_json


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    return place


def encryption(place: ClusterDir) -> list[list[str]]:
    config = read_json(place.config / "encryption.json") or {}
    return [[next(iter(provider)) for provider in entry["providers"]] for entry in config["resources"]]


def test_the_encryption_key_is_generated_once_and_kept(cluster_dir: ClusterDir) -> None:
    make_settings(cluster_dir)
    before = (cluster_dir.config / "encryption.json").read_bytes()
    make_settings(cluster_dir)
    assert (cluster_dir.config / "encryption.json").read_bytes() == before
    assert encryption(cluster_dir) == [["secretbox", "identity"]]


def test_a_key_in_a_module_writes_first_and_is_listed_once(cluster_dir: ClusterDir) -> None:
    make_settings(cluster_dir)
    module = ModuleLocation(Path("/module.so"), "lab", Path("/pin"), {})
    write_custody(cluster_dir, Custody(module, "lab-1", {}))
    make_settings(cluster_dir)
    make_settings(cluster_dir)
    assert encryption(cluster_dir) == [["kms", "secretbox", "identity"]]


def test_bodies_are_never_audited(cluster_dir: ClusterDir) -> None:
    make_settings(cluster_dir)
    policy = read_json(cluster_dir.config / "audit.json") or {}
    assert {rule["level"] for rule in policy["rules"]} == {"None", "Metadata"}


def test_the_scheduler_asks_for_a_machines_labels_first_and_connects_as_itself(cluster_dir: ClusterDir):
    make_settings(cluster_dir)
    settings = read_json(scheduler_file(cluster_dir)) or {}
    (profile,) = settings["profiles"]
    assert profile["plugins"] == {"filter": {"enabled": [{"name": "NodeAffinity"}]}}
    assert settings["clientConnection"]["kubeconfig"] == str(cluster_dir.identity("kube-scheduler"))
    assert settings["leaderElection"] == {"leaderElect": False}


def test_no_role_of_kwok_can_create_or_delete_a_node() -> None:
    (kwok,) = [
        role for role in first_roles() if role["kind"] == "ClusterRole" and "kwok" in role["metadata"]["name"]
    ]
    verbs = {verb for rule in kwok["rules"] if "nodes" in rule["resources"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}

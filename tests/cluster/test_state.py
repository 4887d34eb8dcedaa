from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sovereign_ai.cluster.state import (
    ClusterDir,
    choose_ports,
    cluster_dir_of,
    is_free,
    read_json,
    record,
    write_json,
)
from sovereign_ai.errors import EnvironmentLacksError, UsageError


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    made = ClusterDir("lab", tmp_path / "root" / "lab")
    made.make()
    return made


def test_folder_and_files_are_readable_by_their_owner_only(cluster_dir: ClusterDir) -> None:
    write_json(cluster_dir.status, {"phase": "ready"})
    assert cluster_dir.folder.stat().st_mode & 0o777 == 0o700
    assert cluster_dir.status.stat().st_mode & 0o777 == 0o600


def test_a_folder_with_other_content_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir(mode=0o700)
    other = ClusterDir("lab", tmp_path / "root" / "lab")
    other.folder.mkdir()
    (other.folder / "thesis.txt").write_text("mine")
    for action in (other.make, other.remove):
        with pytest.raises(EnvironmentLacksError, match="something else than a cluster"):
            action()
    assert (other.folder / "thesis.txt").exists()


def test_a_name_that_is_no_dns_label_names_no_cluster() -> None:
    with pytest.raises(UsageError, match="cannot name a cluster"):
        cluster_dir_of("../lab")


def test_a_missing_file_is_none_and_a_damaged_one_an_error(cluster_dir: ClusterDir) -> None:
    assert read_json(cluster_dir.status) is None
    cluster_dir.status.write_text("[1]")
    with pytest.raises(EnvironmentLacksError, match="cluster-state-damaged"):
        read_json(cluster_dir.status)


def test_recorded_ports_are_kept_and_those_of_siblings_avoided(cluster_dir: ClusterDir) -> None:
    ports = choose_ports(cluster_dir, listeners=("etcd", "kube-apiserver"))
    assert len(set(ports.values())) == 2
    record(cluster_dir, ports, {})
    assert choose_ports(cluster_dir, listeners=("etcd", "kube-apiserver")) == ports
    sibling = ClusterDir("other", cluster_dir.folder.parent / "other")
    sibling.make()
    record(sibling, ports, {})
    assert not set(choose_ports(cluster_dir, listeners=("etcd",)).values()) & set(ports.values())


def test_a_port_on_which_a_process_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])

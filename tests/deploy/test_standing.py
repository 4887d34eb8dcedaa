"""On which cluster stands what a state holds, and what is said where that is another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.deploy.standing import Standing, standing


def exported(kubeconfig: object) -> list[dict[str, Any]]:
    return [
        {"type": "pulumi:pulumi:Stack"},
        {"type": "sovereign:index:FactoryDeployment", "inputs": {"cluster": "lab"}},
        {"type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": kubeconfig}},
        {"type": "kubernetes:core/v1:Namespace", "inputs": {}},
        {"type": "kubernetes:core/v1:ConfigMap", "inputs": {}},
    ]


def read(tmp_path: Path, kubeconfig: object) -> Standing:
    return standing("lab", tmp_path / "my lab", exported(kubeconfig))


def test_objects_are_counted_and_the_last_kubeconfig_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, "/k/one")
    assert (found.objects, found.kubeconfig) == (2, Path("/k/one"))


def test_a_path_is_read_as_the_engine_reads_it_and_what_is_no_path_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, "kubeconfig").kubeconfig == tmp_path / "my lab" / "kubeconfig"
    assert read(tmp_path, "apiVersion: v1\nkind: Config\n").kubeconfig is None


def test_the_same_file_by_another_path_is_the_same_cluster(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert read(tmp_path, str(tmp_path / "one")).elsewhere(tmp_path / "link") is None


def test_an_empty_state_and_a_provider_without_a_file_stand_in_no_ones_way(tmp_path: Path) -> None:
    assert standing("lab", tmp_path, []).elsewhere(tmp_path / "other") is None
    assert read(tmp_path, {"secret": "…"}).elsewhere(tmp_path / "other") is None


def test_what_stands_on_another_cluster_is_said_with_the_command_that_removes_it(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    problem = read(tmp_path, str(tmp_path / "one")).elsewhere(tmp_path / "two")
    assert problem is not None
    assert problem.code == "other-cluster"
    assert f"2 objects of 'lab' on the cluster of {tmp_path / 'one'}" in problem.message
    assert f"sovereign-ai down '{tmp_path / 'my lab'}' --cluster kubeconfig --kubeconfig {tmp_path / 'one'}" in problem.hint


def test_where_its_kubeconfig_is_gone_that_is_said_and_not_that_the_cluster_is_silent(tmp_path: Path) -> None:
    problem = read(tmp_path, str(tmp_path / "one")).elsewhere(tmp_path / "two")
    assert problem is not None
    assert problem.code == "cluster-gone"
    assert "that file is gone" in problem.message
    assert "--forget" in problem.hint

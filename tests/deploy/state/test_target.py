"""On which cluster stands what a state holds, and what is said where that is another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy.state.target import StateTarget, other_in_settings, read_target


def exported(kubeconfig: object) -> list[dict[str, Any]]:
    return [
        {"type": "pulumi:pulumi:Stack"},
        {"type": "sovereign:index:FactoryDeployment", "inputs": {"cluster": "lab"}},
        {"type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": kubeconfig}},
        {"type": "kubernetes:core/v1:Namespace", "inputs": {}},
        {"type": "kubernetes:core/v1:ConfigMap", "inputs": {}},
    ]


def read(tmp_path: Path, kubeconfig: object) -> StateTarget:
    return read_target("lab", tmp_path / "my lab", exported(kubeconfig))


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
    assert read_target("lab", tmp_path, []).elsewhere(tmp_path / "other") is None
    assert read(tmp_path, {"secret": "…"}).elsewhere(tmp_path / "other") is None


def test_what_stands_on_another_cluster_is_said_with_the_command_that_removes_it(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    problem = read(tmp_path, str(tmp_path / "one")).elsewhere(tmp_path / "two")
    assert problem is not None
    assert problem.code == "other-cluster"
    assert f"2 objects of 'lab' on the cluster of {tmp_path / 'one'}" in problem.message
    assert (
        f"sovereign-ai down '{tmp_path / 'my lab'}' --stack lab --cluster kubeconfig --kubeconfig {tmp_path / 'one'}"  # noqa: E501 - one literal text
        in problem.hint
    )


def test_the_commands_reach_what_is_meant_on_the_own_and_on_the_kind_control_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ours = cluster_dir_of("lab").kubeconfig
    ours.parent.mkdir(parents=True)
    ours.touch()
    problem = read_target("lab", tmp_path, exported(str(ours))).elsewhere(tmp_path / "two")
    assert problem is not None
    assert f"`sovereign-ai down {tmp_path} --stack lab`" in problem.hint
    for file in (ours, tmp_path / "gone"):
        problem = read_target("lab", tmp_path, exported(str(file)), "kind").elsewhere(tmp_path / "two")
        assert problem is not None
        assert f"`sovereign-ai down {tmp_path} --stack lab --cluster kind --forget`" in problem.hint
        assert "--kubeconfig" not in problem.hint, "no such command looks into the kind plane's state"


def test_where_its_kubeconfig_is_gone_that_is_said_and_not_that_the_cluster_is_silent(tmp_path: Path) -> None:
    problem = read(tmp_path, str(tmp_path / "one")).elsewhere(tmp_path / "two")
    assert problem is not None
    assert problem.code == "cluster-gone"
    assert "that file is gone" in problem.message
    assert "--forget" in problem.hint


def kubeconfig(path: Path, server: str, authority: str = "QUJD") -> Path:
    """Write a kubeconfig of one cluster."""
    data = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, "certificate-authority-data": authority}}],
    }
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize(
    ("server", "authority", "same"),
    [
        ("https://10.0.0.1:6443", "QUJD", True),
        ("https://10.0.0.2:6443", "QUJD", False),
        ("https://10.0.0.1:6443", "REVG", False),
    ],
)
def test_two_files_are_the_same_cluster_by_server_and_authority(
    tmp_path: Path, server: str, authority: str, same: bool
) -> None:
    first = kubeconfig(tmp_path / "one", "https://10.0.0.1:6443")
    second = kubeconfig(tmp_path / "two", server, authority)
    assert read(tmp_path, str(first)).is_on(second) is same


def test_an_authority_in_a_file_beside_the_kubeconfig_counts_as_one_inside(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "one", "https://10.0.0.1:6443")
    (tmp_path / "ca.crt").write_bytes(b"ABC")
    second = kubeconfig(tmp_path / "two", "https://10.0.0.1:6443")
    second.write_text(
        second.read_text().replace("certificate-authority-data: QUJD", "certificate-authority: ca.crt")
    )
    assert read(tmp_path, str(first)).is_on(second)


CONTEXTS = ("prod", "https://10.0.0.1:6443"), ("trial", "https://10.0.0.2:6443")


def two_contexts(path: Path, current: str) -> Path:
    """Write a kubeconfig of two clusters."""
    data = {
        "current-context": current,
        "contexts": [
            {"name": name, "context": {"cluster": f"of-{name}", "user": "u"}} for name, _ in CONTEXTS
        ],
        "clusters": [{"name": f"of-{name}", "cluster": {"server": server}} for name, server in CONTEXTS],
    }
    path.write_text(yaml.safe_dump(data))
    return path


def read_context(tmp_path: Path, file: Path, context: str) -> StateTarget:
    inputs = {"kubeconfig": str(file), "context": context}
    listed = [
        one if one["type"] != "pulumi:providers:kubernetes" else one | {"inputs": inputs}
        for one in exported("")
    ]
    return read_target("lab", tmp_path, listed)


def test_a_file_whose_current_context_changed_is_another_cluster_and_the_way_back_is_said(
    tmp_path: Path,
) -> None:
    file = two_contexts(tmp_path / "config", "trial")
    problem = read_context(tmp_path, file, "prod").elsewhere(file)
    assert problem is not None
    assert problem.code == "other-cluster"
    assert (
        f"on the cluster of {file} in its context 'prod', and not on the file's current one, 'trial'"
        in problem.message
    )
    assert f"after `kubectl config use-context prod --kubeconfig {file}` they are removed by" in problem.hint


def test_a_file_whose_current_context_is_or_leads_to_the_remembered_one_is_the_same(
    tmp_path: Path,
) -> None:
    file = two_contexts(tmp_path / "config", "prod")
    assert read_context(tmp_path, file, "prod").is_on(file)
    assert read_context(tmp_path, file, "prod").is_on(
        kubeconfig(tmp_path / "other", "https://10.0.0.1:6443", "")
    )
    assert read_context(tmp_path, file, "trial").is_on(file) is False


def test_a_remembered_context_that_the_file_lost_is_said(tmp_path: Path) -> None:
    file = two_contexts(tmp_path / "config", "prod")
    problem = read_context(tmp_path, file, "old").elsewhere(file)
    assert problem is not None
    assert problem.code == "cluster-gone"
    assert "has no such context any more" in problem.message
    assert "--forget" in problem.hint


def settings(folder: Path, text: str) -> Path:
    path = folder / "Pulumi.lab.yaml"
    path.write_text(text)
    return path


def test_settings_that_name_another_cluster_are_told_with_both_names(tmp_path: Path) -> None:
    problem = other_in_settings(
        settings(tmp_path, "config:\n  sovereign:kubeconfig: theirs\n"), tmp_path / "ours"
    )
    assert problem is not None
    assert problem.code == "other-cluster"
    assert "sovereign:kubeconfig names theirs" in problem.message
    assert str(tmp_path / "ours") in problem.message
    assert "pulumi config rm sovereign:kubeconfig" in problem.hint


def test_a_secret_path_in_the_settings_is_told_and_not_shown(tmp_path: Path) -> None:
    problem = other_in_settings(
        settings(tmp_path, "config:\n  sovereign:kubeconfig: {secure: v1:abc}\n"), tmp_path / "ours"
    )
    assert problem is not None
    assert "names a secret" in problem.message
    assert "v1:abc" not in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "encryptionsalt: v1:x\n",
        "config:\n  sovereign:kubeconfig: ours\n",
        "config:\n  sovereign:other: x\n",
        "config: []\n",
        "- a\n",
        "a: [\n",
    ],
)
def test_settings_that_name_no_other_cluster_stand_in_no_ones_way(tmp_path: Path, text: str) -> None:
    assert other_in_settings(settings(tmp_path, text), tmp_path / "ours") is None
    assert other_in_settings(settings(tmp_path, text), None) is None


def test_a_stack_without_settings_names_no_cluster(tmp_path: Path) -> None:
    assert other_in_settings(tmp_path / "Pulumi.lab.yaml", tmp_path / "ours") is None


@pytest.mark.parametrize(
    "text",
    ["contexts: 7\nclusters: [x]", "clusters: 5", "contexts: [{name: [x]}]\nclusters: [x]", "a: [", ""],
)
def test_a_file_that_is_no_kubeconfig_is_no_proof_and_no_defect(tmp_path: Path, text: str) -> None:
    (tmp_path / "one").write_text(text)
    other = kubeconfig(tmp_path / "two", "https://10.0.0.1:6443")
    assert not read(tmp_path, str(tmp_path / "one")).is_on(other)

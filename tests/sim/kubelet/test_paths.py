"""The folders of a node as the host sees them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet.paths import KubeletPaths


def test_folders_that_pods_read_are_open_to_all_users_and_the_others_are_not(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        node = KubeletPaths(tmp_path)
        node.make()
        node.make()
    finally:
        os.umask(before)
    for folder in (node.gpus, node.volumes):
        assert folder.stat().st_mode & 0o777 == 0o755
    for folder in (node.registry, node.plugins, node.cdi):
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("at", ["var", "var/lib/sovereign-ai", "etc/cdi", "var/lib/kubelet/device-plugins"])
def test_a_link_anywhere_on_the_way_is_refused_and_nothing_is_made_behind_it(tmp_path: Path, at: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tmp_path / "node" / at
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(EnvironmentLacksError) as error:
        KubeletPaths(tmp_path / "node").make()
    (problem,) = error.value.problems
    assert (problem.code, problem.where.file) == ("node-linked", str(link))
    assert list(outside.iterdir()) == []


def test_a_node_that_is_gone_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentLacksError) as error:
        KubeletPaths(tmp_path / "file").make()
    assert error.value.problems[0].code == "node-unreachable"

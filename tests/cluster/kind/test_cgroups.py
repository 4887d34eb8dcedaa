from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.kind import cgroups

ENDED, OTHER = "a" * 64, "b" * 64
HEAD = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with cgroup v1: one mounted hierarchy, and one that nothing mounts."""
    made = tmp_path / "cgroup"
    for name in (ENDED, OTHER):
        (made / "memory" / "docker" / name / "init.scope").mkdir(parents=True)
    (tmp_path / "cgroups").write_text(f"{HEAD}memory\t4\t9\t1\nmisc\t9\t3\t1\nnet_cls\t0\t3\t1\n")
    (tmp_path / "mountinfo").write_text(
        "30 25 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    )
    monkeypatch.setattr(cgroups, "_ROOT", made)
    monkeypatch.setattr(cgroups, "_CONTROLLERS", tmp_path / "cgroups")
    monkeypatch.setattr(cgroups, "_MOUNTS", tmp_path / "mountinfo")
    return made


def test_what_an_ended_container_left_is_found_and_what_others_have_is_not(root: Path) -> None:
    assert cgroups.leftovers([ENDED]) == [root / "memory" / "docker" / ENDED]


@pytest.mark.parametrize("parent", ["docker/{}", "system.slice/docker-{}.scope"], ids=["cgroupfs", "systemd"])
def test_on_cgroup_version_2_what_an_ended_container_left_is_found_below_the_one_root(
    root: Path, parent: str
) -> None:
    (root / "cgroup.controllers").write_text("memory pids\n")
    for name in (ENDED, OTHER):
        (root / parent.format(name) / "init.scope").mkdir(parents=True)
    assert cgroups.leftovers([ENDED]) == [root / parent.format(ENDED)]


def test_only_what_the_ended_container_left_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert cgroups.clean([ENDED], before=cgroups.unmounted()) == 2
    assert not (root / "memory" / "docker" / ENDED).exists()
    assert (root / "memory" / "docker" / OTHER / "init.scope").is_dir()


def test_hierarchies_that_nothing_mounts_are_named_and_those_of_version_2_are_not(root: Path) -> None:
    assert cgroups.unmounted() == ["misc"]
    (root / "cgroup.controllers").write_text("memory pids\n")
    assert cgroups.unmounted() == []


def test_without_root_nothing_is_touched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cgroups.clean([ENDED], before=()) == 0
    assert (root / "memory" / "docker" / ENDED).is_dir()

"""Every cluster of a factory in its own folder, whatever was written there before and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.render.folder import WrittenFolder
from sovereign_ai.render.kubernetes.bundle import Bundle
from sovereign_ai.render.kubernetes.cluster_folders import write_clusters
from tests.render.lab import bundle

LIST = ".sovereign-ai-render"


def _files(*clusters: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for cluster in clusters:
        for name, text in Bundle(cluster, bundle().objects).files().items():
            files[f"{cluster}/{name}"] = text
    return files


def _write(folder: Path, files: dict[str, str]) -> WrittenFolder:
    return write_clusters(folder, files, lambda _line: None)


def _held(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != LIST]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_each_cluster_gets_its_folder_and_one_that_is_gone_leaves_nothing(tmp_path: Path):
    assert _write(tmp_path, _files("north", "south")).removed == 0
    assert _held(tmp_path) == _files("north", "south")
    (tmp_path / "notes.txt").write_text("mine")
    assert _write(tmp_path, _files("north")).removed == len(_files("south"))
    assert _held(tmp_path) == _files("north") | {"notes.txt": "mine"}


def test_files_that_a_run_for_one_cluster_wrote_are_known_and_taken_over(tmp_path: Path):
    bundle().write(tmp_path)
    bundle().write(tmp_path / "north")
    _write(tmp_path, _files("north", "south"))
    assert _held(tmp_path) == _files("north", "south")


def test_a_run_for_one_cluster_removes_the_folders_of_several(tmp_path: Path):
    _write(tmp_path, _files("north", "south"))
    bundle().write(tmp_path)
    assert _held(tmp_path) == bundle().files()
    assert not (tmp_path / LIST).exists()


def test_every_kustomization_of_somebody_elses_is_named_and_nothing_is_written(tmp_path: Path):
    for cluster in ("north", "south"):
        (tmp_path / cluster).mkdir()
        (tmp_path / cluster / "kustomization.yaml").write_text("resources: [app.yaml]\n")
    before = _held(tmp_path)
    with pytest.raises(UsageError) as caught:
        _write(tmp_path, _files("north", "south"))
    assert {problem.code for problem in caught.value.problems} == {"not-ours"}
    assert len(caught.value.problems) == 2
    assert _held(tmp_path) == before
    assert not (tmp_path / LIST).exists()


def test_a_kustomization_of_ours_that_was_changed_since_is_refused(tmp_path: Path):
    _write(tmp_path, _files("north"))
    with (tmp_path / "north" / "kustomization.yaml").open("a") as file:
        file.write("- app.yaml\n")
    before = _held(tmp_path)
    with pytest.raises(UsageError, match="changed since"):
        _write(tmp_path, _files("north", "south"))
    assert _held(tmp_path) == before


def test_a_kustomization_of_the_users_that_joins_the_clusters_stays(tmp_path: Path):
    (tmp_path / "kustomization.yaml").write_text("resources: [north, south]\n")
    _write(tmp_path, _files("north", "south"))
    assert (tmp_path / "kustomization.yaml").read_text() == "resources: [north, south]\n"


def test_a_clusters_folder_that_is_a_link_is_not_followed(tmp_path: Path):
    outside, folder = tmp_path / "outside", tmp_path / "clusters"
    bundle().write(outside)
    folder.mkdir()
    (folder / "north").symlink_to(outside)
    before = _held(outside)
    with pytest.raises(UsageError, match="north: no earlier run wrote it here"):
        _write(folder, _files("north"))
    assert _held(outside) == before

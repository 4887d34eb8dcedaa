"""The files of a new stack."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sovereign_ai.deploy.stack_folder import contents, scaffold
from sovereign_ai.errors import EnvironmentLacksError, UsageError


def test_a_new_stack_has_its_name_in_every_template_and_a_schema(tmp_path: Path) -> None:
    paths = scaffold(tmp_path / "new", "lab")
    assert [path.name for path in paths] == [
        "Pulumi.yaml",
        "__main__.py",
        "factory.yaml",
        "factory.schema.json",
    ]
    assert "\nname: lab\n" in (tmp_path / "new" / "factory.yaml").read_text(encoding="utf-8")
    assert not any("FACTORY" in text for text in contents("lab").values())
    assert json.loads(paths[-1].read_text(encoding="utf-8"))["type"] == "object"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert len(scaffold(tmp_path / "new", "lab", dry_run=True)) == 4
    assert not (tmp_path / "new").exists()


def test_a_bad_name_and_every_existing_file_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "factory.yaml").write_text("mine", encoding="utf-8")
    (tmp_path / "__main__.py").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError) as error:
        scaffold(tmp_path, "Lab_1")
    assert sorted(problem.code for problem in error.value.problems) == ["bad-name", "exists", "exists"]
    assert (tmp_path / "factory.yaml").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "Pulumi.yaml").exists()


def test_a_folder_that_is_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="leads nowhere"):
        scaffold(tmp_path / "new", "lab")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("below", ["", "new", "new/deeper"])
def test_a_folder_that_is_or_lies_below_a_file_is_refused_before_anything(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(EnvironmentLacksError) as error:
        scaffold(tmp_path / "file" / below, "lab", dry_run=True)
    assert [problem.code for problem in error.value.problems] == ["file-refused"]


def test_a_description_that_is_given_takes_the_place_of_the_example(tmp_path: Path) -> None:
    scaffold(tmp_path / "new", "lab", description="name: lab\n")
    assert (tmp_path / "new" / "factory.yaml").read_text(encoding="utf-8") == "name: lab\n"
    assert "lab" in (tmp_path / "new" / "Pulumi.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("file", ["__main__.py", "factory.schema.json"])
def test_what_a_full_disk_cut_short_leaves_nothing_in_the_way_of_the_next_run(
    exists: bool, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    if exists:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
    sync = os.fsync

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == file:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        scaffold(folder, "lab")
    assert error.value.filename == str(folder / file)
    assert folder.exists() == exists
    assert [path.name for path in folder.glob("*")] == (["notes.txt"] if exists else [])
    monkeypatch.setattr(os, "fsync", sync)
    assert len(scaffold(folder, "lab")) == 4

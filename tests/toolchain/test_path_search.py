"""Nothing on PATH is run unless a person asks for it, and then only what nobody else can replace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import install as installing
from sovereign_ai.toolchain import path_search
from sovereign_ai.toolchain import private_folders as private_folder
from sovereign_ai.toolchain.doctor import doctor
from sovereign_ai.toolchain.locate import on_path
from sovereign_ai.toolchain.path_search import adopt, search
from sovereign_ai.toolchain.table import TOOLS

from . import fakes

ETCD = TOOLS["etcd"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only entry of PATH; a program in it leaves a mark when it is run."""
    place = tmp_path / "path"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    return place


def marked(folder: Path, name: str) -> Path:
    """Put a program into a folder that leaves a mark when it is run; return the mark."""
    mark = folder.parent / f"{name}-was-run"
    program = folder / name
    program.write_text(f"#!/bin/sh\n: > {mark}\necho 'etcd Version: {ETCD.version}'\n")
    program.chmod(0o755)
    return mark


def quiet(_line: str) -> None:
    pass


def test_no_command_runs_what_is_on_path_unless_asked_to(folder: Path) -> None:
    marks = [marked(folder, name) for name in TOOLS]
    doctor()
    for name, row in TOOLS.items():
        if row.kind != "host":
            with pytest.raises(EnvironmentLacksError):
                installing.find(name)
    assert [mark for mark in marks if mark.exists()] == []


def test_with_from_path_the_tool_is_recorded_with_its_digest_and_used_from_then_on(folder: Path) -> None:
    mark = marked(folder, "etcd")
    taken = adopt(ETCD, quiet)
    assert taken is not None
    assert (taken.path, taken.way, len(taken.digest)) == (folder / "etcd", "path", 64)
    mark.unlink()
    assert on_path(ETCD) == taken
    assert installing.find("etcd").resolve() == folder / "etcd"
    assert not mark.exists(), "a recorded tool is compared, and not run"


def test_a_recorded_tool_that_changed_is_refused(folder: Path) -> None:
    marked(folder, "etcd")
    adopt(ETCD, quiet)
    (folder / "etcd").write_text("#!/bin/sh\n")
    with pytest.raises(EnvironmentLacksError, match=r"another program.*\n.*--from-path etcd"):
        installing.find("etcd")


@pytest.mark.parametrize("entry", [".", "bin", "./bin", "../x/bin"])
def test_a_relative_entry_of_path_is_refused(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x" / entry).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / "x")
    mark = marked(tmp_path / "x" / entry, "etcd")
    monkeypatch.setenv("PATH", entry)
    lines: list[str] = []
    assert search(ETCD, lines.append) is None
    assert "relative" in lines[0]
    assert not mark.exists()


def test_an_empty_entry_of_path_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mark = marked(tmp_path, "etcd")
    monkeypatch.setenv("PATH", os.pathsep)
    assert search(ETCD) is None
    assert not mark.exists()


@pytest.mark.parametrize("part", ["folder", "file"])
@pytest.mark.parametrize("how", ["for all", "for a group", "of another"])
def test_what_another_account_can_replace_is_refused(
    how: str, part: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = marked(folder, "etcd")
    path = folder if part == "folder" else folder / "etcd"
    monkeypatch.setattr(private_folder, "_is_own_group", lambda _number: False)
    if how == "of another" and os.geteuid() == 0:
        os.chown(path, 4_242, -1)
    elif how == "of another":
        monkeypatch.setattr(private_folder.os, "geteuid", lambda: 4_242)
    else:
        path.chmod(0o777 if how == "for all" else 0o775)
    lines: list[str] = []
    assert search(ETCD, lines.append) is None
    assert "is not taken" in lines[0]
    assert not mark.exists()


def test_a_link_into_a_folder_that_others_can_write_is_refused(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mark = marked(elsewhere, "etcd")
    elsewhere.chmod(0o777)
    (folder / "etcd").symlink_to(elsewhere / "etcd")
    assert search(ETCD) is None
    assert not mark.exists()


def test_the_compiler_is_not_taken_from_path_either(folder: Path) -> None:
    mark = marked(folder, "go")
    row = fakes.row()
    with pytest.raises(EnvironmentLacksError):
        installing._resolve(row, quiet)
    assert not mark.exists()


def test_doctor_says_which_way_a_tool_came(folder: Path) -> None:
    marked(folder, "etcd")
    (before,) = [check for check in doctor(from_path=True) if check.tool == "etcd"]
    assert (before.ok, before.way, "--from-path etcd" in before.hint) == (False, "path", True)
    adopt(ETCD, quiet)
    (after,) = [check for check in doctor() if check.tool == "etcd"]
    assert (after.ok, after.way, len(after.digest)) == (True, "path", 64)


def test_the_search_looks_again_once_a_file_changed(folder: Path) -> None:
    assert fakes.put(folder, "1.1.0").exists()
    assert path_search.search(fakes.row()) is None
    fakes.put(folder, "1.2.34")
    assert path_search.search(fakes.row()) is not None

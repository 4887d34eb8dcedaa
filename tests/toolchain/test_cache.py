"""The cache of tools: its folders, links and locks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.toolchain.cache import (
    bin_dir,
    cache_dir,
    ensure,
    entry_dir,
    link,
    link_by_name,
    locked,
    locked_name,
    remove,
    settle,
)
from sovereign_ai.toolchain.steps import run
from sovereign_ai.toolchain.table import TOOLS

KWOK = TOOLS["kwok"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_dir()


def test_an_entry_is_named_by_version_and_recipe(cache: Path) -> None:
    assert entry_dir(KWOK) == cache / "tools" / "kwok" / f"0.7.0-{KWOK.recipe}"


def test_a_relative_cache_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_dir() == Path.home() / ".cache" / "sovereign-ai"


def test_a_binary_of_the_cache_is_linked_hard_and_any_other_by_name(cache: Path, tmp_path: Path) -> None:
    own = ensure(entry_dir(KWOK)) / "kwok"
    own.write_text("own")
    other = tmp_path / "other"
    other.write_text("other")
    assert link(own, "kwok").samefile(own)
    assert not (bin_dir() / "kwok").is_symlink()
    assert link(other, "kwok").readlink() == other


def test_a_link_is_replaced_in_one_step(cache: Path, tmp_path: Path) -> None:
    place = tmp_path / "link"
    place.symlink_to(tmp_path / "old")
    link_by_name(tmp_path / "new", place)
    assert place.readlink() == tmp_path / "new"
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_work_folder_is_empty_and_goes_only_after_success(cache: Path) -> None:
    def fail() -> None:
        with locked(KWOK, lambda _line: None) as work:
            (work / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    left = cache / "work" / f"kwok-{KWOK.recipe}"
    assert (left / "half").exists()
    with locked(KWOK, lambda _line: None) as work:
        assert work == left
        assert list(work.iterdir()) == []
    assert not work.exists()


def test_nobody_but_the_owner_may_write_what_is_settled_whatever_the_umask(cache: Path) -> None:
    mask = os.umask(0)
    try:
        with locked(KWOK, lambda _line: None) as work:
            made = work / "made"
            (made / "files").mkdir(parents=True)
            (made / "files" / "go.mod").touch()
            (made / "kwok").touch(0o777)
            (made / "away").symlink_to("/nowhere")
            place = settle(made, KWOK)
    finally:
        os.umask(mask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.rglob("*") if not path.is_symlink()}
    assert modes == {"files": 0o755, "go.mod": 0o644, "kwok": 0o755}


def test_a_lock_and_the_output_of_a_step_are_the_owners_alone_whatever_the_umask(cache: Path) -> None:
    (cache / "locks").mkdir(parents=True, mode=0o700)
    (cache / "locks" / "old.lock").touch()
    (cache / "locks" / "old.lock").chmod(0o666)
    mask = os.umask(0)
    try:
        with locked_name("old", lambda _line: None), locked_name("new", lambda _line: None):
            run(["/bin/true"], what="nothing", progress=lambda _line: None, log=cache / "log")
    finally:
        os.umask(mask)
    made = [cache / "locks" / "old.lock", cache / "locks" / "new.lock", cache / "log"]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o600] * 3


def test_a_read_only_folder_is_removed(tmp_path: Path) -> None:
    inner = tmp_path / "module" / "pkg"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    inner.chmod(0o500)
    remove(tmp_path / "module")
    assert list(tmp_path.iterdir()) == []

"""Files that survive a crash, and errors that name them."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.durable import make_folder, naming, remove_durably, write_durably


def test_content_and_then_the_name_reach_the_disk_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_sync, real_rename = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        real_sync(descriptor)

    def rename(source: str, target: str) -> None:
        done.append(f"rename to {Path(target).name}")
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    write_durably(tmp_path / "state", b"new")
    remove_durably(tmp_path / "state")
    beside = done[0]
    assert beside.startswith("sync .state.")
    assert done == [beside, "rename to state", f"sync {tmp_path.name}", f"sync {tmp_path.name}"]


def test_a_file_is_of_mode_0600_and_every_folder_that_is_made_of_mode_0700(tmp_path: Path) -> None:
    write_durably(make_folder(tmp_path / "a" / "b") / "file", b"x")
    modes = [
        path.stat().st_mode & 0o777
        for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "file")
    ]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_older_file_and_no_other_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"old")
    if step == "write":
        # Python ignores SIGXFSZ, so that a write beyond the limit fails with EFBIG.
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    else:
        monkeypatch.setattr(os, step, _full)
    try:
        with pytest.raises(OSError, match="state") as caught:
            write_durably(path, b"new and longer than ten bytes")
    finally:
        if step == "write":
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path)
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == {"state": b"old"}


def _full(*_arguments: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_link_in_the_place_of_the_scratch_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"untouched")
    (tmp_path / f".state.{os.getpid()}").symlink_to(other)
    write_durably(tmp_path / "state", b"new")
    assert ((tmp_path / "state").read_bytes(), other.read_bytes()) == (b"new", b"untouched")


def test_an_error_that_names_a_file_keeps_its_name() -> None:
    with pytest.raises(FileNotFoundError) as caught, naming(Path("mine")):
        Path("/nowhere/theirs").read_bytes()
    assert caught.value.filename == "/nowhere/theirs"


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_durably(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []

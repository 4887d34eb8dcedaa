"""A tool is compared with the digest that was recorded when it was installed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import digests
from sovereign_ai.toolchain.digests import verified_digest


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_bytes(b"one")
    return path


def digest(tool: Path) -> str:
    return verified_digest(tool, tool.with_name("record.json"), next_step="install it again")


def test_the_first_use_records_the_digest(tool: Path) -> None:
    assert digest(tool) == hashlib.sha256(b"one").hexdigest()
    assert tool.with_name("record.json").stat().st_mode & 0o777 == 0o600


def test_a_tool_that_did_not_change_is_not_hashed_a_second_time(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = digest(tool)
    monkeypatch.setattr(digests, "_hashed", lambda _path: pytest.fail("it was hashed"))
    assert digest(tool) == first


@pytest.mark.parametrize("how", ["written", "replaced", "same size and time"])
def test_another_program_in_its_place_is_refused(how: str, tool: Path) -> None:
    digest(tool)
    before = tool.stat()
    if how == "replaced":
        other = tool.with_name("other")
        other.write_bytes(b"two")
        other.replace(tool)
    else:
        tool.write_bytes(b"two" if how == "same size and time" else b"longer")
    os.utime(tool, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(
        EnvironmentLacksError, match="another program than the one that was installed"
    ) as caught:
        digest(tool)
    assert caught.value.problems[0].hint == "install it again"


def test_a_copy_of_the_same_bytes_is_the_same_tool(tool: Path) -> None:
    first = digest(tool)
    tool.unlink()
    tool.write_bytes(b"one")
    assert digest(tool) == first


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"sha256": 1, "state": []}', "\0"])
def test_a_damaged_record_is_no_proof(content: str, tool: Path) -> None:
    tool.with_name("record.json").write_text(content)
    with pytest.raises(EnvironmentLacksError, match="tool-record-damaged"):
        digest(tool)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tool of several files, as a compiler is: a program, what it runs, texts, a link, an empty folder."""
    place = tmp_path / "entry"
    (place / "go" / "bin").mkdir(parents=True)
    (place / "go" / "empty").mkdir()
    for name in ("bin/go", "bin/compile", "VERSION"):
        (place / "go" / name).write_text(name)
    (place / "go" / "current").symlink_to("VERSION")
    return place


def _rewritten(folder: Path) -> None:
    (folder / "go/bin/compile").write_text("bin/c0mpile")


def _rewritten_at_the_same_time(folder: Path) -> None:
    before = (folder / "go/bin/compile").stat()
    _rewritten(folder)
    os.utime(folder / "go/bin/compile", ns=(before.st_atime_ns, before.st_mtime_ns))


def _rewritten_by_another_name(folder: Path) -> None:
    (folder.parent / "other-name").hardlink_to(folder / "go/bin/compile")
    (folder.parent / "other-name").write_text("bin/c0mpile")


def _replaced(folder: Path) -> None:
    (folder.parent / "new").write_text("another")
    (folder.parent / "new").replace(folder / "go/bin/compile")


def _replaced_by_a_link(folder: Path) -> None:
    (folder / "go/bin/compile").rename(folder.parent / "away")
    (folder / "go/bin/compile").symlink_to(folder.parent / "away")


def _replaced_by_a_pipe(folder: Path) -> None:
    (folder / "go/bin/compile").unlink()
    os.mkfifo(folder / "go/bin/compile")


def _exchanged(folder: Path) -> None:
    first, second = folder / "go/bin/go", folder / "go/bin/compile"
    first.rename(folder / "between")
    second.rename(first)
    (folder / "between").rename(second)


def _led_elsewhere(folder: Path) -> None:
    (folder / "go/current").unlink()
    (folder / "go/current").symlink_to("bin/go")


def _of_other_case(folder: Path) -> None:
    (folder / "go/VERSION").rename(folder / "go/Version")


CHANGES = {
    "rewritten": _rewritten,
    "rewritten, with its size and time": _rewritten_at_the_same_time,
    "rewritten by another name": _rewritten_by_another_name,
    "replaced": _replaced,
    "replaced by a link to the same": _replaced_by_a_link,
    "replaced by a pipe": _replaced_by_a_pipe,
    "two exchanged": _exchanged,
    "a link led elsewhere": _led_elsewhere,
    "called in another case": _of_other_case,
    "a file more": lambda folder: (folder / "go/bin/sitecustomize.py").touch(),
    "a hidden file more": lambda folder: (folder / "go/.netrc").touch(),
    "a link more": lambda folder: (folder / "go/bin/asm").symlink_to("compile"),
    "a folder more": lambda folder: (folder / "go/vendor").mkdir(),
    "a file less": lambda folder: (folder / "go/VERSION").unlink(),
    "a folder less": lambda folder: (folder / "go/empty").rmdir(),
}
"""What can be done to a tool of several files, each without a change of the program that is started."""


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_lies_beside_a_tool_is_compared_too(
    change: Callable[[Path], object], folder: Path, tmp_path: Path
) -> None:
    first = digest(folder)
    assert digest(folder) == first
    change(folder)
    with pytest.raises(EnvironmentLacksError, match="another program than the one that was installed"):
        digest(folder)


def test_a_folder_that_was_copied_is_the_same_tool(folder: Path) -> None:
    first = digest(folder)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, symlinks=True)
    shutil.rmtree(folder)
    copy.rename(folder)
    assert digest(folder) == first

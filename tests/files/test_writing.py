"""A file is written whole or not at all, and never through a name that somebody else chose."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sovereign_ai.attest.witness import Head, Witness
from sovereign_ai.deploy.stack_folder import scaffold
from sovereign_ai.errors import UsageError
from sovereign_ai.files import writing
from sovereign_ai.files.writing import (
    append,
    create,
    destination,
    open_lock,
    open_new,
    open_to_append,
    replace,
    require_new_files,
    write,
    write_private,
)
from sovereign_ai.render.folder import write as write_folder
from tests.hostile.special import SPECIAL
from tests.render.lab import bundle


def test_a_new_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write(tmp_path / "a", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new"}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        write(tmp_path / "a", "new")
    assert caught.value.filename == str(tmp_path / "a")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_private_file_has_mode_0600_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o666)
    write_private(tmp_path / "a", b"new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("old")
    (tmp_path / "a").symlink_to("victim")
    replace(tmp_path / "a", b"new")
    assert (tmp_path / "victim").read_text() == "old"
    assert not (tmp_path / "a").is_symlink()


def test_a_user_s_own_link_is_followed_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "a").symlink_to("file")
    write(tmp_path / "a", "new")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("links", [{"a": "nowhere"}, {"a": "a"}, {"a": "b", "b": "a"}])
def test_a_link_that_leads_nowhere_is_refused(links: dict[str, str], tmp_path: Path) -> None:
    for name, to in links.items():
        (tmp_path / name).symlink_to(to)
    with pytest.raises(UsageError, match=r"dangling-link|circle"):
        write(tmp_path / "a", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(links)


def test_a_link_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "a").symlink_to("file")
    os.lchown(tmp_path / "a", os.getuid(), os.getgid())
    monkeypatch.setattr(writing.os, "geteuid", lambda: 4_242)
    if os.getuid() == 0:  # what root made is the system's own
        assert destination(tmp_path / "a") == tmp_path / "file"
        os.lchown(tmp_path / "a", 4_343, 0)
    with pytest.raises(UsageError, match="another user made"):
        destination(tmp_path / "a")


def _shared(folder: Path) -> Path:
    """Return a folder of this user that is reached over a link of another one."""
    (folder / "mine").mkdir()
    (folder / "link").symlink_to("mine")
    os.lchown(folder / "link", 4_343, 4_343)
    return folder / "link"


WRITERS: dict[str, Callable[[Path], object]] = {
    "write": lambda folder: write(folder / "a", "x"),
    "open_to_append": lambda folder: open_to_append(folder / "a"),
    "render.folder": lambda folder: write_folder(folder, "render", lambda: [("a", b"x")], str),
    "render.folder, below": lambda folder: write_folder(folder / "b", "render", lambda: [("a", b"x")], str),
    "bundle": lambda folder: bundle().write(folder),
    "stack": lambda folder: scaffold(folder, "lab"),
    "witness": lambda folder: Witness(str(folder)).write(Path("lab.jsonl"), Head("0" * 16, 1, "0" * 64)),
}
"""Everything that writes where a user names a place."""


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.skipif(os.getuid() != 0, reason="only root makes links of another user")
def test_no_folder_is_written_that_a_link_of_another_user_leads_to(writer: str, tmp_path: Path) -> None:
    shared = _shared(tmp_path)
    with pytest.raises(UsageError, match="another user made"):
        WRITERS[writer](shared)
    assert list((tmp_path / "mine").iterdir()) == []
    os.lchown(shared, os.getuid(), 0)
    WRITERS[writer](shared)
    assert list((tmp_path / "mine").iterdir()) != []


@pytest.mark.parametrize("kind", ["file", "hard link", "link", "pipe of another user"])
def test_what_takes_the_place_of_a_pipe_before_it_is_opened_gets_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, victim = tmp_path / "a", tmp_path / "victim"
    os.mkfifo(place)
    victim.write_text("old")
    opening = os.open
    readers: list[int] = []

    def pipe_of_another_user() -> None:
        os.mkfifo(place)
        readers.append(opening(place, os.O_RDONLY | os.O_NONBLOCK))
        monkeypatch.setattr(writing.os, "geteuid", lambda: 4_242)
        os.chown(place, 4_343, -1)

    taken: dict[str, Callable[[], object]] = {
        "file": lambda: os.mknod(place),
        "hard link": lambda: place.hardlink_to(victim),
        "link": lambda: place.symlink_to(victim),
        "pipe of another user": pipe_of_another_user,
    }

    def exchanged(path: Path, flags: int, *mode: int) -> int:
        place.unlink()
        taken[kind]()
        return opening(path, flags, *mode)

    if kind == "pipe of another user" and os.getuid() != 0:
        pytest.skip("only root makes pipes of another user")
    monkeypatch.setattr(writing.os, "open", exchanged)
    with pytest.raises((OSError, UsageError), match=r"put in its place|Too many levels|another user made"):
        write(place, "new")
    assert victim.read_text() == "old"
    assert kind != "file" or place.read_text() == ""
    for reader in readers:
        assert os.read(reader, 10) == b""
        os.close(reader)


def test_create_takes_no_name_that_is_there(tmp_path: Path) -> None:
    create(tmp_path / "a", b"x")
    (tmp_path / "b").symlink_to("nowhere")
    for name in "ab":
        with pytest.raises(FileExistsError):
            create(tmp_path / name, b"y")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert not (tmp_path / "nowhere").exists()


def test_appending_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=r"symbolic|regular"):
            open_to_append(tmp_path / name)
    descriptor = open_to_append(tmp_path / "file")
    os.write(descriptor, b"y")
    os.close(descriptor)
    assert (tmp_path / "file").read_text() == "xy"


@pytest.mark.parametrize("name", ["pipe", "zeros", "dangling", "itself", "folder", "through-file"])
def test_a_lock_is_a_regular_file_that_is_never_waited_for(tmp_path: Path, name: str) -> None:
    SPECIAL[name](tmp_path / "a")
    with pytest.raises(OSError, match="a"):
        open_lock(tmp_path / "a")
    assert not (tmp_path / "nowhere").exists()


def test_a_lock_is_created_for_its_owner_alone_and_keeps_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_lock(tmp_path / "a", create=False)
    os.close(open_lock(tmp_path / "a"))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    (tmp_path / "a").write_text("x")
    descriptor = open_lock(tmp_path / "a", create=False)
    assert os.read(descriptor, 9) == b"x"
    os.close(descriptor)


def test_what_is_appended_follows_what_was_there_and_no_link(tmp_path: Path) -> None:
    append(tmp_path / "a", b"x")
    append(tmp_path / "a", b"y")
    assert (tmp_path / "a").read_text() == "xy"
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="b"):
        append(tmp_path / "b", b"z")
    assert (tmp_path / "a").read_text() == "xy"


def test_a_new_file_takes_the_place_of_nothing(tmp_path: Path) -> None:
    os.close(open_new(tmp_path / "a"))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    (tmp_path / "b").symlink_to("nowhere")
    for name in ("a", "b"):
        with pytest.raises(FileExistsError):
            open_new(tmp_path / name)


def test_a_device_is_written_as_it_is() -> None:
    write(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def _hard_link(place: Path, victim: Path) -> None:
    place.hardlink_to(victim)


def _chain_of_links(place: Path, victim: Path) -> None:
    place.with_name("between").symlink_to(victim)
    place.symlink_to("between")


def _relative_link(place: Path, victim: Path) -> None:
    place.symlink_to(Path("..") / victim.parent.name / victim.name)


def _open_file(place: Path, _victim: Path) -> None:
    place.write_text("theirs")
    place.chmod(0o666)


def _read_only(place: Path, _victim: Path) -> None:
    place.write_text("theirs")
    place.chmod(0o400)


_IN_THE_PLACE: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda place, victim: place.symlink_to(victim),
    "relative link": _relative_link,
    "chain of links": _chain_of_links,
    "hard link": _hard_link,
    "link that leads nowhere": lambda place, victim: place.symlink_to(victim.with_name("new")),
    "link to itself": lambda place, _victim: place.symlink_to(place.name),
    "link to a device": lambda place, _victim: place.symlink_to("/dev/full"),
    "link to memory": lambda place, _victim: place.symlink_to("/proc/self/mem"),
    "pipe": lambda place, _victim: os.mkfifo(place, 0o666),
    "file for all to write": _open_file,
    "file of no mode": lambda place, _victim: place.touch(0),
    "folder behind a link": lambda place, victim: place.symlink_to(victim.parent),
    "file that cannot be written": _read_only,
}
"""What may be in the place of a file of this program's own when it is written."""


@pytest.mark.parametrize("make", _IN_THE_PLACE.values(), ids=_IN_THE_PLACE)
def test_whatever_is_in_its_place_a_private_file_is_new_and_nothing_else_changes(
    make: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    victim, place = tmp_path / "home" / "victim", tmp_path / "state" / "a"
    for path in (victim, place):
        path.parent.mkdir()
    victim.write_text("of value")
    make(place, victim)
    write_private(place, b"secret")
    assert place.read_bytes() == b"secret"
    status = place.lstat()
    assert (status.st_mode & 0o7777, status.st_nlink, stat.S_ISREG(status.st_mode)) == (0o600, 1, True)
    assert victim.read_text() == "of value"
    assert sorted(path.name for path in victim.parent.iterdir()) == ["victim"]


@pytest.mark.parametrize("make", _IN_THE_PLACE.values(), ids=_IN_THE_PLACE)
def test_whatever_has_its_name_a_file_that_must_be_new_is_not_made(
    make: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    victim, place = tmp_path / "home" / "victim", tmp_path / "state" / "a"
    for path in (victim, place):
        path.parent.mkdir()
    victim.write_text("of value")
    create(place, b"x")
    place.unlink()
    make(place, victim)
    with pytest.raises(FileExistsError):
        create(place, b"x")
    assert victim.read_text() == "of value"
    assert sorted(path.name for path in victim.parent.iterdir()) == ["victim"]


def test_a_pipe_of_another_user_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its owner alone: the test's own account makes it, and the program acts as if it were another one."""
    os.mkfifo(tmp_path / "a", 0o666)
    reader = os.open(tmp_path / "a", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(tmp_path / "a", "mine")
        assert os.read(reader, 9) == b"mine", "one's own pipe is written"
        if os.geteuid() == 0:
            os.chown(tmp_path / "a", 4_343, -1)
        monkeypatch.setattr(writing.os, "geteuid", lambda: 4_242)
        with pytest.raises(UsageError, match="a pipe that another user made"):
            write(tmp_path / "a", "mine")
        assert os.read(reader, 9) == b""
    finally:
        os.close(reader)


@pytest.mark.parametrize(("bits", "kept"), [(0o666, 0o644), (0o622, 0o600), (0o664, 0o644), (0o600, 0o600)])
def test_what_another_user_left_open_is_closed_when_it_is_replaced(
    bits: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("theirs")
    (tmp_path / "a").chmod(bits)
    write(tmp_path / "a", "mine")
    assert (tmp_path / "a").stat().st_mode & 0o777 == bits, "of one's own it stays"
    if os.geteuid() == 0:
        os.chown(tmp_path / "a", 4_343, -1)
    monkeypatch.setattr(writing.os, "geteuid", lambda: 4_242)
    write(tmp_path / "a", "mine")
    assert (tmp_path / "a").stat().st_mode & 0o777 == kept


@pytest.mark.parametrize("letter", ["a", "é", "光"])
def test_a_name_of_255_bytes_is_written_as_any_other(letter: str, tmp_path: Path) -> None:
    """File systems count bytes, and the temporary name beside it is longer."""
    name = letter * (255 // len(letter.encode()))
    write(tmp_path / name, "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "new"}


@pytest.mark.parametrize("writer", [write, lambda path, _: require_new_files(Path("/proc"), path)])
def test_what_cannot_be_written_is_named(writer: Callable[[Path, str], None], tmp_path: Path) -> None:
    """The system names no file where a disk is full, and another one where it is made beside its place."""
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    with pytest.raises(OSError, match=re.escape(str(link))):
        writer(link, "new")
    assert list(tmp_path.iterdir()) == [link]

"""Folders that are one account's alone; another account tries them in `tests/attack`."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import private_folders as module
from sovereign_ai.toolchain.private_folders import make_folders, private_folder


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Each umask that a user may have."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_new_folder_is_closed_whatever_the_umask_is(tmp_path: Path, mask: int) -> None:
    assert private_folder(tmp_path / "a" / "b" / "c") == tmp_path / "a" / "b" / "c"
    assert make_folders(tmp_path / "d" / "e").is_dir()
    for path in ("a", "a/b", "a/b/c", "d", "d/e"):
        assert mode(tmp_path / path) == 0o700


def test_a_folder_that_is_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    private_folder(folder)
    assert mode(folder) == 0o700


def test_a_folder_that_is_more_closed_stays_so(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    private_folder(folder)
    assert mode(folder) == 0o500


@pytest.mark.parametrize("bits", [0o777, 0o757, 0o703])
def test_a_folder_above_that_others_can_write_is_refused_with_the_command_that_closes_it(
    tmp_path: Path, bits: int
) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(bits)
    with pytest.raises(EnvironmentLacksError, match="other accounts can write it") as caught:
        private_folder(above / "state")
    assert [(each.code, each.where.file, each.hint) for each in caught.value.problems] == [
        ("folder-not-private", str(above), f"chmod go-w {above}")
    ]
    assert not (above / "state").exists()
    above.chmod(0o1777)
    private_folder(above / "state")


def test_a_group_may_write_above_only_if_it_is_the_accounts_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o770)
    monkeypatch.setattr(module, "_is_own_group", lambda _number: True)
    private_folder(above / "state")
    monkeypatch.setattr(module, "_is_own_group", lambda _number: False)
    with pytest.raises(EnvironmentLacksError, match="other accounts can write it"):
        private_folder(above / "state")


def grant(path: Path, account: int, rights: int) -> None:
    """Give an account rights by a list: entries of tag, rights and account (linux/posix_acl_xattr.h)."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 7, nobody), (0x02, rights, account), (0x04, 5, nobody), (0x10, 7, nobody)]
    entries.append((0x20, 5, nobody))
    packed = b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + packed)


def test_an_account_that_a_list_names_is_another_one_whoever_the_group_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_is_own_group", lambda _number: True)
    above = tmp_path / "above"
    above.mkdir()
    program = above / "etcd"
    program.touch(0o755)
    above.chmod(0o775)
    assert list(module.writable_by_others(program)) == []
    for path in (above, program):
        grant(path, 65534, 7)
        assert [part for part, _ in module.writable_by_others(program)] == [path]
        os.removexattr(path, "system.posix_acl_access")
        path.chmod(0o755)
    grant(above, 65534, 7)
    with pytest.raises(EnvironmentLacksError, match="other accounts can write it"):
        private_folder(above / "state")
    above.chmod(0o755)
    private_folder(above / "state")


def test_a_group_of_the_accounts_name_with_others_in_it_is_not_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Group:
        def __init__(self, gr_name: str, gr_mem: tuple[str, ...]) -> None:
            self.gr_name, self.gr_mem = gr_name, gr_mem

    groups = {
        1: Group("ann", ()),
        2: Group("ann", ("ann",)),
        3: Group("ann", ("ann", "eve")),
        4: Group("staff", ()),
    }
    monkeypatch.setattr(module.pwd, "getpwuid", lambda _uid: type("Account", (), {"pw_name": "ann"}))
    monkeypatch.setattr(module.grp, "getgrgid", groups.__getitem__)
    assert [number for number in (1, 2, 3, 4, 5) if module._is_own_group(number)] == [1, 2]


def test_what_another_account_owns_is_refused_itself_above_and_as_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine" / "state").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    real = Path.lstat
    for foreign, asked in (
        ("mine/state", "mine/state"),
        ("mine", "mine/state"),
        ("link", "link/state"),
        ("mine", "link/state"),
    ):

        def lstat(path: Path, foreign: Path = tmp_path / foreign) -> os.stat_result:
            found = real(path)
            return os.stat_result((*found[:4], 4242, *found[5:])) if path == foreign else found

        monkeypatch.setattr(Path, "lstat", lstat)
        with pytest.raises(EnvironmentLacksError, match="it belongs to account 4242") as caught:
            private_folder(tmp_path / asked)
        assert caught.value.exit_code == 3
        monkeypatch.undo()
        private_folder(tmp_path / asked)


def test_all_openings_are_named_at_once(tmp_path: Path) -> None:
    for name in ("a", "a/b"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    with pytest.raises(EnvironmentLacksError) as caught:
        private_folder(tmp_path / "a" / "b" / "c")
    assert [each.where.file for each in caught.value.problems] == [
        str(tmp_path / "a"),
        str(tmp_path / "a" / "b"),
    ]


def _file(place: Path) -> Path:
    place.write_text("mine")
    place.chmod(0o644)
    return place


def _below_file(place: Path) -> Path:
    return _file(place) / "state"


def _pipe(place: Path) -> Path:
    os.mkfifo(place, 0o644)
    return place


def _socket(place: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        at = os.open(place.parent, os.O_PATH | os.O_DIRECTORY)
        server.bind(f"/proc/self/fd/{at}/{place.name}")
        os.close(at)
    return place


def _link(to: str) -> Callable[[Path], Path]:
    def made(place: Path) -> Path:
        place.symlink_to(to)
        return place

    return made


def _below_link(to: str) -> Callable[[Path], Path]:
    return lambda place: _link(to)(place) / "state"


def _link_to_file(place: Path) -> Path:
    _file(place.with_name("file"))
    return _link("file")(place)


def _circle(place: Path) -> Path:
    place.with_name("other").symlink_to(place.name)
    return _link("other")(place)


_NO_FOLDERS: dict[str, Callable[[Path], Path]] = {
    "file": _file,
    "below a file": _below_file,
    "pipe": _pipe,
    "below a pipe": lambda place: _pipe(place) / "state",
    "socket": _socket,
    "link to a file": _link_to_file,
    "link to a device": _link("/dev/null"),
    "link that leads nowhere": _link("nowhere"),
    "below a link that leads nowhere": _below_link("nowhere"),
    "link to itself": _link("place"),
    "below a link to itself": _below_link("place"),
    "circle of links": _circle,
    "null character": lambda place: place / "a\0b",
}
"""What may be in the place of a folder of state, put there by an accident or by somebody else."""


@pytest.mark.parametrize("make", _NO_FOLDERS.values(), ids=_NO_FOLDERS)
def test_what_is_no_folder_is_refused_in_words_and_left_as_it_is(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    asked = make(tmp_path / "place")
    before = {path.name: path.lstat().st_mode for path in tmp_path.iterdir()}
    with pytest.raises(EnvironmentLacksError, match="no folder") as caught:
        private_folder(asked)
    assert [problem.code for problem in caught.value.problems] == ["no-folder"]
    assert {path.name: path.lstat().st_mode for path in tmp_path.iterdir()} == before


def test_a_link_of_our_own_to_a_folder_of_our_own_is_taken_and_closed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "place").symlink_to("real")
    private_folder(tmp_path / "place")
    assert mode(tmp_path / "real") == 0o700


def _sticky_link(root: Path) -> Path:
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o1777)
    (root / "open" / "state").mkdir(parents=True)
    (root / "open").chmod(0o777)
    (root / "sticky" / "link").symlink_to(root / "open" / "state")
    return root / "sticky" / "link"


def _linked_above(root: Path) -> Path:
    (root / "open" / "inner").mkdir(parents=True)
    (root / "open").chmod(0o777)
    (root / "link").symlink_to(root / "open" / "inner")
    return root / "link" / "state"


def _chain(root: Path) -> Path:
    (root / "open" / "inner").mkdir(parents=True)
    (root / "open").chmod(0o777)
    (root / "first").symlink_to(root / "open" / "inner")
    (root / "second").symlink_to("first")
    return root / "second" / "state"


def _upwards(root: Path) -> Path:
    (root / "open" / "inner").mkdir(parents=True)
    (root / "open").chmod(0o777)
    return root / "open" / "inner" / ".." / "state"


def _open_above(bits: int) -> Callable[[Path], Path]:
    def made(root: Path) -> Path:
        (root / "open" / "closed").mkdir(parents=True)
        (root / "open").chmod(bits)
        return root / "open" / "closed" / "state"

    return made


_REPLACEABLE: dict[str, Callable[[Path], Path]] = {
    "open far above": _open_above(0o777),
    "open for writing alone": _open_above(0o722),
    "open to write and enter": _open_above(0o733),
    "open with setgid": _open_above(0o2777),
    "a link of our own in a sticky folder": _sticky_link,
    "a link above": _linked_above,
    "a chain of links": _chain,
    "upwards and down again": _upwards,
}
"""Folders of state that another account could exchange for its own, by a folder above or behind a link."""


@pytest.mark.parametrize("make", _REPLACEABLE.values(), ids=_REPLACEABLE)
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_another_account_could_exchange_is_refused_whatever_leads_there(
    make: Callable[[Path], Path], umask: int, tmp_path: Path
) -> None:
    asked = make(tmp_path)
    before = os.umask(umask)
    try:
        with pytest.raises(EnvironmentLacksError, match="other accounts can write it"):
            private_folder(asked)
        (tmp_path / "open").chmod(0o755)
        private_folder(asked)
    finally:
        os.umask(before)
    assert mode(asked) == 0o700

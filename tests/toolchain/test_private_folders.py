"""Folders that are one account's alone; another account tries them in `tests/attack`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
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

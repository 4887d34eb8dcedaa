"""A state moves whole, or stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.deploy.state import move as state_move
from sovereign_ai.deploy.state.check import inspect_state
from sovereign_ai.deploy.state.classification import StateKind
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.move import move
from sovereign_ai.deploy.state.pulumi_environment import key_file, pulumi_state
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord, record_path
from sovereign_ai.deploy.state.store import hold_state, read_state
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.files.writing import write_private
from tests.support.small_engine import checkpoint


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFiles:
    """A stack with an epoch, a salt, a key and what a plain Pulumi kept of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "old"))
    monkeypatch.delenv("SOVEREIGN_AI_KEY_FILE", raising=False)
    key_file()
    made = StackFiles(pulumi_state(), "lab", "lab", "stacks/lab")
    with hold_state(made, "up", print) as state:
        path = state.copy.files(made).checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(checkpoint(2))
        state.commit("up")
    made.salt.write_text("encryptionsalt: v1:a:v1:b\n")
    record = StackRecord(record_path(made.folder, "lab", "lab"))
    record.identity()
    record.put_cluster("lab", ClusterIdentity("uid-1", "", "https://127.0.0.1:1"))
    for path in (made.history / "lab-1.checkpoint.json", made.backups / "lab.1.json"):
        path.parent.mkdir(parents=True)
        path.write_bytes(checkpoint(1))
    return made


def test_a_state_moves_with_records_copies_salt_and_key_and_is_refused_where_it_was(
    files: StackFiles, tmp_path: Path
) -> None:
    home = tmp_path / "new"
    there = move(files, home, print)
    assert there.folder == home / "sovereign-ai" / "pulumi"
    assert (report := inspect_state(there)).kind is StateKind.CURRENT
    assert report.checkpoint is not None
    assert report.checkpoint.objects == 2
    assert len(report.copies) == 2
    assert there.salt.read_text() == "encryptionsalt: v1:a:v1:b\n"
    assert (home / "sovereign-ai" / "state.key").read_bytes() == key_file().read_bytes()
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.rglob("*"))
    assert not files.exists
    with pytest.raises(EnvironmentLacksError, match=rf"moved to {home}"):
        read_state(files)
    assert inspect_state(files).moved == str(home)


def test_all_that_is_kept_of_a_stack_moves_and_nothing_stays_but_where_it_went(
    files: StackFiles, tmp_path: Path
) -> None:
    kept = {path.relative_to(files.folder): path.read_bytes() for path in _kept(files.folder)}
    assert len({path.parts[0] for path in kept}) > 3
    there = move(files, tmp_path / "new", print)
    moved = {path.relative_to(there.folder): path.read_bytes() for path in _kept(there.folder)}
    assert moved == kept
    assert list(_kept(files.folder)) == [files.moved]


def _kept(folder: Path) -> Iterator[Path]:
    """Yield the files of a backend, but for those of the command that runs and Pulumi's layout version."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in {"lock", "owner.json", "meta.yaml"}:
            yield path


def test_a_state_moves_back(files: StackFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = move(files, tmp_path / "new", print)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    back = move(there, tmp_path / "old", print)
    assert back.folder == files.folder
    assert (state := read_state(files)) is not None
    assert state.objects == 2


@pytest.mark.parametrize("what", ["same place", "other state", "other key", "held", "damaged", "none"])
def test_a_move_that_cannot_be_made_changes_nothing(files: StackFiles, tmp_path: Path, what: str) -> None:
    home = tmp_path / "new"
    there = StackFiles(home / "sovereign-ai" / "pulumi", "lab", "lab", "")
    expected: type[Exception] = EnvironmentLacksError
    code = {
        "other state": "state-exists",
        "other key": "key-differs",
        "held": "stack-busy",
        "damaged": "state-damaged",
        "none": "no-state",
    }
    if what == "same place":
        home, expected = tmp_path / "old", UsageError
    elif what == "other state":
        there.checkpoint.parent.mkdir(parents=True)
        there.checkpoint.write_bytes(checkpoint(9))
    elif what == "other key":
        there.folder.mkdir(parents=True)
        write_private(home / "sovereign-ai" / "state.key", b"another\n")
    elif what == "damaged":
        files.checkpoint.write_bytes(b"{")
    elif what == "none":
        files = StackFiles(files.folder, "lab", "other", "")
    before = files.read()
    if what == "held":
        with hold_stack(files, "up", print), pytest.raises(expected, match=code[what]):
            move(files, home, print)
    else:
        with pytest.raises(expected, match=code.get(what, "state-is-there")):
            move(files, home, print)
    assert files.read() == before
    assert inspect_state(files).moved == ""


@pytest.mark.parametrize("step", range(1, 7))
def test_a_move_that_was_cut_short_is_finished_by_a_second_one(
    files: StackFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    class CutError(Exception):
        pass

    left = [step]
    for name in ("_copy", "remove_durably"):
        real = getattr(state_move, name)

        def cut(*paths: Path, real: object = real) -> None:
            left[0] -= 1
            if not left[0]:
                raise CutError
            real(*paths)  # type: ignore[operator]

        monkeypatch.setattr(state_move, name, cut)
    with pytest.raises(CutError):
        move(files, tmp_path / "new", print)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "old"))
    assert (state := read_state(files)) is not None, "the state is where it was until all of it is copied"
    assert state.objects == 2
    there = move(files, tmp_path / "new", print)
    assert (state := read_state(there)) is not None
    assert len(Manifest(there).epochs) == 1


def test_a_move_that_was_cut_short_while_it_removed_is_done_and_the_old_place_is_refused(
    files: StackFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CutError(Exception):
        pass

    def cut(_path: Path) -> None:
        raise CutError

    with monkeypatch.context() as patched:
        patched.setattr(state_move, "remove_durably", cut)
        with pytest.raises(CutError):
            move(files, tmp_path / "new", print)
    there = StackFiles(tmp_path / "new" / "sovereign-ai" / "pulumi", "lab", "lab", "")
    assert (state := read_state(there)) is not None
    assert state.objects == 2
    with pytest.raises(EnvironmentLacksError, match="state-moved"):
        read_state(files)

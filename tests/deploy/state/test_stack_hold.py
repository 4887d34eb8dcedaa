"""Holding a stack: nobody else works on it, and what is dead is out of the way."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.checkpoint import parse
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import META, StackFiles
from sovereign_ai.deploy.state.moved_state import note_move
from sovereign_ai.deploy.state.pulumi_lock import read_locks
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_lock import owner_of
from sovereign_ai.deploy.state.working_copy import make_copy
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.small_engine import checkpoint
from tests.support.stack_holder import holder


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path, "lab", "lab", "stacks/lab")


def test_while_it_is_held_pulumi_sees_a_lock_with_our_name_and_afterwards_none(files: StackFiles) -> None:
    with hold_stack(files, "up", pytest.fail) as hold:
        (lock,) = read_locks(files.pulumi_locks)
        assert (lock.pid, hold.fence) == (os.getpid(), 1)
        owner = owner_of(files)
        assert owner is not None
        assert owner.pulumi_lock == lock.path.name
    assert read_locks(files.pulumi_locks) == []
    with hold_stack(files, "up", pytest.fail) as hold:
        assert hold.fence == 2


def test_of_a_killed_owner_both_locks_and_its_engine_go_with_a_line_each(files: StackFiles) -> None:
    said: list[str] = []
    with holder(files) as other:
        copy = make_copy(files, None, "up", 1)
        record = copy.folder / "run.json"
        record.write_text(record.read_text().replace(str(os.getpid()), "4194305"))
        with subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", **copy.environment()}):
            assert wait_until(lambda: len(copy.processes()) == 1, 5)
            other.kill()
            other.wait()
            assert len(read_locks(files.pulumi_locks)) == 1
            with hold_stack(files, "up", said.append, patience=0.1):
                assert copy.processes() == []
    assert len(said) == 2
    assert said[0] == "ended 1 process that a dead `up` had left at work"
    assert "removing the lock of a run that is dead" in said[1]


def test_a_plain_pulumi_at_work_is_refused_by_name(files: StackFiles) -> None:
    files.pulumi_locks.mkdir(parents=True)
    for host, pid, flag in (
        (os.uname().nodename, os.getpid(), "--end-owner"),
        ("another", 5, "--other-host"),
    ):
        content = {"pid": pid, "username": "ada", "hostname": host, "timestamp": "2999-01-01T00:00:00.5Z"}
        (files.pulumi_locks / "a.json").write_text(json.dumps(content))
        with (
            pytest.raises(
                EnvironmentLacksError, match=rf"ada on {host}, process {pid}.*stack-busy"
            ) as refused,
            hold_stack(files, "up", print),
        ):
            pass
        assert flag in refused.value.problems[0].hint
        assert (files.pulumi_locks / "a.json").exists()
    (files.pulumi_locks / "a.json").unlink()
    with hold_stack(files, "up", pytest.fail):
        pass


def test_a_plain_pulumi_that_takes_its_lock_at_the_same_moment_wins(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovereign_ai.deploy.state import stack_hold

    real = stack_hold.HeldPulumiLock

    def taken(folder: Path, scratch: Path, name: str) -> object:
        lock = real(folder, scratch, name)
        content = {
            "pid": os.getpid(),
            "username": "ada",
            "hostname": os.uname().nodename,
            "timestamp": "2999-01-01T00:00:00Z",
        }
        (folder / "rival.json").write_text(json.dumps(content))
        return lock

    monkeypatch.setattr(stack_hold, "HeldPulumiLock", taken)
    with pytest.raises(EnvironmentLacksError, match="stack-busy"), hold_stack(files, "up", print):
        pass
    assert [path.name for path in files.pulumi_locks.iterdir()] == ["rival.json"]


@pytest.mark.parametrize("how", ["pulumi cancel", "another command"])
def test_who_lost_the_stack_writes_nothing(files: StackFiles, how: str) -> None:
    with hold_stack(files, "up", pytest.fail) as hold:
        if how == "pulumi cancel":
            hold.pulumi.path.unlink()
        else:
            (files.records / "lock").unlink()
        with pytest.raises(EnvironmentLacksError, match="no longer this command's"):
            hold.write(Manifest(files), parse(checkpoint(1), "lab", "lab"), "up")
    assert not files.exists
    assert Manifest(files).epochs == ()


@pytest.mark.parametrize("content", [None, b"", b"\0\0\0", b"version"])
def test_a_lost_or_damaged_note_on_the_layout_is_written_anew(
    files: StackFiles, content: bytes | None
) -> None:
    said: list[str] = []
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(checkpoint(1))
    if content is not None:
        files.meta.write_bytes(content)
    with hold_stack(files, "up", said.append):
        assert files.meta.read_bytes() == META
    assert len(said) == 1
    assert str(files.meta) in said[0]


def test_another_layout_is_refused_and_left_alone(files: StackFiles) -> None:
    files.meta.parent.mkdir(parents=True)
    files.meta.write_bytes(b"version: 2\n")
    with (
        pytest.raises(EnvironmentLacksError, match=r"meta\.yaml.*version: 2"),
        hold_stack(files, "up", print),
    ):
        pass
    assert files.meta.read_bytes() == b"version: 2\n"


def test_a_stack_that_was_moved_is_not_held(files: StackFiles) -> None:
    files.records.mkdir(parents=True)
    note_move(files, "/srv/state")
    with pytest.raises(EnvironmentLacksError, match="state-moved"), hold_stack(files, "up", print):
        pass
    assert sorted(path.name for path in files.records.iterdir()) == ["moved.json"]


def test_a_state_in_another_variant_becomes_a_plain_one_and_notes_on_the_old_file_go(
    files: StackFiles,
) -> None:
    files.checkpoint.parent.mkdir(parents=True)
    for name in ("lab.json.gz", "lab.json.zst", "lab.json.attrs"):
        files.checkpoint.with_name(name).write_bytes(b"old")
    with hold_stack(files, "up", print) as hold:
        hold.write(Manifest(files), parse(checkpoint(1), "lab", "lab"), "up")
    assert [path.name for path in files.checkpoint.parent.iterdir()] == ["lab.json"]
    assert files.read() == checkpoint(1)

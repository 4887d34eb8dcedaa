"""One command at a time: who holds a stack, and a number that only grows."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.process_table import user_name
from sovereign_ai.deploy.state.stack_lock import LockOwner, StackLock, is_locked, owner_of
from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.stack_holder import holder


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path, "lab", "lab", "stacks/lab")


def test_a_second_command_is_refused_by_name_of_the_first(files: StackFiles) -> None:
    with holder(files) as other, pytest.raises(EnvironmentLacksError) as refused:
        StackLock(files, "up")
    (problem,) = refused.value.problems
    assert (problem.code, refused.value.exit_code) == ("stack-busy", ExitCode.ENVIRONMENT)
    assert f"`destroy` by {user_name()} on {os.uname().nodename} since 20" in problem.message
    assert f"(process {other.pid})" in problem.message
    assert "state unlock stacks/lab --end-owner" in problem.hint


def test_a_stopped_owner_is_named_as_stopped_with_what_wakes_it(files: StackFiles) -> None:
    with holder(files) as other:
        other.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: (owner := owner_of(files)) is not None and owner.is_stopped, 5)
        with pytest.raises(EnvironmentLacksError, match=rf"process {other.pid}, stopped") as refused:
            StackLock(files, "up")
    assert f"kill -CONT {other.pid}" in refused.value.problems[0].hint


def test_the_lock_of_a_killed_owner_is_free_at_once_and_its_record_is_kept(files: StackFiles) -> None:
    with holder(files) as other:
        assert is_locked(files)
        other.kill()
        other.wait()
        assert not is_locked(files)
        lock = StackLock(files, "up")
    assert lock.before is not None
    assert (lock.before.pid, lock.before.is_running) == (other.pid, False)
    lock.release()


def test_the_fence_grows_with_each_turn_also_over_a_damaged_record(files: StackFiles) -> None:
    fences = []
    for least in (0, 0, 40, 0):
        lock = StackLock(files, "up", least)
        fences.append(lock.owner.fence)
        lock.release()
    (files.records / "owner.json").write_text("{")
    lock = StackLock(files, "up", least_fence=42)
    assert [*fences, lock.owner.fence] == [1, 2, 41, 42, 43]
    lock.release()


@pytest.mark.parametrize("how", ["record", "file removed", "file replaced"])
def test_a_command_that_lost_the_stack_knows_it(files: StackFiles, how: str) -> None:
    lock = StackLock(files, "up")
    assert lock.is_held
    if how == "record":
        lock._write(LockOwner(1, 1, "boot", "ada", "host", "up", "now", lock.owner.fence + 1))
    else:
        (files.records / "lock").unlink()
        if how == "file replaced":
            (files.records / "lock").touch()
    assert not lock.is_held
    lock.release()


def test_a_lock_file_that_was_removed_and_made_anew_is_the_one_that_counts(files: StackFiles) -> None:
    old = StackLock(files, "up")
    (files.records / "lock").unlink()
    new = StackLock(files, "up")
    assert (old.is_held, new.is_held) == (False, True)
    assert is_locked(files)
    for lock in (old, new):
        lock.release()


def test_who_only_looks_makes_nothing(files: StackFiles) -> None:
    assert not is_locked(files)
    assert owner_of(files) is None
    assert list(files.folder.iterdir()) == []


def test_an_owner_of_another_machine_or_boot_does_not_run_here(files: StackFiles) -> None:
    lock = StackLock(files, "up")
    mine = lock.owner.to_data()
    assert (mine["running"], mine["stopped"]) == (True, False)
    fields = {name: mine[name] for name in LockOwner.__dataclass_fields__}
    assert not LockOwner(**{**fields, "host": "another"}).is_running
    assert not LockOwner(**{**fields, "boot": "another"}).is_running
    lock.release()

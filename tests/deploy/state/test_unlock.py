"""Freeing a stack: the dead at once, the living and the stopped only where that is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_lock import is_locked, owner_of
from sovereign_ai.deploy.state.unlock import Unlocking, unlock
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.stack_holder import holder


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path, "lab", "lab", "stacks/lab")


@pytest.fixture
def plain(tmp_path: Path, files: StackFiles) -> Iterator[subprocess.Popen[bytes]]:
    """A process called `pulumi` with a child and a lock, as a plain `pulumi up` has them."""
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nsleep 601 &\nwait\n")
    program.chmod(0o700)
    with subprocess.Popen([program]) as process:
        files.pulumi_locks.mkdir(parents=True)
        write_lock(files, process.pid, os.uname().nodename)
        yield process
        subprocess.run(["pkill", "-KILL", "-P", str(process.pid)], check=False)
        process.kill()


def write_lock(files: StackFiles, pid: int, host: str) -> None:
    files.pulumi_locks.mkdir(parents=True, exist_ok=True)
    content = {"pid": pid, "username": "ada", "hostname": host, "timestamp": datetime.now(UTC).isoformat()}
    (files.pulumi_locks / f"{host}.json").write_text(json.dumps(content))


def test_a_free_stack_needs_nothing(files: StackFiles) -> None:
    assert unlock(files, Unlocking(), pytest.fail) == []


def test_what_a_dead_command_left_is_taken_away_line_by_line(files: StackFiles) -> None:
    with holder(files) as other:
        other.kill()
        other.wait()
        done = unlock(files, Unlocking(), print)
    assert len(done) == 1
    assert "run that is dead" in done[0]
    assert not any(files.pulumi_locks.iterdir())


@pytest.mark.parametrize("stopped", [False, True])
def test_a_command_that_is_not_dead_is_ended_only_where_that_is_asked_for(
    files: StackFiles, stopped: bool
) -> None:
    with holder(files) as other:
        if stopped:
            other.send_signal(signal.SIGSTOP)
            assert wait_until(lambda: (owner := owner_of(files)) is not None and owner.is_stopped, 5)
        with pytest.raises(
            EnvironmentLacksError, match=rf"process {other.pid}{', stopped' if stopped else ''}\)"
        ):
            unlock(files, Unlocking(), print)
        assert other.poll() is None
        done = unlock(files, Unlocking(end_owner=True), print)
        assert other.wait(10) == -signal.SIGKILL
    assert done[0].startswith("ended `destroy` by")
    assert not is_locked(files)
    with hold_stack(files, "up", pytest.fail):
        pass


def test_a_plain_pulumi_is_ended_with_all_it_started_only_where_that_is_asked_for(
    files: StackFiles, plain: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(EnvironmentLacksError, match=rf"process {plain.pid}"):
        unlock(files, Unlocking(), print)
    assert plain.poll() is None
    done = unlock(files, Unlocking(end_owner=True), print)
    assert plain.wait(10) == -signal.SIGKILL
    assert done[0].endswith("what it had started: 2 processes")
    assert not any(files.pulumi_locks.iterdir())


def test_the_lock_of_another_machine_is_removed_only_where_that_is_asked_for(files: StackFiles) -> None:
    write_lock(files, 5, "another")
    for asked in (Unlocking(), Unlocking(end_owner=True)):
        with pytest.raises(EnvironmentLacksError, match="ada on another, process 5"):
            unlock(files, asked, print)
    assert unlock(files, Unlocking(other_host=True), print)[0].startswith(
        "removed the lock of ada on another"
    )


def test_a_command_of_another_machine_is_not_ended(files: StackFiles) -> None:
    with holder(files) as other:
        record = files.records / "owner.json"
        record.write_text(record.read_text().replace(os.uname().nodename, "another"))
        with pytest.raises(EnvironmentLacksError, match="on another"):
            unlock(files, Unlocking(end_owner=True), print)
        assert other.poll() is None

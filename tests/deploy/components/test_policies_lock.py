"""The lock by which a program waits for the policies that its command is still writing."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from sovereign_ai.deploy.components.policies_lock import lock_policies, wait_for_command


def test_a_program_goes_on_once_the_command_has_written_its_policies(tmp_path: Path) -> None:
    lock = lock_policies(tmp_path)
    waited = threading.Event()
    program = threading.Thread(target=lambda: wait_for_command(tmp_path) and waited.set())
    program.start()
    program.join(0.5)
    assert not waited.is_set()
    os.close(lock)
    program.join(30)
    assert waited.is_set()


def test_nobody_waits_for_a_command_that_writes_no_policies_or_is_none(tmp_path: Path) -> None:
    assert not wait_for_command(tmp_path)
    assert not wait_for_command(None)
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_takes_too_long_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    lock = lock_policies(tmp_path)
    assert wait_for_command(tmp_path, 0.2)
    os.close(lock)


def test_the_lock_is_its_owners_alone_and_no_link_is_followed(tmp_path: Path) -> None:
    os.close(lock_policies(tmp_path))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    assert not wait_for_command(tmp_path)

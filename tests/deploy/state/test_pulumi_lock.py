"""Pulumi's own locks: whose they are, which are left behind, and taking one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sovereign_ai.deploy.state import pulumi_lock
from sovereign_ai.deploy.state.process_table import name_of
from sovereign_ai.deploy.state.pulumi_lock import HeldPulumiLock, break_dead, new_name, read_locks
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.waiting import wait_until

DEAD = 2**22 + 1
HERE = os.uname().nodename


def lock(folder: Path, pid: int, host: str = HERE, since: datetime | None = None, name: str = "") -> Path:
    """Write a lock as Pulumi writes it, with the time in nanoseconds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or new_name())
    stamp = (since or datetime.now(UTC)).isoformat().replace("+00:00", "123Z")
    path.write_text(json.dumps({"pid": pid, "username": "ada", "hostname": host, "timestamp": stamp}))
    return path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is called as Pulumi's engine is."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "600"]) as process:
        assert wait_until(lambda: name_of(process.pid) == "pulumi", 5)
        yield process
        process.kill()


def test_a_living_owner_is_respected_and_named(tmp_path: Path) -> None:
    path = lock(tmp_path, os.getpid())
    (staying,) = break_dead(tmp_path, pytest.fail)
    assert path.exists()
    assert str(staying).startswith(f"ada on {HERE}, process {os.getpid()}, since 20")


@pytest.mark.parametrize("why", ["dead", "zombie", "number used again", "of ours"])
def test_the_lock_of_a_dead_owner_is_removed_with_a_line(tmp_path: Path, why: str) -> None:
    said: list[str] = []
    ours: frozenset[str] = frozenset()
    if why == "zombie":
        with subprocess.Popen(["true"]) as child:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            path = lock(tmp_path, child.pid)
            assert break_dead(tmp_path, said.append) == []
    else:
        pid = DEAD if why == "dead" else os.getpid()
        since = datetime.now(UTC) - timedelta(days=1) if why == "number used again" else None
        path = lock(tmp_path, pid, since=since)
        ours = frozenset({path.name}) if why == "of ours" else ours
        path.with_name(f"{path.name}.attrs").write_text("{}")
        assert break_dead(tmp_path, said.append, ours) == []
    assert len(said) == 1
    assert "dead: ada on" in said[0]
    assert list(tmp_path.iterdir()) == [], "the lock and what the backend wrote beside it"
    assert not path.exists()


def test_an_owner_of_another_machine_cannot_be_seen_and_is_respected(tmp_path: Path) -> None:
    path = lock(tmp_path, DEAD, host="another")
    assert [one.host for one in break_dead(tmp_path, pytest.fail)] == ["another"]
    assert path.exists()


def test_after_a_step_of_the_clock_an_engine_at_work_keeps_its_lock(
    tmp_path: Path, engine: subprocess.Popen[bytes]
) -> None:
    path = lock(tmp_path / "locks", engine.pid, since=datetime.now(UTC) - timedelta(hours=5))
    assert len(break_dead(tmp_path / "locks", pytest.fail)) == 1
    assert path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"null", b'{"pid": "x"}', bytes(64)])
@pytest.mark.parametrize("name", ["a.json", "a.json.18a3.tmp"])
def test_an_empty_or_unreadable_lock_is_removed_and_its_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str
) -> None:
    monkeypatch.setattr(pulumi_lock, "_WRITING_SECONDS", 0.1)
    said: list[str] = []
    (tmp_path / name).write_bytes(content)
    assert break_dead(tmp_path, said.append) == []
    assert said == [f"removing an empty or unreadable lock: {tmp_path / name}"]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    scratch = tmp_path / "a.json.18a3.tmp"
    scratch.touch()

    def finish() -> None:
        time.sleep(0.4)
        lock(tmp_path, os.getpid(), name=scratch.name)
        scratch.rename(tmp_path / "a.json")

    writer = threading.Thread(target=finish)
    writer.start()
    staying = break_dead(tmp_path, pytest.fail)
    writer.join()
    assert [one.pid for one in staying] == [os.getpid()]


def test_a_lock_that_may_not_be_read_is_no_dead_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "a.json")
    with pytest.raises(EnvironmentLacksError, match=r"a\.json"):
        break_dead(tmp_path, pytest.fail)


def test_a_taken_lock_is_as_pulumi_reads_it_is_seen_by_others_and_known_until_it_is_gone(
    tmp_path: Path,
) -> None:
    folder, scratch = tmp_path / "locks", tmp_path
    taken = HeldPulumiLock(folder, scratch, new_name())
    (seen,) = read_locks(folder)
    assert (seen.pid, seen.host, seen.is_left_behind) == (os.getpid(), HERE, False)
    assert seen.since is not None
    assert taken.is_held
    assert list(taken.others()) == []
    rival = lock(folder, os.getpid())
    assert [one.path for one in taken.others()] == [rival]
    taken.path.unlink()
    assert not taken.is_held
    taken.path.write_text("of somebody else")
    taken.release()
    assert taken.path.read_text() == "of somebody else"


def test_while_a_lock_is_written_pulumi_sees_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        seen.append([path.name for path in (tmp_path / "locks").iterdir()])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    taken = HeldPulumiLock(tmp_path / "locks", tmp_path, "a.json")
    assert seen == [[], ["a.json"]]
    taken.release()
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_process_that_takes_a_lock_and_dies_leaves_one_that_is_removed(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from sovereign_ai.deploy.state.pulumi_lock import HeldPulumiLock, new_name;"  # noqa: E501 - one literal text
        f"HeldPulumiLock(Path({str(tmp_path / 'locks')!r}), Path({str(tmp_path)!r}), new_name()); os.kill(os.getpid(), 9)"  # noqa: E501 - one literal text
    )
    subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3])
    said: list[str] = []
    assert break_dead(tmp_path / "locks", said.append) == []
    assert len(said) == 1

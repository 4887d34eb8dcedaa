"""Faults of those who work on a stack: killed, stopped, two at once; and locks that nobody owns.

All of it runs on the small engine, which needs no cluster; `test_kills.py` kills the real one.
"""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.process_table import descendants, kill_all
from sovereign_ai.deploy.state.pulumi_lock import read_locks
from sovereign_ai.deploy.state.stack_lock import owner_of
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.small_engine import checkpoint
from tests.support.small_stack import SmallStack


@pytest.fixture
def stack(tmp_path: Path) -> SmallStack:
    return SmallStack(tmp_path)


@pytest.mark.parametrize("second", ["up", "destroy", "forget"])
def test_a_second_command_is_refused_by_name_of_the_first_and_changes_nothing(
    stack: SmallStack, second: str
) -> None:
    with stack.at_work("up") as first:
        before = stack.files.read()
        done = stack.run(second)
        assert (done.code, done.problems) == (3, ["stack-busy"])
        assert f"`up` by root on {os.uname().nodename}".replace("root", _user()) in done.words
        assert f"(process {first.pid})" in done.words
        assert stack.files.read() == before
        stack.unset("pause")
        assert first.wait(60) == 0
    assert stack.objects == 3


def _user() -> str:
    from sovereign_ai.deploy.state.process_table import user_name

    return user_name()


def test_a_preview_beside_a_command_at_work_is_fine(stack: SmallStack) -> None:
    assert stack.run("up").code == 0
    stack.set("objects", "5")
    with stack.at_work("up") as first:
        assert stack.run("preview").code == 0
        stack.unset("pause")
        assert first.wait(60) == 0
    assert stack.objects == 5


@pytest.mark.parametrize("verb", ["up", "destroy"])
@pytest.mark.parametrize("who", ["command", "command and supervisor", "everybody"])
def test_after_a_kill_nothing_stays_at_work_and_the_next_run_needs_no_question(
    stack: SmallStack, verb: str, who: str
) -> None:
    if verb == "destroy":
        assert stack.run("up").code == 0
    stack.set("child")
    with stack.at_work(verb) as first:
        assert len(stack.engine_processes()) == 3, "supervisor, engine and its child"
        if who == "everybody":
            kill_all(lambda: descendants(first.pid))
        else:
            first.kill()
            if who != "command":
                os.kill(next(pid for pid in stack.engine_processes() if _is_supervisor(pid)), signal.SIGKILL)
        first.wait()
        if who == "command":
            assert stack.settle(), "the supervisor ends all of it"
        stack.unset("pause")
        assert stack.is_whole(3), "what was left is ended by the next run"


def _is_supervisor(pid: int) -> bool:
    return b"engine/supervisor.py" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("who", ["engine", "supervisor", "child"])
def test_a_part_of_the_engine_that_is_killed_alone_is_named_and_the_next_run_goes_on(
    stack: SmallStack, who: str
) -> None:
    stack.set("child")
    with stack.at_work("up") as first:
        pids = {"supervisor": "", "child": "", "engine": ""}
        for pid in stack.engine_processes():
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            kind = (
                "supervisor"
                if b"engine/supervisor.py" in words
                else "child"
                if words.startswith(b"sleep")
                else "engine"
            )
            pids[kind] = str(pid)
        os.kill(int(pids[who]), signal.SIGKILL)
        if who == "child":
            stack.unset("pause")
        _, words = first.communicate(timeout=60)
        assert first.returncode == (0 if who == "child" else 4), words
        assert ("engine-killed" in words) is (who != "child")
        assert stack.settle()
    assert stack.is_whole(3)


def test_what_a_killed_commands_engine_had_done_is_in_the_state(stack: SmallStack) -> None:
    with stack.at_work("up") as first:
        first.kill()
        first.wait()
        assert stack.settle()
    # The engine was asked to end, and saved its one step; the next command takes that over before its own
    # work.
    stack.set("objects", "1")
    done = stack.run("up")
    assert "taking over what a killed `up` had saved" in done.words
    assert "create" not in done.words
    assert stack.objects == 1


def test_an_engine_that_does_not_end_is_killed_after_its_time(stack: SmallStack) -> None:
    stack.set("ignores")
    with stack.at_work("up") as first:
        first.kill()
        first.wait()
        assert stack.settle(seconds=15)
        stack.unset("ignores")
    assert stack.is_whole(3)


def test_a_stopped_owner_is_named_so_and_ended_only_where_that_is_asked_for_and_never_wakes(
    stack: SmallStack,
) -> None:
    stack.set("child")
    with stack.at_work("up") as first:
        pids = descendants(first.pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        assert wait_until(lambda: (owner := owner_of(stack.files)) is not None and owner.is_stopped, 10)
        done = stack.run("up")
        assert (done.code, done.problems) == (3, ["stack-busy"])
        assert f"process {first.pid}, stopped" in done.words
        code, document = stack.state("unlock")
        assert (code, document["problems"][0]["code"]) == (3, "stack-busy")
        assert stack.state("check")[1]["owner"]["stopped"] is True
        code, document = stack.state("unlock", "--end-owner")
        assert (code, document["ok"]) == (0, True)
        assert f"process {first.pid}" in document["done"][0]
        assert wait_until(
            lambda: (
                not any(Path(f"/proc/{pid}/environ").exists() and pid in stack.processes() for pid in pids)
            ),
            10,
        )
        stack.unset("pause")
        assert stack.is_whole(3)


def test_an_owner_that_was_stopped_while_a_plain_pulumi_took_the_stack_over_writes_nothing(
    stack: SmallStack,
) -> None:
    stack.set("child")
    with stack.at_work("up") as first:
        for pid in descendants(first.pid):
            os.kill(pid, signal.SIGSTOP)
        for path in stack.files.pulumi_locks.iterdir():  # `pulumi cancel`
            path.unlink()
        rival = checkpoint(7, time=datetime.now(UTC).isoformat())
        stack.files.checkpoint.write_bytes(rival)
        for pid in reversed(descendants(first.pid)):
            os.kill(pid, signal.SIGCONT)
        _, words = first.communicate(timeout=60)
        assert first.returncode == 3, words
        assert "stack-lost" in words
        assert stack.settle()
        assert "object-1" not in words, "it went on after it had woken"
    assert stack.files.read() == rival
    assert stack.objects == 7


def test_a_lock_that_is_taken_away_under_a_command_at_work_ends_its_engine(stack: SmallStack) -> None:
    stack.set("child")
    with stack.at_work("up") as first:
        for path in stack.files.pulumi_locks.iterdir():
            path.unlink()
        _, words = first.communicate(timeout=60)
        assert (first.returncode, "stack-lost" in words) == (3, True), words
        assert stack.engine_processes() == []
    assert stack.is_whole(3)


@pytest.mark.parametrize("name", ["a.json", "3f.json.17f0.tmp"])
def test_an_empty_lock_that_a_full_disk_left_is_removed_with_its_name(stack: SmallStack, name: str) -> None:
    stack.files.pulumi_locks.mkdir(parents=True)
    (stack.files.pulumi_locks / name).touch()
    done = stack.run("up")
    assert done.code == 0, done.words
    assert f"removing an empty or unreadable lock: {stack.files.pulumi_locks / name}" in done.words
    assert stack.is_whole(3)


def test_the_lock_of_a_dead_pulumi_is_removed_and_that_of_a_living_one_is_respected(
    stack: SmallStack,
) -> None:
    stack.files.pulumi_locks.mkdir(parents=True)
    now = datetime.now(UTC).isoformat()
    owner = {"username": "ada", "hostname": os.uname().nodename, "timestamp": now}
    (stack.files.pulumi_locks / "dead.json").write_text(json.dumps({**owner, "pid": 2**22 + 1}))
    (stack.files.pulumi_locks / "alive.json").write_text(json.dumps({**owner, "pid": os.getpid()}))
    done = stack.run("up")
    assert (done.code, done.problems) == (3, ["stack-busy"])
    assert f"ada on {os.uname().nodename}, process {os.getpid()}" in done.words
    assert [lock.path.name for lock in read_locks(stack.files.pulumi_locks)] == ["alive.json"]
    (stack.files.pulumi_locks / "alive.json").unlink()
    assert stack.is_whole(3)


def test_a_request_to_end_saves_what_is_done_and_the_next_run_goes_on(stack: SmallStack) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with stack.at_work("up") as first:
            first.send_signal(number)
            first.send_signal(number)
            _, words = first.communicate(timeout=60)
            assert (first.returncode, "interrupted" in words) == (130, True), words
        assert stack.objects == 1
        stack.unset("pause")
        assert stack.run("destroy").code == 0
    assert stack.is_whole(3)

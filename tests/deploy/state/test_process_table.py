"""Processes by what the kernel says of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from sovereign_ai.cluster.process import started_at
from sovereign_ai.deploy.state.process_table import (
    ProcessId,
    boot_id,
    descendants,
    kill_all,
    marked,
    name_of,
    start_time,
    this_process,
    user_name,
)
from sovereign_ai.toolchain.waiting import wait_until


def sleeper(**environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", **environ})


def test_a_process_is_known_by_number_start_and_boot_together() -> None:
    me = this_process()
    assert me.is_running
    assert not replace(me, started=me.started + 1).is_running
    assert not replace(me, boot="another").is_running
    assert not ProcessId(2**22 + 1, me.started, boot_id()).is_running


def test_a_stopped_process_runs_and_is_stopped_and_a_zombie_does_neither() -> None:
    with sleeper() as child:
        known = ProcessId(child.pid, started_at(child.pid) or 0, boot_id())
        assert (known.is_running, known.is_stopped) == (True, False)
        child.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: known.is_stopped, 5)
        child.kill()
        assert wait_until(lambda: not known.is_running, 5), (
            "nobody has waited for it, and it is no process any more"
        )
        assert not known.is_stopped


def test_a_start_is_told_by_the_machines_clock() -> None:
    before = time.time()
    with sleeper() as child:
        told = start_time(child.pid)
        child.kill()
    assert told is not None
    assert abs(told - before) < 2
    assert start_time(2**22 + 1) is None


def test_processes_of_a_run_are_found_by_their_environment_with_all_that_they_start() -> None:
    variable = f"RUN_OF_TEST={os.getpid()}"
    name, _, value = variable.partition("=")
    script = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True).wait()"
    with (
        subprocess.Popen(
            [sys.executable, "-c", script], env={"PATH": "/usr/bin:/bin", name: value}
        ) as parent,
        sleeper() as other,
    ):
        assert wait_until(lambda: len(marked(variable.encode())) == 2, 10)
        assert marked(variable.encode()[:-1] + b"x") == []
        assert set(descendants(parent.pid)) == set(marked(variable.encode()))
        killed = kill_all(lambda: marked(variable.encode()))
        assert len(killed) == 2
        assert other.poll() is None
        other.kill()


def test_a_stopped_process_is_killed_without_waking(tmp_path: Path) -> None:
    mark = tmp_path / "woke"
    script = f"import os, signal; os.kill(os.getpid(), signal.SIGSTOP); open({str(mark)!r}, 'w')"
    with subprocess.Popen([sys.executable, "-c", script]) as child:
        known = ProcessId(child.pid, started_at(child.pid) or 0, boot_id())
        assert wait_until(lambda: known.is_stopped, 10)
        kill_all(lambda: [child.pid] if known.is_running else [])
    assert not mark.exists()


def test_a_program_and_an_account_have_names() -> None:
    with sleeper() as child:
        assert wait_until(lambda: name_of(child.pid) == "sleep", 5)
        child.kill()
    assert name_of(2**22 + 1) == ""
    assert user_name()

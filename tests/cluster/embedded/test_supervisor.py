from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import down, launch, up
from sovereign_ai.cluster.embedded.process_status import recorded_processes, status_of, supervisor_pid
from sovereign_ai.cluster.embedded.supervisor import Child, Supervisor
from sovereign_ai.cluster.process import Process, ProcessProbe, is_running, started_at
from sovereign_ai.cluster.start_errors import last_lines, redact
from sovereign_ai.cluster.state import ClusterDir, read_json, record, write_json
from sovereign_ai.errors import EnvironmentLacksError, UsageError

SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(600)")


@pytest.fixture
def where(tmp_path: Path) -> Iterator[ClusterDir]:
    place = ClusterDir("fake", tmp_path / "fake")
    place.make()
    yield place
    down("fake", root=tmp_path)


def supervise(where: ClusterDir, *processes: Process, start_seconds: float = 90) -> None:
    record(where, {}, {})
    write_json(
        where.processes, {"start_seconds": start_seconds, "processes": [one.to_data() for one in processes]}
    )
    launch(where)


def until(holds: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return value


def is_ready(where: ClusterDir) -> bool:
    return status_of(where).healthy


def test_a_dead_component_is_started_again_and_counted(where: ClusterDir):
    supervise(where, Process("sleeper", SLEEP))
    until(lambda: is_ready(where))
    first = status_of(where).components[0]
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second = until(
        lambda: next(
            (one for one in status_of(where).components if one.healthy and one.pid != first.pid), None
        )
    )
    assert (first.restarts, second.restarts, second.alive) == (0, 1, True)


def test_a_component_waits_for_what_it_needs_and_a_step_runs_to_its_end(where: ClusterDir):
    note = where.folder / "note"
    step = Process(
        "step",
        (sys.executable, "-S", "-c", f"import time; time.sleep(0.3); open({str(note)!r}, 'w').close()"),
        once=True,
    )
    check = Process(
        "check",
        (
            sys.executable,
            "-S",
            "-c",
            f"import os, time; assert os.path.exists({str(note)!r}); time.sleep(600)",
        ),
        ("step",),
    )
    supervise(where, step, check)
    until(lambda: is_ready(where))
    assert [(one.name, one.restarts) for one in status_of(where).components] == [("check", 0)]


def test_stopping_goes_in_reverse_order_and_leaves_no_process(where: ClusterDir):
    note = where.folder / "order"
    text = (
        "import signal, sys, time\n"
        "def end(*_):\n open({note!r}, 'a').write({name!r} + ' ')\n sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open({hears!r}, 'w').close()\n"
        "time.sleep(600)"
    )
    hearing = [where.folder / f"{name}-hears" for name in ("first", "second", "third")]

    def stopping(name: str, after: tuple[str, ...] = ()) -> Process:
        program = text.format(note=str(note), name=name, hears=str(where.folder / f"{name}-hears"))
        return Process(name, (sys.executable, "-S", "-c", program), after, stop_seconds=60)

    supervise(where, stopping("first"), stopping("second", ("first",)), stopping("third", ("second",)))
    until(lambda: is_ready(where) and all(path.exists() for path in hearing))
    processes = recorded_processes(where)
    assert len(processes) == 3
    assert down("fake", keep_data=True, root=where.folder.parent)
    assert not any(is_running(*one) for one in processes)
    assert supervisor_pid(where) is None
    assert note.read_text().split() == ["third", "second", "first"]
    assert status_of(where).phase == "stopped"


def test_one_that_does_not_end_is_killed(where: ClusterDir):
    deaf = where.folder / "deaf"
    text = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(deaf)!r}, 'w').close(); time.sleep(600)"  # noqa: E501 - one literal text
    supervise(where, Process("deaf", (sys.executable, "-S", "-c", text), stop_seconds=0.3))
    until(lambda: is_ready(where) and deaf.exists())
    processes = recorded_processes(where)
    down("fake", keep_data=True, root=where.folder.parent)
    assert not any(is_running(*one) for one in processes)
    assert (read_json(where.status) or {})["processes"][0]["last_exit"] == -signal.SIGKILL


def test_children_die_with_a_killed_supervisor(where: ClusterDir):
    supervise(where, Process("one", SLEEP), Process("two", SLEEP))
    until(lambda: is_ready(where))
    processes = recorded_processes(where)
    pid = supervisor_pid(where)
    assert pid is not None
    assert len(processes) == 2
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(is_running(*one) for one in processes))
    assert status_of(where).phase == "stopped"
    assert not status_of(where).healthy


def test_a_second_supervisor_gives_way(where: ClusterDir):
    supervise(where, Process("one", SLEEP))
    until(lambda: is_ready(where))
    pid = supervisor_pid(where)
    launch(where)
    assert supervisor_pid(where) == pid


def test_what_the_supervisor_writes_is_the_owner_s_alone(where: ClusterDir):
    supervise(where, Process("one", SLEEP))
    until(lambda: is_ready(where))
    seen = []
    for path in where.folder.rglob("*"):
        with contextlib.suppress(
            FileNotFoundError
        ):  # a file is written beside its place, and then moved there
            seen.append(path.name)
            assert path.stat().st_mode & 0o077 == 0, path
    assert {where.status.name, where.processes.name, where.log("one").name} <= set(seen)


def test_a_start_that_fails_says_which_and_stops_the_others(where: ClusterDir):
    nobody_listens = ProcessProbe(1, "/healthz", *[str(where.folder / "none")] * 3)
    broken = Process(
        "broken", (sys.executable, "-S", "-c", "import sys; sys.exit('no such flag')"), probe=nobody_listens
    )
    supervise(where, Process("sleeper", SLEEP), broken)
    until(lambda: (read_json(where.status) or {}).get("phase") == "failed")
    failure = (read_json(where.status) or {})["failure"]
    assert failure["name"] == "broken"
    assert "ended 3 times" in failure["why"]
    assert last_lines(where.log("broken"))[-1] == "no such flag"
    until(lambda: recorded_processes(where) == [])
    until(lambda: supervisor_pid(where) is None)


def test_a_start_that_takes_too_long_is_given_up(where: ClusterDir):
    supervise(where, Process("step", SLEEP, once=True), Process("later", SLEEP, ("step",)), start_seconds=0.5)
    until(lambda: (read_json(where.status) or {}).get("phase") == "failed")
    assert (read_json(where.status) or {})["failure"]["name"] == "step"


def test_a_program_that_cannot_be_run_is_a_failed_start(where: ClusterDir):
    supervise(where, Process("none", ("/nonexistent/program",)))
    until(lambda: (read_json(where.status) or {}).get("phase") == "failed")
    assert "cannot run /nonexistent/program: No such file or directory" in last_lines(where.log("none"))


def test_a_half_started_cluster_is_removed_and_explained_without_its_secrets(tmp_path: Path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'listening, token=abc123'\necho 'the disk is full' >&2\nexit 7\n")
    program.chmod(0o700)
    with pytest.raises(EnvironmentLacksError) as caught:
        up("half", components=dict.fromkeys(COMPONENTS, program), root=tmp_path / "root", wait_seconds=180)
    text = str(caught.value)
    assert "etcd ended 3 times, last with status 7" in text
    assert "the disk is full" in text
    assert "abc123" not in text
    assert not (tmp_path / "root" / "half").exists()


def test_a_failed_start_keeps_the_data_of_an_older_run(tmp_path: Path):
    where = ClusterDir("old", tmp_path / "old")
    where.make()
    record(where, {}, {})
    precious = where.folder / "etcd" / "precious"
    precious.write_text("data")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    with pytest.raises(EnvironmentLacksError):
        up("old", components=dict.fromkeys(COMPONENTS, program), root=tmp_path, wait_seconds=180)
    assert precious.read_text() == "data"


def test_a_missing_program_is_told_before_anything_is_made(tmp_path: Path):
    with pytest.raises(EnvironmentLacksError, match="kwok is not a program") as caught:
        up("none", components=dict.fromkeys(COMPONENTS, tmp_path / "none"), root=tmp_path / "root")
    assert len(caught.value.problems) == len(COMPONENTS)
    assert not (tmp_path / "root" / "none").exists()


def test_down_of_a_cluster_with_damaged_state_still_removes_it(where: ClusterDir):
    supervise(where, Process("one", SLEEP))
    until(lambda: is_ready(where))
    processes = recorded_processes(where)
    where.record.write_text("{")
    where.status.write_text("{")
    assert down("fake", root=where.folder.parent)
    assert not where.folder.exists()
    assert not any(is_running(*one) for one in processes)


def test_a_supervisor_whose_folder_is_gone_ends_with_its_children(where: ClusterDir):
    supervise(where, Process("one", SLEEP))
    until(lambda: is_ready(where))
    processes, pid = recorded_processes(where), supervisor_pid(where)
    assert pid is not None
    started = started_at(pid)
    shutil.rmtree(where.folder)
    until(lambda: not any(is_running(*one) for one in [*processes, (pid, started)]))


def test_a_folder_that_is_no_cluster_is_neither_used_nor_removed(tmp_path: Path):
    letter = tmp_path / "documents" / "letter"
    letter.parent.mkdir(mode=0o755)
    letter.write_text("dear")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    for call in (
        lambda: up("documents", components=dict.fromkeys(COMPONENTS, program), root=tmp_path),
        lambda: down("documents", root=tmp_path),
    ):
        with pytest.raises(EnvironmentLacksError, match="cluster-folder-foreign"):
            call()
    assert letter.read_text() == "dear"
    assert letter.parent.stat().st_mode & 0o777 == 0o755
    assert list(letter.parent.iterdir()) == [letter]


def test_a_port_that_somebody_took_in_the_meantime_is_given_up_for_another(tmp_path: Path):
    note = tmp_path / "ports"
    program = tmp_path / "program"
    program.write_text(
        "#!/bin/sh\n"
        f'for flag in "$@"; do case $flag in --listen-client-urls=*) echo "${{flag##*:}}" >> {note};; esac; done\n'  # noqa: E501 - one literal text
        "echo 'listen tcp 127.0.0.1: bind: address already in use'; exit 1\n"
    )
    program.chmod(0o700)
    with pytest.raises(EnvironmentLacksError, match="address already in use"):
        up("busy", components=dict.fromkeys(COMPONENTS, program), root=tmp_path / "root", wait_seconds=180)
    tried = note.read_text().split()
    assert len(tried) == 9
    assert len(set(tried)) == 3


def test_a_cluster_may_have_any_label_for_a_name_and_nothing_else(tmp_path: Path):
    for name in ("..", "a/b", "Upper", "", "-ports", ".hidden"):
        with pytest.raises(UsageError, match="cluster-name-invalid"):
            up(name, root=tmp_path)
        with pytest.raises(UsageError, match="cluster-name-invalid"):
            down(name, root=tmp_path)


def test_down_of_what_is_not_there_does_nothing(tmp_path: Path):
    assert down("never", root=tmp_path / "root") is False
    assert not (tmp_path / "root").exists()


def test_a_process_is_told_apart_from_a_later_one_of_the_same_number():
    started = started_at(os.getpid())
    assert started is not None
    assert is_running(os.getpid(), started)
    assert not is_running(os.getpid(), started + 1)
    assert not is_running(None, None)


def test_keys_and_tokens_are_taken_out_of_a_log():
    text = "a -----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY----- b password: hunter2, Bearer ey.x --token=q"  # noqa: E501 - one literal text
    assert redact(text) == "a [redacted] b password: [redacted], Bearer [redacted] --token=[redacted]"


def test_a_log_that_grows_long_is_cut_and_one_older_part_is_kept(where: ClusterDir):
    log = where.log("one")
    log.write_bytes(b"x" * 17_000_000)
    Supervisor(where, (Process("one", SLEEP),), 1)._keep_logs_small()
    assert log.stat().st_size == 0
    assert (log.parent / "one.log.1").stat().st_size == 17_000_000


def looked_at(supervisor: Supervisor, child: Child) -> Child:
    supervisor._look(child)
    return child


def test_a_component_that_hangs_is_killed_and_started_again(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
):
    nobody_listens = ProcessProbe(1, "/healthz", *[str(where.folder / "none")] * 3)
    supervisor = Supervisor(where, (Process("hung", SLEEP, probe=nobody_listens),), 1)
    supervisor._phase = "ready"
    child = supervisor._children["hung"]
    try:
        supervisor._look(child)
        assert child.popen is not None
        time.sleep(0.1)
        supervisor._look(child)
        assert child.popen.poll() is None, "it has some time to become well"
        monkeypatch.setattr("sovereign_ai.cluster.embedded.supervisor._HANGS_SECONDS", 0.0)
        until(lambda: looked_at(supervisor, child).restarts == 1)
    finally:
        supervisor._stop()


def test_one_missed_probe_is_tolerated_and_two_in_a_row_are_not(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
):
    supervisor = Supervisor(where, (Process("busy", SLEEP, probe=ProcessProbe(1)),), 1)
    child = supervisor._children["busy"]
    answers = iter([True, False, True, False, False, True])
    monkeypatch.setattr("sovereign_ai.cluster.embedded.supervisor.is_well", lambda _probe: next(answers))
    seen = []
    try:
        supervisor._look(child)
        for _ in range(6):
            child.probed_at = 0.0
            seen.append(looked_at(supervisor, child).well)
    finally:
        supervisor._stop()
    assert seen == [True, True, True, True, False, True]


@pytest.mark.parametrize(("well", "seconds", "pause"), [(True, 6, 0.2), (True, 4, 6.4), (False, 600, 6.4)])
def test_only_what_was_healthy_for_a_while_is_started_again_after_the_shortest_pause(
    where: ClusterDir, *, well: bool, seconds: float, pause: float
):
    supervisor = Supervisor(where, (Process("killed", SLEEP),), 1)
    child = supervisor._children["killed"]
    child.well, child.failures, child.changed = well, 5, 1000.0
    supervisor._ended(child, -9, 1000.0 + seconds)
    assert child.begin_after - (1000.0 + seconds) == pytest.approx(pause)


@pytest.mark.parametrize(("popen", "due", "tick"), [(True, 0, 0.05), (False, 0.2, 0.05), (False, 20, 0.5)])
def test_rounds_are_short_while_something_starts(where: ClusterDir, *, popen: bool, due: float, tick: float):
    supervisor = Supervisor(where, (Process("started", SLEEP),), 1)
    supervisor._phase = "ready"
    child = supervisor._children["started"]
    child.begin_after = time.monotonic() + due
    try:
        if popen:
            supervisor._begin(child, time.monotonic())
        assert supervisor._tick() == tick
        child.well = True
        assert supervisor._tick() == 0.5
    finally:
        supervisor._stop()

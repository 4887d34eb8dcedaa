"""The supervisor of one cluster: starts its processes in order, keeps them healthy, ends them all.

    python -m sovereign_ai.cluster.embedded.supervisor FOLDER

It reads `processes.json`, writes `status.json` whenever something changes (and every few seconds, as a sign
of life), and holds `supervisor.lock` as long as it runs, so that a second one exits. It ends when its folder
is gone.

Until everything has been healthy once, a process that keeps failing ends the start, with the reason in the
status. From then on a dead process is restarted forever, with growing pauses. The supervisor has one thread,
imports nothing heavy, and its children end with it whatever ends it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from sovereign_ai.cluster.process import Process, is_stopped, is_well, start, started_at
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.files import end_of
from sovereign_ai.files.writing import append, open_lock, write_private
from sovereign_ai.text import counted
from sovereign_ai.toolchain import try_lock, wait_until

ALREADY_RUNNING = 3
"""Exit status where another supervisor holds the lock."""
LOCK = "supervisor.lock"
SIGN_OF_LIFE_SECONDS = 5.0
"""A supervisor whose status is older than a few of these hangs."""
_START_TICK, _STEADY_TICK = 0.05, 0.5
_STEADY_PROBE_SECONDS = 2.0
_FAILURE_THRESHOLD = 2
"""Failed probes in sequence that make a healthy process unhealthy; a busy host may miss one."""
_FAILURES_AT_START = 3
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 30.0
_WELL_AGAIN_SECONDS = 5.0
"""A process that was healthy for so long before it died is started again after the shortest pause.

The pauses are for what fails at each start. What works for a while and is then killed, again and again, has
to be back before its next end: with a minute here, the pause grew to 30 s (measured 2026-11, `make fleet
NODES=100 KILLS=80`: 10 s a kill).
"""
_HANGS_SECONDS = 60.0
_LOG_BYTES, _LOG_LOOK_SECONDS = 16_000_000, 10.0
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


@dataclass(slots=True)
class Child:
    """One process and its history."""

    process: Process
    popen: Popen[bytes] | None = None
    started: int | None = None
    well: bool = False
    done: bool = False
    restarts: int = 0
    failures: int = 0
    missed_probes: int = 0
    last_exit: int | None = None
    begin_after: float = 0.0
    begun: float = 0.0
    probed_at: float = 0.0
    changed: float = field(default_factory=time.monotonic)

    def to_data(self, log: Path) -> dict[str, Any]:
        """Return its entry in the status."""
        pid = self.popen.pid if self.popen else None
        data = {
            "name": self.process.name,
            "pid": pid,
            "started": self.started,
            "well": self.well,
            "log": str(log),
        }
        return data | {"restarts": self.restarts, "last_exit": self.last_exit, "once": self.process.once}


class Supervisor:
    """Runs the processes of one cluster until a signal comes."""

    def __init__(self, cluster_dir: ClusterDir, processes: tuple[Process, ...], start_seconds: float) -> None:
        self._where = cluster_dir
        self._children = {process.name: Child(process) for process in processes}
        self._deadline = time.monotonic() + start_seconds
        self._phase = "starting"
        self._failure: dict[str, Any] | None = None
        self._written: dict[str, Any] = {}
        self._written_at = self._looked_at_logs = 0.0

    def run(self) -> int:
        """Run until SIGTERM or SIGINT (0), or until the start has failed (1)."""
        # Blocked and then awaited, so that no signal arrives in the middle of a round.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while self._failure is None:
                self._round()
                # SIGCHLD only ends the wait early: a child that died is handled at once.
                received = signal.sigtimedwait(_SIGNALS, self._tick())
                if received is not None and received.si_signo != signal.SIGCHLD:
                    break
        finally:
            self._phase = "stopping"
            self._write()
            self._stop()
        self._phase = "failed" if self._failure else "stopped"
        self._write()
        return 1 if self._failure else 0

    def _tick(self) -> float:
        """Return the seconds until the next round: few while a process has to start or to become healthy."""
        soon = time.monotonic() + _STEADY_TICK
        for child in self._children.values():
            is_due = child.popen is not None or child.begin_after < soon
            if is_due and not child.well and not child.done:
                return _START_TICK
        return _START_TICK if self._phase == "starting" else _STEADY_TICK

    def _round(self) -> None:
        """Look at every process once, and write the status if it changed."""
        for child in self._children.values():
            self._look(child)
        if self._phase == "starting":
            self._judge_start()
        self._keep_logs_small()
        self._write()

    def _look(self, child: Child) -> None:
        """Reap a process, start it, or probe it."""
        now = time.monotonic()
        if child.popen is not None and child.popen.poll() is not None:
            self._ended(child, child.popen.returncode, now)
        if child.popen is None:
            if not child.done and now >= child.begin_after and self._all_well(child.process.after):
                self._begin(child, now)
            return
        if child.process.once:
            return
        probe = child.process.probe
        wait = _STEADY_PROBE_SECONDS if child.well else _START_TICK
        if probe is None:
            has_settled = now - child.begun >= child.process.settle_seconds
            self._note(child, well=has_settled and not is_stopped(child.popen.pid), now=now)
        elif now - child.probed_at >= wait:
            well = is_well(probe)
            child.missed_probes = 0 if well else child.missed_probes + 1
            tolerated = child.well and child.missed_probes < _FAILURE_THRESHOLD
            self._note(child, well=well or tolerated, now=now)
            child.probed_at = time.monotonic()

    def _all_well(self, names: tuple[str, ...]) -> bool:
        """Return whether all of these processes are healthy."""
        return all(self._children[name].well for name in names)

    def _begin(self, child: Child, now: float) -> None:
        """Start a process; a program that cannot be run counts as one that ended at once."""
        log = self._where.log(child.process.name)
        try:
            child.popen = start(child.process, log, self._where.folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                append(log, f"cannot run {child.process.argv[0]}: {error.strerror}\n".encode())
            self._ended(child, 127, now)
            return
        child.started, child.changed, child.begun = started_at(child.popen.pid), now, now

    def _ended(self, child: Child, status: int, now: float) -> None:
        """Note that a process ended, and when it may be restarted."""
        if child.well and now - child.changed > _WELL_AGAIN_SECONDS:
            child.failures = 0
        child.popen, child.started, child.last_exit, child.changed = None, None, status, now
        if child.process.once and status == 0:
            child.well = child.done = True
            return
        child.well = False
        child.failures += 1
        child.restarts += 1
        child.begin_after = now + min(_FIRST_WAIT * 2.0 ** (child.failures - 1), _LONGEST_WAIT)

    def _note(self, child: Child, *, well: bool, now: float) -> None:
        """Note the health of a process; kill one that hangs although everything that it needs is healthy."""
        if well != child.well:
            child.well, child.changed = well, now
        elif (
            not well
            and self._phase == "ready"
            and now - child.changed > _HANGS_SECONDS
            and self._all_well(child.process.after)
            and child.popen
        ):
            child.popen.kill()

    def _judge_start(self) -> None:
        """Decide whether the start has succeeded or failed."""
        children = self._children.values()
        if all(child.well for child in children):
            self._phase = "ready"
            return
        hopeless = next((child for child in children if child.failures >= _FAILURES_AT_START), None)
        late = (
            next((child for child in children if not child.well), None)
            if time.monotonic() > self._deadline
            else None
        )
        if hopeless:
            times = counted(hopeless.failures, "time")
            self._fail(hopeless, f"ended {times}, last with status {hopeless.last_exit}")
        elif late:
            self._fail(late, "was not well in time" if late.popen else "could not be started in time")

    def _fail(self, child: Child, why: str) -> None:
        """Give up the start because of one process."""
        name = child.process.name
        self._failure = {"name": name, "why": why, "log": str(self._where.log(name))}

    def _stop(self) -> None:
        """End all processes, first those that no other needs, each group together."""
        left = [child for child in self._children.values() if child.popen is not None]
        while left:
            needed = {name for child in left for name in child.process.after}
            group = [child for child in left if child.process.name not in needed] or left
            _end(group)
            left = [child for child in left if child not in group]

    def _keep_logs_small(self) -> None:
        """Keep one older part of a log that has grown long."""
        now = time.monotonic()
        if now - self._looked_at_logs < _LOG_LOOK_SECONDS:
            return
        self._looked_at_logs = now
        for name in self._children:
            log = self._where.log(name)
            with contextlib.suppress(OSError):
                if log.lstat().st_size > _LOG_BYTES:
                    _begin_anew(log)

    def _write(self) -> None:
        """Write the status, if it changed or as a sign of life."""
        children = [child.to_data(self._where.log(name)) for name, child in self._children.items()]
        own = {"pid": os.getpid(), "started": started_at(os.getpid())}
        status = {"phase": self._phase, "supervisor": own, "processes": children, "failure": self._failure}
        now = time.monotonic()
        if status != self._written or now - self._written_at > SIGN_OF_LIFE_SECONDS:
            try:
                write_json(self._where.status, status)
            except OSError as error:
                if not self._where.folder.exists():
                    self._failure = {
                        "name": "supervisor",
                        "why": f"lost its folder: {error.strerror}",
                        "log": "",
                    }
            else:
                self._written, self._written_at = status, now


def _begin_anew(log: Path) -> None:
    """Empty a log, and keep its end beside it.

    Raises:
        OSError: it cannot be written, or is no regular file.
    """
    descriptor = open_lock(log, create=False)
    try:
        write_private(log.with_suffix(".log.1"), end_of(log, 2 * _LOG_BYTES), durable=False)
        # Truncated and not renamed: the children append to the file that they have open.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _end(group: list[Child]) -> None:
    """Terminate a group of processes, wait for them, and kill those that do not end."""
    running = [child for child in group if child.popen is not None]
    for child in running:
        if child.popen:
            child.popen.terminate()
    for child in running:
        if child.popen is None:
            continue
        try:
            child.popen.wait(child.process.stop_seconds)
        except TimeoutExpired:
            child.popen.kill()
            child.popen.wait()
        child.last_exit, child.popen, child.started, child.well = child.popen.returncode, None, None, False


def hold_lock(folder: Path, patience: float = 2.0) -> int | None:
    """Lock a folder for one supervisor.

    Returns:
        The lock's descriptor, which must stay open; None if another process holds the lock.
    """
    descriptor = open_lock(folder / LOCK)
    if wait_until(partial(try_lock, descriptor), patience):
        return descriptor
    os.close(descriptor)
    return None


def main(folder: Path) -> int:
    """Detach, and supervise the cluster in a folder.

    The caller's process ends at once: 0 if a supervisor now runs, `ALREADY_RUNNING` if one did.
    """
    os.umask(0o077)
    cluster_dir = ClusterDir(folder.name, folder)
    plan = read_json(cluster_dir.processes) or {}
    lock = hold_lock(folder)
    if lock is None:
        return ALREADY_RUNNING
    if os.fork():
        return 0
    os.setsid()
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()} {started_at(os.getpid())}\n".encode())
    processes = tuple(Process.from_data(data) for data in plan["processes"])
    return Supervisor(cluster_dir, processes, float(plan["start_seconds"])).run()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

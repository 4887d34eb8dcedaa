"""Runs cases, each in a process of its own that is forked from this one, so that nothing is imported
twice.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import select
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.case import Case, Prepared
from tests.hostile.judge import MOST_CPU_SECONDS, Done, faults

_WAIT_SECONDS = 20.0
_MORE_MEMORY = 600 << 20
"""Bytes of address space that a case may take beyond what the process has: enough to measure, and too little
to hurt."""
_FILE_SIZE = 256 << 20
_OWN = "home/sovereign-ai"
"""The program's own state folder, which may be made, as long as nothing is written into it."""
_READ_ANYTHING = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capability.h)."""
_CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case.

    Attributes:
        name: the case.
        faults: what is wrong; nothing if all is right.
        is_control: whether it was a valid input.
        output: what was printed, where something is wrong.
    """

    name: str
    faults: tuple[str, ...]
    is_control: bool
    output: str = ""


def run(case: Case, root: Path) -> Result:
    """Run one case in a folder of its own and judge it."""
    done = finished(case, root)
    wrong = tuple(faults(case, done))
    return Result(
        case.name,
        wrong,
        case.is_control,
        done.output[:4_000].decode("utf-8", "backslashreplace") if wrong else "",
    )


def finished(case: Case, root: Path) -> Done:
    """Run one case in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="case-", dir=root))
    work, home = folder / "work", folder / "home"
    for path in (work, home):
        path.mkdir(mode=0o700)
    try:
        prepared = case.build(work)
        before = _snapshot(work, home)
        code, cpu, memory, timed_out = _forked(case, prepared, folder)
        written = _differences(before, _snapshot(work, home))
        return Done(code, (folder / "output").read_bytes(), cpu, memory, timed_out, written)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_all(cases: Sequence[Case], processes: int, root: Path) -> Iterator[Result]:
    """Run cases on several processes; results come as they are ready."""
    pipes: list[int] = []
    workers: list[int] = []
    for worker in range(processes):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                for case in cases[worker::processes]:
                    result = run(case, root)
                    out.write(
                        json.dumps([result.name, result.faults, result.is_control, result.output]) + "\n"
                    )
                    out.flush()
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
        workers.append(pid)
    yield from _collected(pipes)
    for pid in workers:
        os.waitpid(pid, 0)


def _collected(pipes: list[int]) -> Iterator[Result]:
    """Read results from the workers until each has closed its end."""
    rest = dict.fromkeys(pipes, b"")
    while rest:
        ready, _, _ = select.select(list(rest), [], [])
        for pipe in ready:
            piece = os.read(pipe, 1 << 16)
            *lines, last = (rest[pipe] + piece).split(b"\n")
            for line in lines:
                name, wrong, is_control, output = json.loads(line)
                yield Result(name, tuple(wrong), is_control, output)
            rest[pipe] = last
            if not piece:
                os.close(pipe)
                del rest[pipe]


def _forked(case: Case, prepared: Prepared, folder: Path) -> tuple[int, float, int, bool]:
    """Run what reads the input in a child.

    Return exit code, processor seconds, memory, and whether it had to be ended.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            _confine(folder, prepared, unprivileged=case.unprivileged)
            code = _call(prepared)
        finally:
            os._exit(code)
    watch = os.pidfd_open(pid)
    ready, _, _ = select.select([watch], [], [], _WAIT_SECONDS)
    os.close(watch)
    if not ready:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return (
        os.waitstatus_to_exitcode(status),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss << 10,
        not ready,
    )


def _confine(folder: Path, prepared: Prepared, *, unprivileged: bool) -> None:
    """Give the child an environment, streams and limits of its own."""
    os.setsid()
    os.chdir(folder / "work")
    home = str(folder / "home")
    for name in [
        name
        for name in os.environ
        if name.startswith(("PULUMI_", "SOVEREIGN_", "XDG_", "KUBE", "COLUMNS", "NO_COLOR"))
    ]:
        del os.environ[name]
    os.environ.update(HOME=home, TMPDIR=home, XDG_STATE_HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home)
    os.environ.update(prepared.environment)
    tempfile.tempdir = None
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    sys.stdout = io.TextIOWrapper(
        os.fdopen(1, "wb", closefd=False), encoding="utf-8", errors="backslashreplace"
    )
    sys.stderr = io.TextIOWrapper(
        os.fdopen(2, "wb", closefd=False), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    space = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + _MORE_MEMORY, space + _MORE_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(3 * MOST_CPU_SECONDS), int(4 * MOST_CPU_SECONDS)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_SIZE, _FILE_SIZE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if unprivileged and os.geteuid() == 0:
        _drop_capabilities()


def _drop_capabilities() -> None:
    """Take from root the right to read what its mode forbids."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    data = (ctypes.c_uint32 * 6)()
    header = Header(_CAPABILITY_VERSION, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    data[0] &= ~_READ_ANYTHING
    if libc.capset(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _call(prepared: Prepared) -> int:
    """Run a command, or a function that speaks as one; return its exit code."""
    from sovereign_ai.cli.main import run as program

    sys.argv = ["sovereign-ai", *(prepared.run if isinstance(prepared.run, tuple) else ())]
    try:
        if isinstance(prepared.run, tuple):
            program()
        else:
            prepared.run()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 70
    except BaseException as error:  # noqa: BLE001 - what reaches this is what a user would see as a traceback
        import typer

        code = error.exit_code if isinstance(error, typer.Exit) else 70
        if code == 70:
            import traceback

            traceback.print_exc()
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _snapshot(*folders: Path) -> dict[str, tuple[int, ...]]:
    """Return what is in some folders, without following a link."""
    there: dict[str, tuple[int, ...]] = {}
    for folder in folders:
        for here, names, files in os.walk(folder):
            for name in (*names, *files):
                path = Path(here, name)
                status = path.lstat()
                size = status.st_size if stat.S_ISREG(status.st_mode) else 0
                changed = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
                there[str(path.relative_to(folder.parent))] = (status.st_mode, size, changed, status.st_ino)
    return there


def _differences(before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Return what was made, changed or removed."""
    names = sorted({*before, *after})
    return {
        name: "made" if name not in before else "removed" if name not in after else "changed"
        for name in names
        if before.get(name) != after.get(name)
        and not (name.startswith(_OWN) and name in after and stat.S_ISDIR(after[name][0]))
    }


def processors() -> int:
    """Return how many cases can run at once."""
    return len(os.sched_getaffinity(0))


def scratch() -> Path:
    """Return a new folder with a short path for the cases of a run."""
    return Path(tempfile.mkdtemp(prefix="hostile-"))


def now() -> float:
    """Return a clock for durations, in seconds."""
    return time.monotonic()

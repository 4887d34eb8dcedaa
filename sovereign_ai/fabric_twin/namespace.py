"""Network namespaces by name: programs and functions that run in them, their tables and processes."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.files import captured, kernel_text

FOLDER = Path("/run/netns")
# CLONE_NEWNET of <linux/sched.h>.
_NEW_NET = 0x40000000
_SECONDS = 120
_Result = TypeVar("_Result")


def run(arguments: list[str], text: str = "", *, check: bool = True) -> str:
    """Run a program and return what it prints.

    Args:
        arguments: the program and its arguments.
        text: its standard input.
        check: whether a failure is an error.

    Raises:
        DeploymentError: it failed, and `check` is set.
    """
    done = captured(arguments, feed=text.encode(), seconds=_SECONDS)
    if check and done.returncode:
        printed = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        command = " ".join(arguments)[:120]
        message = f"`{command}` ended with {done.returncode}: {' / '.join(printed[:3])}"
        hint = "`sovereign-ai fabric twin down` removes what exists"
        raise DeploymentError(Problem("twin-command", message, hint=hint))
    return done.stdout.decode(errors="replace")


def batch(
    lines: Iterable[str], namespace: str | None = None, program: str = "ip", *, force: bool = False
) -> None:
    """Run many `ip` or `bridge` commands in one process; the first that fails ends it.

    Args:
        lines: the commands.
        namespace: the namespace that they are about.
        program: `ip` or `bridge`.
        force: go on after a command that fails, and raise nothing: to undo what may be done in part only.

    Raises:
        DeploymentError: one of them failed, and `force` is not set.
    """
    arguments = [program]
    if namespace:
        arguments += ["-n", namespace]
    if force:
        arguments.append("-force")
    run([*arguments, "-batch", "-"], "\n".join(lines) + "\n", check=not force)


def query_table(namespace: str, *arguments: str, program: str = "ip") -> list[dict[str, Any]]:
    """Return a table of a namespace, as `ip` or `bridge` prints it in JSON."""
    text = run([program, "-n", namespace, "-j", *arguments])
    # An empty table is an empty text with some commands, and `[]` with others.
    rows: list[dict[str, Any]] = orjson.loads(text) if text.strip() else []
    return rows


def within(namespace: str, work: Callable[[], _Result]) -> _Result:
    """Run a function in a namespace, in a thread of its own, and return its result.

    `setns` moves the calling thread alone, so the caller stays where it is. Sockets that the function opens
    belong to the namespace for good.

    Raises:
        DeploymentError: the namespace could not be entered, or the function failed.
    """
    results: list[_Result] = []
    failures: list[BaseException] = []

    def inside() -> None:
        try:
            descriptor = os.open(FOLDER / namespace, os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET):
                    code = ctypes.get_errno()
                    raise OSError(code, os.strerror(code))
            finally:
                os.close(descriptor)
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread below
            failures.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failures:
        raise DeploymentError(Problem("twin-namespace", f"{namespace}: {failures[0]}")) from failures[0]
    return results[0]


def sysctl(namespace: str, values: Mapping[str, str]) -> None:
    """Write kernel parameters of a namespace, by their dotted names."""

    # /proc/sys/net shows the namespace of the thread that opens it.
    def write() -> None:
        for name, value in values.items():
            Path("/proc/sys", *name.split(".")).write_text(value, encoding="ascii")

    within(namespace, write)


def list_namespaces(prefix: str) -> list[str]:
    """Return the namespaces whose names start with a prefix, in order."""
    if not FOLDER.is_dir():
        return []
    names = sorted(entry.name for entry in FOLDER.iterdir())
    return [name for name in names if name.startswith(prefix)]


def processes(namespace: str) -> list[int]:
    """Return the living processes in a namespace."""
    printed = run(["ip", "netns", "pids", namespace], check=False)
    living = []
    for word in printed.split():
        pid = int(word)
        if _lives(pid):
            living.append(pid)
    return living


def _lives(pid: int) -> bool:
    """Return whether a process runs, and is not a zombie that its parent has not reaped."""
    try:
        stat = kernel_text(f"/proc/{pid}/stat")
    except OSError:
        return False
    # The second field is the program's name in brackets, which may hold blanks and brackets itself.
    after_name = stat.rpartition(")")[2]
    return after_name.split()[0] != "Z"

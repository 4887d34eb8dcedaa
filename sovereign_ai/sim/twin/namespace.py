"""Network namespaces by name: made, entered, asked and removed through `ip` and `setns`."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from sovereign_ai.errors import DeploymentError, Problem

FOLDER = Path("/run/netns")
_NEW_NET = 0x40000000
_Found = TypeVar("_Found")


def run(arguments: list[str], text: str = "", *, check: bool = True) -> str:
    """Run a program and give what it prints.

    Raises:
        DeploymentError: it failed, and `check` was wished for.
    """
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False, timeout=120)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        message = f"`{' '.join(arguments)[:120]}` ended with {done.returncode}: {' / '.join(said[:3])}"
        raise DeploymentError(Problem("twin-command", message, hint="`sovereign-ai fabric twin down` removes what stands"))
    return done.stdout


def batch(lines: Iterable[str], namespace: str | None = None, program: str = "ip") -> None:
    """Run many `ip` or `bridge` commands in one process; the first that fails ends it.

    Raises:
        DeploymentError: one of them failed.
    """
    run([program, *(["-n", namespace] if namespace else []), "-batch", "-"], "\n".join(lines) + "\n")


def ask(namespace: str, *arguments: str, program: str = "ip") -> list[dict[str, Any]]:
    """Ask a namespace for a table as JSON."""
    text = run([program, "-n", namespace, "-j", *arguments])
    found: list[dict[str, Any]] = orjson.loads(text) if text.strip() else []
    return found


def within(namespace: str, work: Callable[[], _Found]) -> _Found:
    """Run a function in a namespace: in a thread of its own, so that the caller stays where it is.

    Sockets that it makes belong to that namespace for good, and so do the sysctls it writes.

    Raises:
        DeploymentError: the namespace could not be entered.
    """
    found: list[_Found] = []
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            descriptor = os.open(FOLDER / namespace, os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET):
                    code = ctypes.get_errno()
                    raise OSError(code, os.strerror(code))
            finally:
                os.close(descriptor)
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed:
        raise DeploymentError(Problem("twin-namespace", f"{namespace}: {failed[0]}")) from failed[0]
    return found[0]


def sysctl(namespace: str, values: Mapping[str, str]) -> None:
    """Write kernel parameters of a namespace, by their dotted names."""

    def write() -> None:
        for name, value in values.items():
            Path("/proc/sys", *name.split(".")).write_text(value, encoding="ascii")

    within(namespace, write)


def standing(prefix: str) -> list[str]:
    """Give the namespaces whose names start so."""
    return sorted(one.name for one in FOLDER.iterdir() if one.name.startswith(prefix)) if FOLDER.is_dir() else []


def processes(namespace: str) -> list[int]:
    """Give the living processes in a namespace."""
    found = [int(pid) for pid in run(["ip", "netns", "pids", namespace], check=False).split()]
    return [pid for pid in found if _lives(pid)]


def _lives(pid: int) -> bool:
    """Tell whether a process runs, and is not merely unreaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""The user's cache folder of tools: its layout, its locks, and the atomic move into place.

    <cache>/sovereign-ai/tools/<name>/<version>-<recipe>/<files>   never changed once there
    <cache>/sovereign-ai/bin-<table and interpreter>/<name>        links to what is used
    <cache>/sovereign-ai/work/<name>-<recipe>/                     a build in progress, with its log
    <cache>/sovereign-ai/locks/<name>-<recipe>.lock                held by the one run that installs

An entry exists only when it is complete: it is built in `work` and renamed. A run that dies leaves a
`work` folder, which the next run removes under the lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files.writing import open_lock
from sovereign_ai.toolchain.private_folders import make_folders, private_folder
from sovereign_ai.toolchain.table import Tool, table_digest
from sovereign_ai.toolchain.waiting import try_lock, wait_until

Progress = Callable[[str], object]
"""Receives a line for a person; never anything secret."""

_FIRST_REPORT, _NEXT_REPORT = 2.0, 15.0
"""Seconds of silence after which a wait is reported, the first time and from then on."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def cache_dir() -> Path:
    """Return the project's folder below the user's cache: `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "sovereign-ai"


def key(row: Tool) -> str:
    """Name what is installed: version and recipe."""
    return f"{row.version}-{row.recipe}"


def entry_dir(row: Tool) -> Path:
    """Return the folder that holds an installed tool, whether or not it is there yet."""
    return cache_dir() / "tools" / row.name / key(row)


def bin_dir() -> Path:
    """Return the folder of links to all resolved tools, for PATH.

    It is named by the table and by the interpreter, so that two versions of the project or two
    virtual environments never fight over a link.
    """
    about = f"{table_digest()} {interpreter()} {Path(__file__).resolve()}"
    return cache_dir() / f"bin-{hashlib.sha256(about.encode()).hexdigest()[:12]}"


def interpreter() -> Path:
    """Return this environment's interpreter by one path, whichever of its names was called (`python3`)."""
    plain = Path(sys.prefix, "bin", "python")
    return plain if plain.exists() else Path(sys.executable)


def ensure(folder: Path) -> Path:
    """Make a folder; in the cache, one that is this account's alone, since programs are run from there.

    Raises:
        EnvironmentLacksError: it cannot be made, or the cache is not this account's alone.
    """
    try:
        if folder.is_relative_to(cache_dir()):
            private_folder(cache_dir())
        make_folders(folder)
    except OSError as error:
        hint = "make it writable, or point XDG_CACHE_HOME at a folder that is"
        raise EnvironmentLacksError(
            Problem("cache-not-writable", f"{folder} cannot be made: {error.strerror}", hint=hint)
        ) from None
    return folder


@contextlib.contextmanager
def locked(row: Tool, progress: Progress) -> Iterator[Path]:
    """Hold the tool's lock and give an empty work folder; the folder is removed on success.

    The lock is the kernel's, so a run that dies never leaves it held.
    """
    name = f"{row.name}-{row.recipe}"
    with locked_name(name, progress):
        work = cache_dir() / "work" / name
        remove(work)
        ensure(work)
        yield work
        remove(work)


@contextlib.contextmanager
def locked_name(name: str, progress: Progress) -> Iterator[None]:
    """Hold a lock of the cache by its name, waiting for another run if need be."""
    lock = ensure(cache_dir() / "locks") / f"{name}.lock"
    # Opening must not change a file that another run has locked.
    descriptor = open_lock(lock)
    try:
        os.fchmod(descriptor, 0o600)  # an earlier version left to the umask who may write it
        _wait_for(descriptor, name, progress)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, name: str, progress: Progress) -> None:
    """Wait for a lock, and report now and then that another run holds it."""
    start = time.monotonic()
    due = _FIRST_REPORT
    while not wait_until(partial(try_lock, descriptor), max(due - (time.monotonic() - start), 0.0)):
        waited = time.monotonic() - start
        progress(f"{name}: another run is making it, waited {waited:.0f} s")
        due = waited + _NEXT_REPORT


def settle(made: Path, row: Tool) -> Path:
    """Rename a finished folder to its final place and return that place.

    The caller holds the tool's lock, and knows that no usable entry exists. An entry that has lost its
    binary is removed.
    """
    _close_to_others(made)
    final = entry_dir(row)
    ensure(final.parent)
    remove(final)
    made.rename(final)
    return final


def _close_to_others(folder: Path) -> None:
    """Let nobody but the owner write into a folder, whatever the umask was when its files were made."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _WRITABLE_BY_OTHERS:
            path.chmod(mode & ~_WRITABLE_BY_OTHERS)


def link(target: Path, name: str) -> Path:
    """Link a tool into `bin_dir()` in one step, and return its place there.

    A single binary of the cache gets a hard link, since Pulumi looks beside its own real file for its
    language host, and warns if it finds one elsewhere. Everything else gets a symbolic link.
    """
    place = ensure(bin_dir()) / name
    if place.exists() and place.samefile(target):
        return place
    fresh = beside(place)
    fresh.unlink(missing_ok=True)
    try:
        if target.parent.parent != cache_dir() / "tools" / name:
            # Like a file system without hard links, this leads to the link by name below.
            raise OSError  # noqa: TRY301
        fresh.hardlink_to(target)
    except OSError:
        fresh.symlink_to(target)
    fresh.replace(place)
    return place


def link_by_name(target: Path, place: Path) -> None:
    """Replace a place by a symbolic link to a target, in one step."""
    if place.is_symlink() and place.readlink() == target:
        return
    fresh = beside(place)
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)


def beside(place: Path) -> Path:
    """Name what is made before it takes a place in one step.

    No other run and no other thread has the same name.
    """
    return place.with_name(f".{place.name}.{os.getpid()}-{threading.get_ident()}")


def remove(folder: Path) -> None:
    """Delete a folder, also one with read-only parts, as Go's module files are."""
    if not folder.exists():
        return
    # Deleting a file needs write permission on its folder, which Go removes.
    for root, folders, _ in os.walk(folder):
        for part in folders:
            inner = Path(root, part)
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(folder)

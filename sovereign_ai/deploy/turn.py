"""One engine at a time settles a stack's folder.

Pulumi reads from `Pulumi.<stack>.yaml` the salt of the key that encrypts the state. Two states that deploy one folder
have two salts: each puts its own there and must not be disturbed until its engine has read it. The lock is on the
folder itself, so nothing is written for it; a kernel drops it with whoever held it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.toolchain.waiting import taken, until

PATIENCE_SECONDS = 60.0


@contextmanager
def turn(folder: Path, progress: Callable[[str], object], seconds: float = PATIENCE_SECONDS) -> Iterator[Callable[[], None]]:
    """Hold a stack's folder, waiting for another command if need be; give what ends the turn before its block does.

    Args:
        folder: the stack's folder.
        progress: told that one waits.
        seconds: how long to wait.

    Raises:
        EnvironmentLacksError: the other command did not go on in time, or the folder cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentLacksError(
            Problem("no-folder", f"it cannot be opened: {error.strerror}", Where(str(folder)), "check its permissions")
        ) from None
    try:
        if not taken(descriptor):
            progress("waiting for another command in this folder")
            if not until(partial(taken, descriptor), seconds):
                hint = "wait for it to end, or end it, and run the command again"
                raise EnvironmentLacksError(Problem("folder-busy", "another command is settling this stack", Where(str(folder)), hint))
        yield partial(fcntl.flock, descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)

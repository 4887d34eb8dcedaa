"""The lock of a stack's folder, under which one engine at a time reads its settings.

Pulumi reads from `Pulumi.<stack>.yaml` the salt of the key that encrypts the state. Two states that deploy
one folder have two salts: each command writes its own there, and no other may overwrite it until its engine
has read the file. The lock is on the folder itself, so that no file is needed for it; the kernel releases it
when its process ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.toolchain import try_lock, wait_until

PATIENCE_SECONDS = 60.0


@contextmanager
def lock_folder(
    folder: Path, progress: Callable[[str], object], seconds: float = PATIENCE_SECONDS
) -> Iterator[Callable[[], None]]:
    """Lock a stack's folder for the block, after waiting for another command if need be.

    Args:
        folder: the stack's folder.
        progress: called with a line if the command has to wait.
        seconds: how long to wait.

    Yields:
        A function that releases the lock before the block ends.

    Raises:
        EnvironmentLacksError: the other command did not release it in time, or the folder cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        message = f"it cannot be opened: {error.strerror}"
        problem = Problem("no-folder", message, Where(str(folder)), "check its permissions")
        raise EnvironmentLacksError(problem) from None
    try:
        if not try_lock(descriptor):
            progress("waiting for another command in this folder")
            if not wait_until(partial(try_lock, descriptor), seconds):
                hint = "wait for it to end, or end it, and run the command again"
                message = "another command is preparing this stack"
                raise EnvironmentLacksError(Problem("folder-busy", message, Where(str(folder)), hint))
        # Released as soon as the engine has read the settings, so that others need not wait for its whole
        # run.
        yield partial(fcntl.flock, descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)

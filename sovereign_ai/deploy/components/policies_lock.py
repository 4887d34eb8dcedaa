"""The lock that says whether a command still writes the admission policies that its engine's program needs.

`up` applies the policies while its engine starts, and the program applies those that are missing. An API
server compiles a policy for as long as a second before it stores it: a program that came in between would
send it once more, and the server compile it again. So the program waits until the command has sent them all.
The lock is the kernel's (flock) on a file in the working copy of the run, and ends with the command.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from sovereign_ai.files.writing import open_lock
from sovereign_ai.toolchain import try_lock, wait_until

_FILE = "policies.lock"
_PATIENCE_SECONDS = 60.0


def lock_policies(run: Path) -> int:
    """Lock the policies of a run, and return the descriptor that releases them when it is closed.

    Args:
        run: folder of the run's working copy, of mode 0700.

    Raises:
        OSError: the file cannot be made.
    """
    descriptor = open_lock(run / _FILE)
    try_lock(descriptor)
    return descriptor


def wait_for_command(run: Path | None, seconds: float = _PATIENCE_SECONDS) -> bool:
    """Wait until the command of a run has written the policies; return whether it writes any.

    Args:
        run: folder of the run's working copy; None where no command runs the engine.
        seconds: how long to wait. Whoever waited in vain writes them too.
    """
    if run is None:
        return False
    try:
        descriptor = open_lock(run / _FILE, create=False)
    except OSError:
        return False
    try:
        wait_until(partial(try_lock, descriptor), seconds)
    finally:
        os.close(descriptor)
    return True

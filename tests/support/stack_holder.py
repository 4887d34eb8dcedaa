"""Another process that holds a stack, for tests that kill or stop it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sovereign_ai.deploy.state.files import StackFiles

_PROGRAM = """
import sys, time
from pathlib import Path
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.files import StackFiles
with hold_stack(StackFiles(Path(sys.argv[1]), "lab", "lab", "stacks/lab"), "destroy", print):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(files: StackFiles) -> Iterator[subprocess.Popen[str]]:
    """Hold a stack by another process for as long as the block runs, unless the test ends it before."""
    argv = [sys.executable, "-c", _PROGRAM, str(files.folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()

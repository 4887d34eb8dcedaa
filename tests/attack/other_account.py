"""Runs the intruder as another account of this machine, and as our own for comparison."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

INTRUDER = Path(__file__).with_name("intruder.py")
NOBODY = pwd.getpwnam("nobody")


def as_nobody(*command: str) -> tuple[str, ...]:
    """Give the command that runs another as nobody, with no group and no capability of ours."""
    who = (
        f"--reuid={NOBODY.pw_uid}",
        f"--regid={NOBODY.pw_gid}",
        "--clear-groups",
        "--no-new-privs",
        "--bounding-set=-all",
    )
    return ("setpriv", *who, *command)


@cache
def interpreter() -> str:
    """Give an interpreter that nobody can run, since the tests' own may lie in a closed home."""
    assert os.geteuid() == 0, "these tests become another account, which only root can: run them as root"
    for candidate in (sys.executable, *(f"/usr/bin/python3{minor}" for minor in ("", ".11", ".12", ".13"))):
        if (
            shutil.which(candidate)
            and subprocess.run(as_nobody(candidate, "-c", ""), capture_output=True, check=False).returncode
            == 0
        ):
            return candidate
    message = "nobody can run no Python on this machine: apt-get install python3"
    raise AssertionError(message)


def intrude(*, own: bool = False, **task: Any) -> Any:
    """Let the intruder try something, as nobody or for comparison as our own account; give its report.

    Args:
        own: as our own account.
        task: name of a function of the intruder to its arguments.
    """
    command = (interpreter(), "-I", "-c", INTRUDER.read_text(encoding="utf-8"))
    done = subprocess.run(
        command if own else as_nobody(*command),
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

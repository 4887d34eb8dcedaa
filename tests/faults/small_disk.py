"""A small disk of its own for one state: run in a mount namespace, since mounting is root's.

    unshare --mount python -m tests.faults.small_disk FOLDER CASE

prints what happened as one JSON document.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.small_stack import SmallStack


def main(folder: Path, case: str) -> None:
    """Deploy, let the disk be full or read-only, try every verb, make room, and run once more."""
    stack = SmallStack(folder, objects=3)
    stack.home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", stack.home], check=True)
    if case != "full from the start":
        assert stack.run("up").code == 0
    filler = stack.home / "filler"
    before = stack.files.read()
    if case == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", stack.home], check=True)
    elif case == "full in the middle":
        pass
    else:
        fill(filler)
    stack.set("objects", "5")
    tries = {}
    if case == "full in the middle":
        with stack.at_work("up") as process:
            fill(filler)
            stack.unset("pause")
            _, words = process.communicate(timeout=120)
        tries["up"] = (process.returncode, words)
    else:
        for verb in ("up", "preview", "destroy"):
            done = stack.run(verb)
            tries[verb] = (done.code, done.words)
    untouched = stack.files.read() == before
    left = (
        [path.name for path in stack.files.pulumi_locks.iterdir()]
        if stack.files.pulumi_locks.is_dir()
        else []
    )
    if case == "read-only":
        subprocess.run(["mount", "-o", "remount,rw", stack.home], check=True)
    filler.unlink(missing_ok=True)
    last = stack.run("up")
    document = {
        "tries": tries,
        "untouched": untouched,
        "locks": left,
        "after": (last.code, last.words),
        "objects": stack.objects,
        "runs": [path.name for path in stack.files.runs.iterdir()],
    }
    print(json.dumps(document))  # noqa: T201 - what it is for


def fill(path: Path) -> None:
    """Write until the disk is full to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

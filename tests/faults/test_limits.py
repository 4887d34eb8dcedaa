"""Faults of the machine: a full or read-only disk, and limits of files, descriptors, processes and memory.

All of it runs on the small engine, which needs no cluster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_engine import command
from tests.support.small_stack import ROOT, SmallStack


def on_small_disk(folder: Path, case: str) -> dict[str, Any]:
    """Run a case in a mount namespace; without root, in a user namespace around it."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    argv = [*unshare, sys.executable, "-m", "tests.faults.small_disk", str(folder), case]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("case", ["full from the start", "full later", "full in the middle", "read-only"])
def test_a_disk_that_takes_nothing_is_named_the_state_stays_and_with_room_the_next_run_works(
    tmp_path: Path, case: str
) -> None:
    seen = on_small_disk(tmp_path, case)
    for verb, (code, words) in seen["tries"].items():
        assert code == (4 if case == "full in the middle" else 3), f"{verb}: {words}"
        assert "defect" not in words
        assert "Traceback" not in words
        assert str(tmp_path / "state" / "sovereign-ai") in words, f"{verb} names no file: {words}"
        assert "free some space" in words or "cannot be written" in words or "read-only" in words.lower(), (
            words
        )
    assert seen["untouched"]
    assert seen["after"][0] == 0, seen["after"]
    assert (seen["objects"], seen["runs"]) == (5, [])


def limited(stack: SmallStack, verb: str, limit: str) -> tuple[int, str]:
    """Run a command under a limit of its own, given as an option of `prlimit`.

    Set by a program in between, and not between fork and exec: gRPC, which other tests leave in this process,
    starts its threads again after a fork, and they abort where the child's descriptors are closed.
    """
    done = subprocess.run(
        ["prlimit", limit, "--", *command(stack.engine, stack.folder, verb)],
        cwd=ROOT,
        env=stack.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("size", "hint"), [(0, "ulimit -f"), (100, "ulimit -f"), (2_000, "ulimit -f")])
def test_a_file_size_limit_is_named_with_the_file_and_the_state_stays(
    tmp_path: Path, size: int, hint: str
) -> None:
    stack = SmallStack(tmp_path, objects=3)
    assert stack.run("up").code == 0
    before = stack.files.read()
    stack.set("objects", "40")
    code, words = limited(stack, "up", f"--fsize={size}")
    assert code in (3, 4), words
    assert hint in words
    assert str(stack.home) in words
    assert "defect" not in words
    assert stack.files.read() == before
    assert stack.is_whole(40)


@pytest.mark.parametrize("files", range(4, 16))
def test_a_limit_of_descriptors_is_named_and_the_state_stays(tmp_path: Path, files: int) -> None:
    stack = SmallStack(tmp_path, objects=3)
    assert stack.run("up").code == 0
    before = stack.files.read()
    stack.set("objects", "4")
    code, words = limited(stack, "up", f"--nofile={files}")
    assert "defect" not in words, words
    if code:
        assert "ulimit -n" in words or "ImportError" in words or "Too many open files" in words, words
        assert stack.files.read() == before
    assert stack.is_whole(4)

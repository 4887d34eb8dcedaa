"""A stack on the small engine, driven by commands in processes of their own, as a user drives the real
one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.process_table import kill_all, marked
from sovereign_ai.deploy.state.store import read_state
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.small_engine import command, write_engine, write_project

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes:
        code: its exit code.
        words: what it said, progress and problems.
    """

    code: int
    words: str

    @property
    def problems(self) -> list[str]:
        """The codes of its problems."""
        return [
            line.rsplit("[", 1)[1].rstrip("]")
            for line in self.words.splitlines()
            if line.endswith("]") and "[" in line
        ]


class SmallStack:
    """A stack `lab` of a project `lab` in a folder of its own, with a state of its own."""

    def __init__(self, folder: Path, objects: int = 3) -> None:
        self.engine = write_engine(folder / "engine")
        self.folder = write_project(folder / "lab")
        self.home = folder / "state"
        self.files = StackFiles(self.home / "sovereign-ai" / "pulumi", "lab", "lab", "lab")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(self.home),
            "STACK_OF_TEST": str(folder),
            "TMPDIR": str(folder),
        }
        self.set("objects", str(objects))

    def set(self, name: str, content: str = "") -> None:
        """Tell the engine something; see small_engine.py."""
        (self.engine.parent / name).write_text(content)

    def unset(self, name: str) -> None:
        """Take that back."""
        (self.engine.parent / name).unlink(missing_ok=True)

    def start(self, verb: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            command(self.engine, self.folder, verb),
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, verb: str) -> Done:
        """Run a command to its end."""
        with self.start(verb) as process:
            _, words = process.communicate(timeout=120)
        return Done(process.returncode, words)

    @contextmanager
    def at_work(self, verb: str) -> Iterator[subprocess.Popen[str]]:
        """Have a command at work, whose engine waits after its first step until `pause` is taken back."""
        self.set("pause")
        with self.start(verb) as process:
            assert process.stderr is not None
            heard = []
            for line in process.stderr:
                heard.append(line)
                if "object-" in line:
                    break
            assert process.poll() is None, "".join(heard)
            try:
                yield process
            finally:
                self.unset("pause")
                process.kill()
                kill_all(self.processes)

    def processes(self) -> list[int]:
        """Return every process that a command of this stack started, and the commands."""
        return marked(f"STACK_OF_TEST={self.env['STACK_OF_TEST']}".encode())

    def engine_processes(self) -> list[int]:
        """Return those that belong to the engine."""
        return [pid for pid in self.processes() if b"PULUMI_BACKEND_URL=" in _environment(pid)]

    def settle(self, count: int = 0, seconds: float = 20) -> bool:
        """Wait until so many processes of the engine are left."""
        return wait_until(lambda: len(self.engine_processes()) == count, seconds)

    def state(self, verb: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Run `sovereign-ai state`, and return its exit code and document."""
        argv = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            "state",
            verb,
            str(self.folder),
            "--stack",
            "lab",
            "--json",
            *more,
        ]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, document

    @property
    def objects(self) -> int:
        """How many objects the state holds; -1 if there is no stack."""
        held = read_state(self.files)
        return held.objects if held else -1

    def is_whole(self, objects: int) -> bool:
        """Tell whether a further `up` works, finds its objects and leaves nothing behind."""
        done = self.run("up")
        assert done.code == 0, done.words
        assert self.engine_processes() == []
        assert not list(self.files.runs.iterdir())
        assert not list(self.files.pulumi_locks.iterdir())
        return self.objects == objects


def _environment(pid: int) -> bytes:
    """Return the environment of a process; empty if it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

"""A stack in a folder and a state of its own, driven through the command line alone, on either local
plane.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api.client import Api, open_cluster

ROOT = Path(__file__).resolve().parents[1]


class Lab:
    """The lab on one plane."""

    def __init__(self, folder: Path, backend: str = "embedded") -> None:
        self.backend = backend
        self.stack = folder / "lab"
        shutil.copytree(ROOT / "stacks" / "lab", self.stack)
        self.env = os.environ | {"XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": cache_home()}

    def call(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command with `--json`; give its document."""
        command = [sys.executable, "-m", "sovereign_ai.cli", *arguments, "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        document: dict[str, Any] = orjson.loads(done.stdout)
        return document

    def on_plane(self, verb: str, *more: str, code: int = 0) -> dict[str, Any]:
        """Run a command about the stack on this plane."""
        return self.call(verb, str(self.stack), "--cluster", self.backend, *more, code=code)

    def cluster(self, verb: str, code: int = 0) -> dict[str, Any]:
        """Run a command about the plane itself."""
        return self.call("cluster", verb, "lab", "--cluster", self.backend, code=code)

    def verify(self, *more: str, code: int = 0) -> list[str]:
        """Name what `verify` found."""
        return sorted(
            finding["resource"] for finding in self.on_plane("verify", *more, code=code)["findings"]
        )

    def is_fine(self) -> bool:
        """Tell whether `verify` finds nothing now, probes apart."""
        command = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            "verify",
            str(self.stack),
            "--cluster",
            self.backend,
            "--no-probes",
        ]
        return subprocess.run(command, env=self.env, capture_output=True, check=False).returncode == 0

    def end(self) -> None:
        """Remove the plane, whatever state it is in."""
        command = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            "cluster",
            "down",
            "lab",
            "--cluster",
            self.backend,
        ]
        subprocess.run(command, env=self.env, capture_output=True, check=False)

    @cached_property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return Path(self.cluster("status")["kubeconfig"])

    @cached_property
    def api(self) -> Api:
        """A connection to the plane."""
        return open_cluster(self.kubeconfig)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until something holds; False if it did not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def cache_home() -> str:
    """The folder of caches, for tools are not built anew for a test."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")

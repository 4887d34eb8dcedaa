"""Launchers of the project's own plugins: they start the interpreter of this environment."""

from __future__ import annotations

import os
from pathlib import Path

from sovereign_ai.toolchain.cache import interpreter
from sovereign_ai.toolchain.launcher import write_launcher


def test_a_launcher_runs_this_interpreter_and_is_written_once(tmp_path: Path) -> None:
    path = write_launcher(tmp_path)
    assert os.access(path, os.X_OK)
    assert str(interpreter()) in path.read_text()
    before = path.stat().st_mtime_ns
    assert write_launcher(tmp_path) == path
    assert path.stat().st_mtime_ns == before

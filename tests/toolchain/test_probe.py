from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.toolchain import probe

from . import fakes


def test_a_plugin_that_never_says_its_port_states_no_version_and_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_LIMIT", 3.0)
    silent = tmp_path / "plugin"
    silent.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    silent.chmod(0o755)
    begun = time.monotonic()
    assert probe.version_of(replace(fakes.row(), kind="plugin"), silent) == ""
    assert time.monotonic() - begun < 20
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 5
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


@pytest.mark.parametrize(
    "text",
    ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho no port\n", "no program"],
    ids=["ends", "talks", "starts not"],
)
def test_what_is_no_plugin_states_no_version(tmp_path: Path, text: str) -> None:
    other = tmp_path / "plugin"
    other.write_text(text)
    other.chmod(0o755)
    assert probe.version_of(replace(fakes.row(), kind="plugin"), other) == ""


def _runs(pid: int) -> bool:
    """Tell whether a process is there and not only waits to be reaped."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False

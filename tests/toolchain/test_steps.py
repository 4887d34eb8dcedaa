from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sovereign_ai.toolchain import steps
from sovereign_ai.toolchain.steps import WayClosedError, run


def test_a_long_step_says_how_many_seconds_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_FIRST_REPORT", 0.2)
    said: list[str] = []
    run(
        [sys.executable, "-c", "import time; time.sleep(0.8)"],
        what="t: building",
        progress=said.append,
        log=tmp_path / "log",
    )
    assert len(said) == 1
    assert re.fullmatch(r"t: building, \d+ s", said[0])


def test_a_failed_step_gives_the_last_lines_of_its_log(tmp_path: Path) -> None:
    code = "print('go: downloading x'); print('the reason'); raise SystemExit(3)"
    with pytest.raises(WayClosedError, match="t: exit 3: the reason"):
        run([sys.executable, "-c", code], what="t", progress=print, log=tmp_path / "log")


def test_a_step_that_outlives_its_limit_is_ended_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    argv = ["/bin/sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"]
    with pytest.raises(WayClosedError, match="not done after"):
        run(argv, what="t", progress=lambda _: None, log=tmp_path / "log", limit=5.0)
    child = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _runs(child):
        time.sleep(0.05)
    assert not _runs(child)


def test_a_terminated_installation_leaves_no_build_behind(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "from pathlib import Path; from sovereign_ai.toolchain.steps import run; "
        f"run(['/bin/sh', '-c', 'echo $$ > {pid_file}; exec sleep 60'], what='t', progress=print, log=Path({str(tmp_path / 'log')!r}))"  # noqa: E501 - one literal text
    )
    installer = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (pid_file.is_file() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    installer.terminate()
    installer.wait(timeout=20)
    assert not _runs(int(pid_file.read_text()))


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def test_a_program_that_is_not_there_closes_the_way(tmp_path: Path) -> None:
    with pytest.raises(WayClosedError, match="does not start"):
        run([os.fspath(tmp_path / "none")], what="t", progress=print, log=tmp_path / "log")

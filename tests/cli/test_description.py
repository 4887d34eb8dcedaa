"""Reading a description whose own program does not end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cli import description

ROOT = Path(__file__).resolve().parents[2]


def test_a_description_that_does_not_end_is_told_and_can_be_interrupted(tmp_path: Path) -> None:
    (tmp_path / "factory.py").write_text("import time\nwhile True:\n    time.sleep(1)\n")
    argv = [sys.executable, "-m", "sovereign_ai.cli", "validate", str(tmp_path), "--json"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stderr is not None
        assert "still runs; Ctrl-C ends it" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert [one["code"] for one in orjson.loads(out)["problems"]] == ["interrupted"]


@pytest.mark.parametrize(
    ("file", "activity"),
    [("factory.yaml", "still read"), ("factory.py", "the description's own program still runs")],
)
def test_the_notice_says_whether_a_folder_holds_data_or_a_program(
    file: str, activity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def noted(line: str) -> contextlib.AbstractContextManager[None]:
        lines.append(line)
        return contextlib.nullcontext()

    monkeypatch.setattr(description, "_repeated_notice", noted)
    monkeypatch.setattr(description, "load", lambda _path: None)
    (tmp_path / file).touch()
    description.read_description(tmp_path)
    assert lines == [f"{tmp_path}: {activity}; Ctrl-C ends it"]

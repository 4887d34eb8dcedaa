"""Reading a description whose own program does not end."""

from __future__ import annotations

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


def test_the_notice_calls_a_folder_of_data_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = (ROOT / "stacks" / "lab" / "factory.yaml").read_text()
    (tmp_path / "factory.yaml").write_text(lab)
    monkeypatch.setattr(description, "_NOTICE_SECONDS", 0.01)
    description.read_description(tmp_path)
    assert capsys.readouterr().err.startswith(f"{tmp_path}: still read; Ctrl-C ends it")

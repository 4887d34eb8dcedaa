from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files.children import captured


def test_both_outputs_and_the_exit_code_are_returned() -> None:
    done = captured(["sh", "-c", "printf out; printf err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out", b"err")


def test_a_program_that_reads_and_prints_much_at_once_does_not_wait_for_ever() -> None:
    feed = os.urandom(4 << 20)
    assert captured(["cat"], feed=feed, seconds=60).stdout == feed


def test_a_program_without_input_finds_its_input_empty(tmp_path: Path) -> None:
    assert captured(["cat"], seconds=60).stdout == b""
    (tmp_path / "a").write_text("x")
    with (tmp_path / "a").open("rb") as file:
        assert captured(["cat"], source=file.fileno(), seconds=60).stdout == b"x"


def test_a_program_that_does_not_read_its_input_ends_as_it_likes() -> None:
    assert captured(["true"], feed=bytes(1 << 20), seconds=60).returncode == 0


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_program_that_prints_for_ever_is_killed(stream: str) -> None:
    with pytest.raises(EnvironmentLacksError, match="`sh` prints without end"):
        captured(["sh", "-c", f"exec cat /dev/zero >&{stream}"], seconds=60, most_bytes=1 << 20)


def test_a_program_that_does_not_end_is_killed_whether_it_closed_its_output_or_not() -> None:
    for text in ("", "os.close(1); os.close(2);"):
        code = f"import os, signal; {text} signal.pause()"
        with pytest.raises(subprocess.TimeoutExpired):
            captured([sys.executable, "-S", "-c", code], seconds=0.5)


def test_folder_and_environment_are_those_that_are_given(tmp_path: Path) -> None:
    done = captured(["/bin/sh", "-c", "pwd; echo $A"], folder=tmp_path, environment={"A": "x"})
    assert done.stdout.decode() == f"{tmp_path}\nx\n"


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        captured(["/nowhere/x"])

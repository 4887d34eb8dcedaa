"""A machine at its end is told as such, and never as a defect; a defect stays one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer

from sovereign_ai.cli.command import run_command
from sovereign_ai.cli.output import Output
from tests.life import ROOT

NUMBERS = [
    "EMFILE",
    "ENFILE",
    "ENOSPC",
    "EDQUOT",
    "EFBIG",
    "EROFS",
    "ENOMEM",
    "EAGAIN",
    "ENOBUFS",
    "EIO",
    "EACCES",
    "EPERM",
]
ERRORS: dict[str, BaseException] = {
    **{name: OSError(getattr(errno, name), os.strerror(getattr(errno, name))) for name in NUMBERS},
    "memory": MemoryError(),
    "thread": RuntimeError("can't start new thread"),
    "loader": ImportError("libssl.so.3: failed to map segment from shared object"),
    "tls": OSError("[ASN1] malloc failure"),
}


def _looped() -> BaseException:
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "loop")
        link.symlink_to("loop")
        try:
            link.resolve()
        except RuntimeError as error:
            return error
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _homeless() -> BaseException:
    try:
        Path("~nobody-has-this-name/x").expanduser()
    except RuntimeError as error:
        return error
    raise AssertionError


ERRORS |= {"loop": _looped(), "homeless": _homeless()}


def spoken(
    error: BaseException, capsys: pytest.CaptureFixture[str], wrapped: bool = False
) -> tuple[int, str]:
    def work(_output: Output) -> None:
        if wrapped:
            raise ValueError("a library gave up") from error
        raise error

    with pytest.raises(typer.Exit) as left:
        run_command("test", as_json=False, work=work)
    return left.value.exit_code, capsys.readouterr().err


@pytest.mark.parametrize("name", ERRORS)
def test_each_limit_of_the_machine_is_named_and_is_no_defect(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = spoken(ERRORS[name], capsys)
    assert code == 3
    assert "defect" not in text
    assert text.count("\n") >= 2, "it says what to do"


@pytest.mark.parametrize("name", ["EMFILE", "ENOSPC", "EFBIG", "ENOMEM", "EROFS", "memory", "thread"])
def test_a_limit_that_a_library_wraps_is_still_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = spoken(ERRORS[name], capsys, wrapped=True)
    assert code == 3
    assert "defect" not in text


@pytest.mark.parametrize(
    "limit", ["--fsize=0", "--fsize=4096", "--as=300000000", "--as=400000000", "--nofile=12", "--nofile=20"]
)
def test_a_command_under_a_limit_of_its_shell_ends_in_words(limit: str, tmp_path: Path) -> None:
    command = [
        "prlimit",
        limit,
        sys.executable,
        "-m",
        "sovereign_ai.cli",
        "render",
        str(ROOT / "stacks" / "lab"),
        "-o",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert done.returncode in {0, 3}, done.stderr
    assert (done.returncode == 3) is ("[" in done.stderr)

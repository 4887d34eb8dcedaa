"""The wrapper around every command: interruptions and defects."""

from __future__ import annotations

import errno
from pathlib import Path

import orjson
import pytest
import typer

from sovereign_ai.cli import output
from sovereign_ai.cli.command import run_command
from sovereign_ai.cli.output import Output


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupted_command_says_so_in_the_form_that_was_asked_for(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_output: output.Output) -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        run_command("up", as_json, work)
    said = capsys.readouterr()
    assert left.value.exit_code == 130
    if as_json:
        document = orjson.loads(said.out)
        assert (document["ok"], [one["code"] for one in document["problems"]], said.err) == (
            False,
            ["interrupted"],
            "",
        )
    else:
        assert said.out == ""
        assert "up was interrupted" in said.err


def test_an_interrupted_command_names_the_folder_whose_files_may_be_of_two_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_output: output.Output) -> None:
        (tmp_path / "new").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit):
        run_command("render", as_json=False, work=work, folder=tmp_path / "new")
    assert f"{tmp_path / 'new'} may lack files of this run" in capsys.readouterr().err


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


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("x"), OSError(errno.ENOTTY, "not a terminal")])
def test_what_is_no_limit_stays_a_defect_with_its_trace_in_a_file(
    error: Exception, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, text = spoken(error, capsys)
    assert code == 4
    assert "defect" in text
    assert len(list(tmp_path.glob("*.trace"))) == 1


def test_a_defect_is_told_also_where_its_trace_cannot_be_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    code, text = spoken(ValueError("odd"), capsys)
    assert code == 4
    assert "could not be kept" in text
    assert "Traceback" not in text

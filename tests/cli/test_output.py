"""What commands say keeps to 80 columns and loses no word."""

from __future__ import annotations

import contextlib
import doctest
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.cli import output
from sovereign_ai.cli.output import Output, wrapped
from sovereign_ai.errors import Problem, UsageError, Where

ROOT = Path(__file__).resolve().parents[2]


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(output).failed == 0


FULL = """standard output: the system refuses it: No space left on device [file-refused]
    free some space and run the command again
"""


def run_program(
    *arguments: str, output: str, errors: str | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the program with its streams led to files, which it buffers as it does by default."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open(output, "w") as out, contextlib.ExitStack() as stack:  # noqa: PTH123 - a device
        err = stack.enter_context(open(errors, "w")) if isinstance(errors, str) else errors  # noqa: PTH123
        argv = [sys.executable, "-m", "sovereign_ai.cli", *arguments]
        return subprocess.run(argv, stdout=out, stderr=err, text=True, check=False, cwd=ROOT, env=environ)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_standard_output_that_takes_nothing_is_told_on_standard_error(form: list[str]) -> None:
    done = run_program("validate", "stacks/lab", *form, output="/dev/full")
    assert (done.returncode, done.stderr) == (3, FULL)


@pytest.mark.parametrize("arguments", ["--help", "--version", "plan --help"])
def test_help_that_cannot_be_written_is_told_as_a_result_is(arguments: str) -> None:
    done = run_program(*arguments.split(), output="/dev/full")
    assert (done.returncode, done.stderr) == (3, FULL)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_problems_keep_to_80_columns_on_a_terminal_and_are_a_line_each_elsewhere(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    command = f"openssl genpkey -algorithm ed25519 -out {'k' * 20} && chmod 600 {'k' * 20}"
    hint = f"{'word ' * 11}`sovereign-ai up STACK --yes`\n{command}"
    quoted = f"{'x  y ' * 30}end"
    problem = Problem("odd", f"{'words ' * 20}end\n{quoted}", Where("factory.yaml", 3, 1), hint)
    with pytest.raises(typer.Exit):
        Output("validate").fail(UsageError(problem))
    lines = capsys.readouterr().err.removeprefix("\r\x1b[2K").splitlines()
    if not is_terminal:
        assert lines == problem.lines
        return
    assert f"    | {quoted}" in lines
    assert max(len(line) for line in lines if quoted not in line) <= 80
    # A command in backquotes is not divided, and another one as a shell takes it.
    assert sum("`sovereign-ai up STACK --yes`" in line for line in lines) == 1
    copied = "\n".join(lines).partition("    openssl")[2].replace("\\\n", "")
    assert " ".join(f"openssl{copied}".split()) == command


def test_a_hint_that_neighbours_share_is_printed_once_below_the_last_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hints = ["ask", "ask", "ask", "wait", "", ""]
    problems = [Problem("odd", f"number {number}", hint=hint) for number, hint in enumerate(hints)]
    with pytest.raises(typer.Exit):
        Output("validate").fail(UsageError(problems))
    lines = capsys.readouterr().err.removeprefix("\r\x1b[2K").splitlines()
    heads = [f"number {number} [odd]" for number in range(len(hints))]
    assert lines == [*heads[:3], "    ask", heads[3], "    wait", *heads[4:], "6 problems"]
    # A program reads each problem by itself.
    with pytest.raises(typer.Exit):
        Output("validate", as_json=True).fail(UsageError(problems))
    assert [each["hint"] for each in orjson.loads(capsys.readouterr().out)["problems"]] == hints


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_goes_takes_no_verdict_along(form: list[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "stacks" / "lab", tmp_path / "lab")
    described = tmp_path / "lab" / "factory.yaml"
    described.write_text(described.read_text().replace("jurisdiction: DE}", "jurisdiction: US}", 1))
    for stack, code in (("stacks/lab", 0), (tmp_path / "lab", 1), (tmp_path, 2)):
        argv = [sys.executable, "-m", "sovereign_ai.cli", "check", str(stack), *form]
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as running:
            assert running.stdout is not None
            running.stdout.close()
            assert running.wait(60) == code


def test_problems_keep_their_exit_code_where_nobody_can_be_told() -> None:
    assert (
        run_program("validate", "stacks/nothing-here", output="/dev/null", errors="/dev/full").returncode == 2
    )
    assert (
        run_program(
            "validate", "stacks/nothing-here", "--json", output="/dev/full", errors="/dev/full"
        ).returncode
        == 2
    )


def test_progress_that_nobody_can_be_told_changes_no_exit_code() -> None:
    program = (
        "from sovereign_ai.cli import main, output\n"
        "main.call = lambda _: output.Output('up').progress('one of three') or 0\n"
        "main.run()"
    )
    environ = {"PATH": os.environ["PATH"]}
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-c", program], stderr=full, check=False, cwd=ROOT, env=environ
        )
    assert done.returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_was_closed_is_one_that_nobody_reads(closed: str) -> None:
    command = f'"{sys.executable}" -m sovereign_ai.cli validate stacks/lab --json {closed}'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@given(
    some.lists(some.text("abcdef-/.", min_size=1, max_size=40), min_size=1, max_size=40),
    some.sampled_from(["", "  ", "    "]),
)
def test_a_sentence_keeps_to_80_columns_and_loses_no_word(words: list[str], indent: str) -> None:
    lines = wrapped(" ".join(words), indent)
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines).split() == words

"""Wrong usage: a code, the nearest right name and what to ask next, as text and as one JSON document."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.main import get_command

from sovereign_ai.cli.main import app, call

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
WRONG = [
    (["plna"], "there is no command 'plna'", "did you mean 'plan'? `sovereign-ai --help`"),
    (
        ["assess", "goodpt"],
        "there is no command 'goodpt'",
        "did you mean 'goodput'? `sovereign-ai assess --help`",
    ),
    (["plan", "--jsno"], "there is no option --jsno", "did you mean '--json'? `sovereign-ai plan --help`"),
    (["--nope"], "there is no option --nope", "`sovereign-ai --help`"),
    (["plan", LAB, "extra"], "unexpected extra argument", "`sovereign-ai plan --help`"),
    (["plan", "--output"], "option '--output' requires an argument", "`sovereign-ai plan --help`"),
    (["check", "--format", "xml"], "'xml' is not one of 'text', 'json'", "`sovereign-ai check --help`"),
    (
        ["verify", LAB, "--cluster", "knd"],
        "'knd' is not one of 'embedded', 'kind'",
        "did you mean 'kind'? `sovereign-ai verify --help`",
    ),
    (
        ["assess", "goodput", "--runs", "x"],
        "--runs': 'x' is no whole number from 0 to 100,000",
        "`sovereign-ai assess goodput --help`",
    ),
    (
        ["assess", "goodput", "--seed", "1.5"],
        "--seed': '1.5' is no whole number",
        "`sovereign-ai assess goodput --help`",
    ),
    (["verify", LAB, "--interval", "0"], "--interval': '0' is no number from 1 on", "`sovereign-ai verify"),
    (["verify", LAB, "--interval", "x"], "--interval': 'x' is no number from 1 on", "`sovereign-ai verify"),
    (
        ["hosts", "up", "--budget", "-1"],
        "--budget': '-1' is no whole number from 0 on",
        "`sovereign-ai hosts up --help`",
    ),
    (["explain"], "missing argument 'RULE'", "`sovereign-ai explain --help`"),
    (["evidence", "verify", "x"], "missing option '--key'", "`sovereign-ai evidence verify --help`"),
]


def groups_of(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command that has commands below it, the program itself first."""
    below = getattr(command, "commands", None)
    if below is not None:
        yield path
        for name, inner in below.items():
            yield from groups_of(inner, *path, name)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"), WRONG, ids=[" ".join(case[0][:2]) for case in WRONG]
)
def test_wrong_usage_is_a_problem_like_any_other(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(arguments) == 2
    text = capsys.readouterr()
    assert text.out == ""
    assert message in text.err
    assert "[usage]" in text.err
    assert hint in text.err
    assert call([*arguments[:1], "--json", *arguments[1:]]) == 2
    if arguments[0] not in {"assess", "hosts", "--nope", "evidence", "plna"}:
        [problem] = orjson.loads(capsys.readouterr().out)["problems"]
        assert (problem["code"], message in problem["message"], hint in problem["hint"]) == (
            "usage",
            True,
            True,
        )


def test_a_group_alone_shows_its_help_and_writes_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["assess"]) == 2
    text = capsys.readouterr()
    assert text.out == ""
    assert "goodput" in text.err


@pytest.mark.parametrize("command", ["schema", "rules --json", "--help"])
def test_a_reader_that_goes_away_is_no_error(command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "-m", "sovereign_ai.cli", *command.split()]
    with os.fdopen(write, "wb") as nobody:
        done = subprocess.run(argv, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", list(groups_of(get_command(app))), ids=" ".join)
def test_no_list_of_commands_breaks_off_in_the_midst_of_a_thought(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Commands:" in text
    assert "..." not in text.partition("Commands:")[2]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (["validate", ""], "an argument"),
        (["down", "", "--yes"], "an argument"),
        (["explain", ""], "an argument"),
        (["access", "list", ""], "an argument"),
        (["render", "stack", "-o", ""], "-o"),
        (["render", "stack", "--output="], "--output"),
        (["report", "--on", "2026-12-31", "-o", "x.html", "-o", ""], "-o"),
    ],
)
def test_an_empty_word_is_no_name_of_the_working_directory(
    line: list[str],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A shell's variable that is not set would remove the stack in it, or write into it."""
    monkeypatch.chdir(tmp_path)
    assert call(line) == 2
    assert f"{name} is empty [usage]\n    is a variable of the shell not set?" in capsys.readouterr().err
    assert call([*line, "--json"]) == 2
    [problem] = orjson.loads(capsys.readouterr().out)["problems"]
    assert problem["message"] == f"{name} is empty"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_text_is_an_option_s_own_matter(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "--on", ""]) == 2
    assert "is empty" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "check {lab} --on tomorrow",
        "report {lab} -o {out}/r.html --on tomorrow",
        "diff {lab} {lab} --on tomorrow",
        "design --gpus 64 --system dgx-h100 --site DE --on tomorrow",
        "assess sovereignty {lab} --on tomorrow",
        "assess cost {lab} --focus tomorrow",
        "evidence sign {lab} --key {key} -o {out}/e.json --on tomorrow",
        "evidence rotate {lab} --key {key} --next {key} --until tomorrow",
        "fabric render {lab} -o {out}/f --boot-server tomorrow",
        "fabric render {lab} -o {out}/f --dhcp-server tomorrow",
    ],
)
def test_a_value_that_is_wrong_is_named_with_its_option(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True
    )
    key.chmod(0o600)
    assert call(line.format(lab=LAB, key=key, out=tmp_path).split()) == 2
    option = line.split()[-2]
    assert capsys.readouterr().err.startswith(f"{option}: 'tomorrow' is no ")

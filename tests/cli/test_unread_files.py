"""Each file that a command is given and cannot read is named, for every command that reads several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import application
from sovereign_ai.cli.unread_files import with_other_files
from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, SpecError, Where
from tests.cli.test_output_places import GROWS, OUTPUTS, WITH_PATHS

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
_OF_A_PLANE = {"--kubeconfig"}
"""Read after everything else, and by some commands only where no plane of this machine is meant."""
_ASKED_FOR = {"--timestamp-url": "http://127.0.0.1:9", "--url": "https://127.0.0.1:9"}
"""Options without which others mean nothing; nothing is sent before all files were read."""
READ: dict[str, tuple[Any, list[str]]] = {}
for _name, _command, _option in WITH_PATHS:
    if _option not in OUTPUTS | GROWS | _OF_A_PLANE:
        READ.setdefault(_name, (_command, []))[1].append(_option)
SEVERAL = {name: found for name, found in READ.items() if len(found[1]) > 1}
"""Commands with more than one option that names what they read."""


def line(command: Any, options: list[str], missing: Path) -> list[str]:
    """Give a command its stack, a file that is missing for each option, and a word where one must be."""
    given: list[str] = []
    for parameter in command.params:
        name = next((opt for opt in parameter.opts if opt.startswith("-")), "")
        if name in options:
            given += [name, str(missing / f"{name[2:]}.x")]
        elif parameter.name == "stack":
            given.append(str(LAB))
        elif name == "--output":
            given += [name, str(missing / "output.json")]
        elif name in _ASKED_FOR:
            given += [name, _ASKED_FOR[name]]
        elif parameter.required and name:
            given += [name, "1"]
        elif parameter.required:
            given.append(str(missing / "argument.x"))
    return given


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_a_command_names_all_files_that_it_cannot_read(name: str, tmp_path: Path) -> None:
    command, options = SEVERAL[name]
    words = name.split()
    given = line(command, options, tmp_path)
    done = CliRunner().invoke(application(words[0]), [*words, *given, "--json"])
    wanted = {word for word in given if word.endswith(".x")}
    assert len(wanted) > 1
    problems = orjson.loads(done.stdout)["problems"]
    assert {problem["file"] for problem in problems} == wanted, done.output
    assert done.exit_code in (2, 3)
    assert list(tmp_path.iterdir()) == []


def problem(file: Path | str) -> Problem:
    return Problem("no-file", "No such file or directory", Where(str(file)), "name one")


def test_the_error_keeps_its_kind_and_its_own_words(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    error = with_other_files(SpecError(problem(first)), {"a": first, "b": [second, second]}, [])
    assert type(error) is SpecError
    assert [each.where.file for each in error.problems] == [str(first), str(second)]
    assert error.problems[0] == problem(first)


def test_an_error_of_another_form_keeps_what_it_says_besides_its_problems(tmp_path: Path) -> None:
    error = ApiError(problem(tmp_path / "a"), status=403, reason="Forbidden")
    whole = with_other_files(error, {"a": tmp_path / "a", "b": tmp_path / "b"}, [])
    assert isinstance(whole, ApiError)
    assert (whole.status, whole.reason, len(whole.problems)) == (403, "Forbidden", 2)
    assert len(error.problems) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"log": "log"},
        {"to": "made"},
        {"key": "pkcs11:token=lab;object=evidence"},
        {"output": "written"},
        {"site": "north=no-path"},
        {"there": "."},
    ],
    ids=[
        "a log that begins",
        "a folder that is made",
        "a key in a module",
        "what it writes",
        "a word",
        "a folder that is there",
    ],
)
def test_what_need_not_be_there_is_not_named(given: dict[str, str], tmp_path: Path) -> None:
    values: dict[str, Any] = {name: Path(text) for name, text in given.items() if name != "site"}
    error = SpecError(problem(tmp_path / "a"))
    values |= {"a": tmp_path / "a", "site": given.get("site")}
    assert with_other_files(error, values, [Path("written")]) is error


def test_an_error_about_anything_else_stays_as_it_is(tmp_path: Path) -> None:
    error: SovereignError = EnvironmentLacksError(Problem("no-cluster", "it does not answer"))
    assert with_other_files(error, {"a": tmp_path / "a"}, []) is error
    error = SpecError(problem(LAB / "factory.yaml"))
    assert with_other_files(error, {"a": tmp_path / "a", "stack": LAB}, []) is error

"""The command line as a whole: help, exit codes, and what may be loaded when."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app, application

STACKS = Path(__file__).resolve().parents[2] / "stacks"
COMMANDS = (
    "acceptance",
    "access",
    "assess",
    "audit",
    "catalog",
    "check",
    "cluster",
    "design",
    "diff",
    "doctor",
    "drift",
    "down",
    "env",
    "evidence",
    "explain",
    "fabric",
    "hosts",
    "images",
    "init",
    "inventory",
    "jobs",
    "keys",
    "plan",
    "platform",
    "preview",
    "render",
    "repair",
    "report",
    "rules",
    "schema",
    "state",
    "tools",
    "top",
    "up",
    "validate",
    "verify",
    "waiver",
    "why",
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_every_promised_command_is_there() -> None:
    assert set(get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_made_alone_is_the_one_of_the_whole_program(name: str) -> None:
    alone, whole = get_command(application(name)), get_command(app)
    assert list(alone.commands) == [name]  # type: ignore[attr-defined]
    assert list(leaves(alone)) == [path for path in leaves(whole) if path[0] == name]


def leaves(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path
        return
    for name, one in sorted(below.items()):
        yield from leaves(one, *path, name)


@pytest.mark.parametrize("path", list(leaves(get_command(app))), ids=" ".join)
def test_every_help_is_narrow_and_shows_an_example(path: tuple[str, ...]) -> None:
    result = call(*path, "--help")
    assert result.exit_code == 0
    assert "Example: " in result.stdout
    assert "--json" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("path", list(leaves(get_command(app))), ids=" ".join)
def test_no_help_shows_a_type_of_the_language_that_it_is_written_in(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from sovereign_ai.cli.main import call as run

    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    # What is to be written is named in capital letters; small ones are written as they stand: <roce|any>.
    assert re.findall(r"<(?![a-z0-9-]+(?:\|[a-z0-9-]+)+>)[^>=]*>", text) == []
    usage = text.partition("\n\n")[0].partition("[OPTIONS]")[2]
    assert usage == usage.upper()
    assert max(map(len, text.splitlines())) <= 80


def test_a_letter_means_one_option_and_an_option_has_the_same_letter_everywhere() -> None:
    program: Any = get_command(app)
    letters: dict[str, set[str]] = {}
    options: dict[str, set[str]] = {}
    for path in leaves(program):
        command = program
        for word in path:
            command = command.commands[word]
        for parameter in command.params:
            short = " ".join(opt for opt in parameter.opts if re.fullmatch("-[a-z]", opt))
            for name in (opt for opt in parameter.opts if opt.startswith("--")):
                options.setdefault(name, set()).add(short)
                letters.setdefault(short, set()).add(name)
    assert {name: found for name, found in options.items() if len(found) > 1} == {}
    assert {short: found for short, found in letters.items() if short and len(found) > 1} == {}
    assert letters["-o"] == {"--output"}


def test_help_and_import_load_neither_pulumi_nor_a_kubernetes_client() -> None:
    code = (
        "import sys, sovereign_ai, sovereign_ai.cli.main\n"
        "heavy = {'pulumi', 'kubernetes', 'grpc', 'yaml', 'pydantic', 'rich', 'requests', 'urllib3'} & set(sys.modules)\n"  # noqa: E501 - one literal text
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_validate_loads_no_plugin_that_another_package_installed_for_pydantic(tmp_path: Path) -> None:
    installed = tmp_path / "watching-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: watching\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[pydantic]\nwatching = watching:plugin\n")
    (tmp_path / "watching.py").write_text("print('watched')\n")
    command = [sys.executable, "-m", "sovereign_ai.cli", "validate", str(STACKS / "lab")]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(STACKS.parent), str(tmp_path)])}
    environ.pop("PYDANTIC_DISABLE_PLUGINS", None)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "watched" not in done.stdout
    # The control: by its default, pydantic loads it.
    by_default = environ | {"PYDANTIC_DISABLE_PLUGINS": ""}
    done = subprocess.run(command, env=by_default, capture_output=True, text=True, check=False)
    assert "watched" in done.stdout


def test_an_unknown_option_is_wrong_usage() -> None:
    assert call("plan", "--jsno").exit_code == 2


def test_a_missing_stack_is_bad_input_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    result = call("plan", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "nowhere" in result.stderr


def _inside(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def commands_in(text: str) -> list[tuple[str, str]]:
    """Return the first two words of each command of ours that stands in backticks."""
    return re.findall(r"`sovereign-ai ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text)


def texts_of_the_project() -> list[Path]:
    root = STACKS.parent
    return [*root.glob("sovereign_ai/**/*.py"), *root.glob("docs/**/*.md"), *root.glob("*.md")]


def options_in(text: str, program: Any) -> Iterator[tuple[str, Any, set[str]]]:
    """Yield each line of ours in backticks or in a block, the command that it names, and its options."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"sovereign-ai [^)\"&;#\n]*", "\n".join(blocks))
    lines += re.findall(r"`sovereign-ai ([^`]*)`", text)
    for line in lines:
        # In a block, what stands behind two blanks says what the command does.
        words = re.split(r"\s{2,}", line.removeprefix("sovereign-ai "))[0].split()
        command = program
        for word in words:
            command = getattr(command, "commands", {}).get(word, command)
        names = set()
        for word in words:
            names |= set(re.findall(r"^--?[a-z][a-z-]*", word.strip("[]'.,|")))
        yield line, command, names


def test_every_option_that_a_text_names_with_its_command_is_one() -> None:
    named, wrong, program = 0, [], get_command(app)
    for path in texts_of_the_project():
        for line, command, names in options_in(path.read_text(encoding="utf-8"), program):
            known = {"--help", "-h", "--install-completion"}
            for parameter in command.params:
                known |= {*parameter.opts, *parameter.secondary_opts}
            named += len(names)
            if not names <= known and not getattr(command, "commands", None):
                wrong.append(f"{path.name}: {line}: {', '.join(names - known)}")
    assert named > 100
    assert wrong == []


def test_every_command_that_a_text_names_is_one() -> None:
    root = STACKS.parent
    texts = texts_of_the_project()
    known: Any = get_command(app)
    named, wrong = 0, []
    for path in texts:
        for group, command in commands_in(path.read_text(encoding="utf-8")):
            named += 1
            inner = known.commands.get(group)
            # The word behind a command that has none below it is an argument.
            if inner is None or (command and command not in getattr(inner, "commands", {command: None})):
                wrong.append(f"{path.relative_to(root)}: {group} {command}")
    assert named > 200
    assert wrong == []


@pytest.mark.parametrize("entry", [".", "", "bin", "./bin", "../w"])
@pytest.mark.parametrize("place", ["{entry}:{path}", "{path}:{entry}", "{path}:{entry}:{path}", "{entry}"])
def test_no_program_of_the_working_folder_is_run_whatever_path_says(
    tmp_path: Path, entry: str, place: str
) -> None:
    """The folder may be anybody's."""
    folder = tmp_path / "w"
    for file in (folder / "uname", folder / "bin" / "uname"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        file.chmod(0o755)
    path = place.format(entry=entry, path="/usr/sbin:/usr/bin:/sbin:/bin")
    # One program with all of its imports for twenty values would take a minute.
    code = (
        "import os, subprocess; from sovereign_ai.cli import main; main._drop_relative_folders();"
        "subprocess.run(['uname'], check=True, stdout=subprocess.DEVNULL);"
        "print(os.environ['PATH'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
    )
    assert not (tmp_path / "ran").exists()
    assert all(part.startswith("/") for part in done.stdout.split()[-1].split(":"))


def test_a_command_drops_them_before_it_runs_anything(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "docker").chmod(0o755)
    environ = {**os.environ, "PATH": f".:{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path / "state")}
    argv = [sys.executable, "-P", "-m", "sovereign_ai.cli", "doctor"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=environ)
    assert "container engine" in done.stdout
    assert not (tmp_path / "ran").exists()

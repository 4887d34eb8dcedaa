"""The line `next:` of a command can be copied: it names the stack, and its options exist."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from sovereign_ai.cli import keys, state
from sovereign_ai.cli.drift import _next_lines
from sovereign_ai.cli.main import app
from sovereign_ai.cli.output import laid_out, next_line
from sovereign_ai.deploy import StackFiles

CLI = Path(keys.__file__).parent
WRITTEN_OUT = {"output.py"}


def is_taken(line: str) -> bool:
    """Return whether the program has the command of a line, and the command each of its options."""
    program, *words = shlex.split(line.removeprefix("next: "))
    assert program == "sovereign-ai"
    command: Any = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    options: set[str] = set()
    for parameter in command.params:
        options.update(parameter.opts)
    return not hasattr(command, "commands") and {word for word in words if word[:1] == "-"} <= options


def test_only_one_function_writes_the_line() -> None:
    for path in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and str(node.value).startswith("next: "):
                assert path.name in WRITTEN_OUT, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("arguments", ["'my stack' --hosts", "lab --stack a --cluster kind"])
def test_after_a_repair_of_a_state_the_next_command_takes_the_stack_that_was_repaired(
    arguments: str, tmp_path: Path
) -> None:
    line = state._next_after_repair(StackFiles(tmp_path, "lab", "lab", arguments))
    assert is_taken(line)
    assert shlex.split(arguments)[0] in shlex.split(line)


@pytest.mark.parametrize("policy", ["restore", "report"])
def test_after_drift_the_next_command_names_stack_and_cluster(policy: str) -> None:
    line = _next_lines(Path("my stack"), policy, ["--cluster", "kind", "--stack", "a"])[-1]
    assert is_taken(line)
    assert line.endswith("--cluster kind --stack a")
    assert "'my stack'" in line


def test_after_a_rotation_the_next_command_names_one_of_several_stacks() -> None:
    line = next_line("keys", "reencrypt", "lab", *keys._named("lab-ber1"))
    assert is_taken(line)
    assert line.endswith("--stack lab-ber1")


def test_an_option_that_a_command_lacks_is_noticed() -> None:
    assert not is_taken("next: sovereign-ai preview lab --hosts")
    assert not is_taken("next: sovereign-ai hosts lab")


def test_a_long_line_is_laid_out_below_its_indent_and_a_command_stays_whole() -> None:
    command = next_line("verify", "stacks/lab", "--kubeconfig", "k" * 80)
    assert laid_out([command]) == [command]
    first, *further = laid_out(["  " + "word " * 30])
    assert first.startswith("  word")
    assert all(line.startswith("      word") for line in further)
    assert max(map(len, [first, *further])) <= 80

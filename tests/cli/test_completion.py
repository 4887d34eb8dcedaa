"""Shells complete each name that a command knows without looking at a stack or a cluster.

The table of what completes and of what cannot is compared with the commands: a new parameter has its place.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
import shellingham
from typer.main import get_command
from typer.testing import CliRunner

from sovereign_ai.catalog import KINDS, countries
from sovereign_ai.cli import completion
from sovereign_ai.cli.main import app, call
from sovereign_ai.rules import REGISTRY
from sovereign_ai.toolchain.table import TOOLS

ROOT = Path(__file__).resolve().parents[2]
COMPLETED = {
    "access approve --from": ("D", "DE"),
    "access approve --kind": ("sh", "shell"),
    "assess job --for": ("ks", "kserve"),
    "catalog compare NAMES": ("mi300", "mi300x"),
    "catalog list KIND": ("des", "design"),
    "catalog new KIND": ("sw", "switch"),
    "catalog show NAME": ("qm97", "qm9700"),
    "design --border-ports": ("16@4", "16@400 Gbps"),
    "design --management": ("7@sys", "7@sys-221h-tnr"),
    "design --system": ("dgx-h1", "dgx-h100"),
    "explain RULE": ("RES-00", "RES-001"),
    "inventory adopt --format": ("co", "containerlab"),
    "inventory adopt --model": ("h100=dgx-h1", "h100=dgx-h100"),
    "keys restore LEVEL": ("h", "high"),
    "keys revoke LEVEL": ("l", "low"),
    "keys rotate KEY": ("pl", "plane"),
    "platform settings CONTROLLER": ("gpu", "gpu-operator"),
    "render --gitops": ("f", "flux"),
    "tools install NAMES": ("etc", "etcd"),
    "tools verify NAME": ("etc", "etcd"),
}
"""Parameters, as their commands write them, with the beginning of a name and the name."""
OF_A_STACK = {
    "access approve --approver",
    "access approve --namespace",
    "access approve --person",
    "cluster down NAME",
    "cluster rotate NAME",
    "cluster status NAME",
    "cluster up NAME",
    "down --allow-delete",
    "fabric observe --plane",
    "fabric twin test --plane",
    "hosts check --limit",
    "hosts configure --limit",
    "hosts prep --limit",
    "hosts preview --limit",
    "hosts up --limit",
    "fabric twin up --plane",
    "plan --phase",
    "preview --allow-delete",
    "repair accept NODE",
    "repair inject NODE",
    "up --allow-delete",
    "waiver sign WAIVER",
}
"""Names that a description or its plan has; the stack may stand behind them on the command line."""
OF_A_CLUSTER = {
    "access revoke ID_",
    "jobs cancel WORK",
    "jobs logs --pod",
    "jobs logs WORK",
    "jobs status WORK",
    "why WORKLOAD",
}
OF_A_FILE = {"inventory adopt --site"}
OF_ONE_S_OWN = {
    "catalog new NAME",
    "design --name",
    "init --name",
    "render --repo-secret",
    "render --revision",
}
"""Names that are chosen, or live in another system."""
MORE_THAN_A_NAME = {"design --site"}
"""A country or a file: shells complete files where a program completes nothing."""
NO_NAME = re.compile(
    r"ADDRESS|CAPACITY|CODE|DAYS?|FILE(\.csv|\.\.\.)?|FOLDER|HOURS|IMAGE|INDEX|LABEL|LINES|MONTH|N|NAME=PATH|OID|PATH"
    r"|PLACE|RATIO|SECONDS|SITE=FILE|SITE=KWH,KW|STACK|TEXT|TIMES?|URL"
)
"""What stands for a number, a time, a file or a text."""


def parameters(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each parameter of each command whose value is a text, as the command writes it."""
    command = command or get_command(app)
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name, child in inner.items():
            yield from parameters(child, (*words, name))
        return
    for parameter in command.params:
        if parameter.bare_type() not in ("str", "list[str]"):
            continue
        written = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
        yield " ".join((*words, written)), parameter


def test_each_parameter_that_takes_a_name_completes_it_or_cannot() -> None:
    names = {written for written, parameter in parameters() if not NO_NAME.fullmatch(parameter.metavar or "")}
    # `--stack` names a cluster of the plan.
    names = {name for name in names if not name.endswith(" --stack")}
    elsewhere = OF_A_STACK | OF_A_CLUSTER | OF_A_FILE | OF_ONE_S_OWN | MORE_THAN_A_NAME
    assert names - elsewhere == {*COMPLETED}
    assert elsewhere - names <= MORE_THAN_A_NAME


def _shell(shell: str, words: str) -> tuple[list[str], dict[str, str]]:
    """Return how a shell calls the program to complete the last of some words."""
    variables = {"_SOVEREIGN_AI_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        variables |= {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    else:
        variables |= {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return [sys.executable, "-m", "sovereign_ai.cli"], variables


def complete(words: str, monkeypatch: pytest.MonkeyPatch, shell: str = "bash") -> list[str]:
    """Complete the last of some words, in this process, as a shell asks for it."""
    _, variables = _shell(shell, f"sovereign-ai {words}")
    with monkeypatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        shown = io.StringIO()
        with redirect_stdout(shown), suppress(SystemExit):
            get_command(app).main([], prog_name="sovereign-ai", complete_var="_SOVEREIGN_AI_COMPLETE")
    return [line for line in shown.getvalue().splitlines() if line]


@pytest.mark.parametrize("written", COMPLETED)
def test_a_name_is_completed_where_its_command_takes_it(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, name = COMPLETED[written]
    command, _, parameter = written.rpartition(" ")
    words = command
    if parameter.startswith("--"):
        words = f"{command} {parameter}"
    elif command.startswith(("keys", "platform")):
        words = f"{command} stacks/lab"
    # A shell hands a word with a blank over in quotation marks.
    lines = complete(f"{words} {begun}", monkeypatch)
    assert name in lines
    assert len(lines) == len({*lines})
    if begun.isascii() and not {"@", "="} & {*begun}:
        assert complete(f"{words} no-such-{begun}", monkeypatch) == []


def test_all_rules_kinds_and_tools_are_offered_where_nothing_was_typed_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert completion.complete_rule("") == [rule.id for rule in REGISTRY]
    assert completion.complete_listed_kind("") == [*KINDS, "design"]
    assert completion.complete_tool("") == [*TOOLS]
    assert len(completion.complete_country("")) == len(countries())
    assert complete("explain ", monkeypatch)[0] == REGISTRY[0].id
    assert "res-001" in complete("explain res-00", monkeypatch)


def test_rows_of_one_s_own_are_completed_and_beside_a_row_those_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hardware.yaml"
    made = CliRunner().invoke(app, ["catalog", "new", "nic", "our-own-card", "-o", str(file)])
    assert made.exit_code == 0, made.output
    assert "our-own-card" not in complete("catalog show our-", monkeypatch)
    broken = tmp_path / "broken.yaml"
    broken.write_text("rows: [")
    assert "dgx-h200" in complete(f"catalog show --with {broken} dgx-h", monkeypatch)
    beside = complete("catalog compare dgx-h100 ", monkeypatch)
    assert "dgx-h200" in beside
    assert {"dgx-h100", "qm9700", "mi300x"}.isdisjoint(beside)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_rules_and_rows(shell: str) -> None:
    for words, name in (("explain RES-00", "RES-001"), ("catalog show qm97", "qm9700")):
        argv, variables = _shell(shell, f"sovereign-ai {words}")
        done = subprocess.run(
            argv, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
        )
        assert name in done.stdout, done
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
@pytest.mark.parametrize("found", ["dash", None], ids=["another shell", "no shell"])
def test_a_shell_that_has_no_completion_is_told_which_have(
    option: str, found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def detect() -> tuple[str, str]:
        if found is None:
            raise shellingham.ShellDetectionFailure
        return found, f"/bin/{found}"

    monkeypatch.setattr(shellingham, "detect_shell", detect)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert call([option]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "[no-shell]" in told.err
    assert "bash, zsh, fish or PowerShell" in told.err
    assert list(tmp_path.iterdir()) == []

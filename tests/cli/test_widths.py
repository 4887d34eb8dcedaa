"""What commands say to a person fits into 80 columns: run where no cluster is needed, read where one is.

A line may be longer only by a word that stays whole, such as a path, an address or a digest.
"""

from __future__ import annotations

import ast
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cli.output import continued

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "sovereign_ai" / "cli"
COLUMNS = 80
ON_A_STACK = """
acceptance plan {stack}
access list {stack}
assess cost {stack} --why
assess energy {stack} --why
assess goodput {stack} --runs 20 --why
assess sovereignty {stack}
check {stack}
cluster status
fabric check {stack}
fabric render {stack} -o {out}/fabric
hosts prep {stack} --dry-run
plan {stack} --why
plan {stack} --cables
platform objects {stack}
platform show {stack}
render {stack} -o {out}/objects
render {stack} -o {out}/chart --helm
render {stack} -o {out}/delivered --gitops flux --repo-url https://git.example.com/lab.git
repair inject {stack} --seed 1 --days 2 -o {out}/faults.csv
repair simulate {stack} --days 2
report {stack} -o {out}/report.html
state check {stack}
validate {stack}
waiver list {stack}
"""
ALONE = """
catalog compare dgx-h100 dgx-b200
catalog list
catalog list design
catalog new system our-server -o {out}/hardware.yaml
catalog show dgx-h100
cluster list
design --gpus 64 --system dgx-h100 --site DE
diff stacks/lab stacks/plural
explain RES-001
init {out}/new --dry-run
rules
"""
PRINT_A_FILE = {
    "assess figures",
    "cluster config",
    "env",
    "platform sbom",
    "platform settings",
    "schema",
    "tools sbom",
}
"""Commands whose output is for another program."""
NEED_MORE = {
    "acceptance judge",
    "access approve",
    "access grant",
    "access revoke",
    "assess job",
    "audit",
    "catalog check",
    "cluster down",
    "cluster engine down",
    "cluster engine status",
    "cluster engine up",
    "cluster rotate",
    "cluster up",
    "doctor",
    "down",
    "drift",
    "fabric observe",
    "fabric twin down",
    "fabric twin test",
    "fabric twin up",
    "hosts check",
    "hosts configure",
    "hosts forget",
    "hosts preview",
    "hosts up",
    "images verify",
    "inventory adopt",
    "inventory check",
    "inventory label",
    "inventory push",
    "inventory simulate",
    "jobs cancel",
    "jobs list",
    "jobs logs",
    "jobs run",
    "jobs scale",
    "jobs status",
    "jobs usage",
    "keys init",
    "keys reencrypt",
    "keys restore",
    "keys revoke",
    "keys rotate",
    "keys status",
    "platform check",
    "platform kubeconfig",
    "preview",
    "repair accept",
    "repair run",
    "repair status",
    "state move",
    "state repair",
    "state unlock",
    "tools install",
    "tools node-image",
    "tools verify",
    "top",
    "up",
    "verify",
    "waiver sign",
    "why",
}
"""Commands that need a cluster, machines, keys or files of another system."""


def too_wide(text: str) -> list[str]:
    """Return the lines that do not fit, although they could be divided at a blank."""
    wide = []
    for line in text.splitlines():
        words = line.removesuffix(" \\").split()
        is_path_with_label = len(words) == 2 and "/" in words[1]
        if len(line) > COLUMNS and len(words) > 1 and not is_path_with_label:
            wide.append(line)
    return wide


def called(line: str, stack: str, out: Path) -> str:
    """Run a command as a person does, and return what it says."""
    words = shlex.split(line.format(stack=f"stacks/{stack}", out=out))
    result = CliRunner().invoke(app, words, env={"COLUMNS": str(COLUMNS)}, catch_exceptions=False)
    assert result.exit_code in (0, 1, 3), result.output
    # The folder of a test has a long name.
    return result.stdout.replace(str(out), "/out")


@pytest.mark.parametrize("stack", ["lab", "plural"])
@pytest.mark.parametrize("line", ON_A_STACK.split("\n")[1:-1])
def test_a_command_on_a_stack_keeps_to_80_columns(
    line: str, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert too_wide(called(line, stack, tmp_path)) == []


def test_signing_and_verifying_evidence_keeps_to_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key, public, signed = (tmp_path / name for name in ("key.pem", "public.pem", "evidence.json"))
    for words in (f"genpkey -algorithm ed25519 -out {key}", f"pkey -in {key} -pubout -out {public}"):
        subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    key.chmod(0o600)
    assert too_wide(called(f"evidence sign {{stack}} --key {key} -o {signed}", "lab", tmp_path)) == []
    for more in ("", " --no-log"):
        verify = f"evidence verify {signed} {{stack}} --key {public}{more}"
        assert too_wide(called(verify, "lab", tmp_path)) == []
    rotate = f"evidence rotate {{stack}} --key {key} --next {key} --until 2037-12-31"
    assert too_wide(called(rotate, "lab", tmp_path)) == []
    assert too_wide(called(f"waiver key --key {key}", "lab", tmp_path)) == []


@pytest.mark.parametrize("line", ALONE.split("\n")[1:-1])
def test_a_command_by_itself_keeps_to_80_columns(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert too_wide(called(line, "", tmp_path)) == []


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the words of each command."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words)
        return
    for name, child in inner.items():
        yield from _commands(child, (*words, name))


def test_each_command_is_run_here_or_cannot_be() -> None:
    known = {*_commands(get_command(app))}
    run = set()
    for line in [*ON_A_STACK.split("\n"), *ALONE.split("\n")]:
        run |= {command for command in known if line == command or line.startswith(f"{command} ")}
    run |= {"evidence rotate", "evidence sign", "evidence verify", "waiver key"}
    assert known - run - PRINT_A_FILE == NEED_MORE
    assert not run & NEED_MORE


LAYING_OUT = {"wrapped", "hanging", "table", "wrap", "continued"}
TYPICAL = 12
"""Columns of a value whose length nobody knows: a name or a number."""


def _written(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what a module appends to lines, or prints as lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = ast.unparse(node.func.value)
            if node.func.attr == "finish":
                yield from node.args[1:2]
            elif node.func.attr in ("append", "extend") and "line" in target:
                yield from node.args
        elif isinstance(node, ast.AugAssign | ast.Assign):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            if ast.unparse(target) == "lines":
                yield node.value


def _texts(written: ast.expr) -> Iterator[tuple[ast.expr, int]]:
    """Yield the texts of an expression that nothing lays out, each with the columns that it needs."""
    if isinstance(written, ast.Call) and ast.unparse(written.func) in LAYING_OUT:
        return
    if isinstance(written, ast.JoinedStr):
        columns = 0
        for part in written.values:
            columns += len(part.value) if isinstance(part, ast.Constant) else TYPICAL
        yield written, columns
        return
    if isinstance(written, ast.Constant) and isinstance(written.value, str):
        yield written, len(written.value)
    for child in ast.iter_child_nodes(written):
        if isinstance(child, ast.expr):
            yield from _texts(child)


def test_no_line_of_a_command_is_longer_than_80_columns_as_it_is_written() -> None:
    wide = []
    for path in sorted(CLI.glob("*.py")):
        for written in _written(ast.parse(path.read_text(encoding="utf-8"))):
            for text, columns in _texts(written):
                if columns > COLUMNS:
                    wide.append(f"{path.name}:{text.lineno}: {ast.unparse(text)}")
    assert sorted({*wide}) == []


def test_problems_among_the_results_of_a_command_are_laid_out() -> None:
    laid_out = 0
    for path in sorted(CLI.glob("*.py")):
        if path.name not in {"main.py", "output.py"}:
            for line in path.read_text(encoding="utf-8").splitlines():
                laid_out += "problem_lines(problem.lines)" in line
                assert "problem.lines" not in line.replace("problem_lines(problem.lines)", ""), path.name
    assert laid_out >= 3


def test_the_search_finds_a_line_that_nothing_lays_out() -> None:
    long = "x " * 45
    for text in (f"lines.append({long!r})", f"lines += [{long!r}]", f"output.finish(d, [f'{long}{{n}}'])"):
        [written] = _written(ast.parse(text))
        assert [columns > COLUMNS for _, columns in _texts(written)] == [True]
    [written] = _written(ast.parse(f"lines += wrapped({long!r})"))
    assert list(_texts(written)) == []


def test_an_instruction_with_an_apostrophe_keeps_its_words() -> None:
    text = "all_reduce_perf -b 16G on the rail's GPU of every machine" + " and another one" * 4
    assert " ".join(" ".join(continued(text)).split()) == text


@pytest.mark.parametrize(
    "command",
    [
        "fio --name=a",
        "fio " + " ".join(f"--option-{number}=value" for number in range(30)),
        "echo " + " ".join(["'two words'", '"a \\" b"', "back\\ slash", "--x='" + "y" * 90 + "'"] * 4),
        "kubectl create secret generic a --dry-run=client -o yaml | kubectl apply --server-side -f - && true",
    ],
)
def test_a_command_over_several_lines_is_the_same_command_to_a_shell(command: str) -> None:
    lines = continued(command, "  ")
    assert too_wide("\n".join(lines)) == []
    assert all(line.endswith(" \\") for line in lines[:-1])
    words = "for word in {}; do printf '%s\\0' \"$word\"; done"
    if "|" in command:
        assert shlex.split("\n".join(lines).replace("\\\n", " ")) == shlex.split(command)
        return
    both = []
    for text in (command, "\n".join(lines)):
        done = subprocess.run(["sh", "-c", words.format(text)], capture_output=True, check=True)
        both.append(done.stdout)
    assert both[0] == both[1]

"""The command line as a whole: help, exit codes, and what may be loaded when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"
COMMANDS = (
    "acceptance",
    "access",
    "assess",
    "audit",
    "check",
    "cluster",
    "diff",
    "doctor",
    "down",
    "env",
    "evidence",
    "explain",
    "fabric",
    "hosts",
    "init",
    "inventory",
    "keys",
    "plan",
    "preview",
    "render",
    "report",
    "rules",
    "schema",
    "tools",
    "up",
    "validate",
    "verify",
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_every_promised_command_is_there() -> None:
    assert set(get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]


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


def test_help_and_import_load_neither_pulumi_nor_a_kubernetes_client() -> None:
    code = (
        "import sys, sovereign_ai, sovereign_ai.cli.main\n"
        "heavy = {'pulumi', 'kubernetes', 'grpc', 'yaml', 'pydantic', 'rich', 'requests', 'urllib3'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_option_is_wrong_usage() -> None:
    assert call("plan", "--jsno").exit_code == 2


def test_a_missing_stack_is_bad_input_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    result = call("plan", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "nowhere" in result.stderr


def test_json_says_the_same_as_text_with_the_same_exit_code(tmp_path: Path) -> None:
    text, machine = (call("validate", str(tmp_path / "nowhere"), *flags) for flags in ((), ("--json",)))
    assert text.exit_code == machine.exit_code == 2
    problem = orjson.loads(machine.stdout)["problems"][0]
    assert set(problem) == {"code", "file", "line", "column", "field", "message", "hint"}


@pytest.mark.parametrize("stack", ["lab", "superpod", "gigafactory", "plural"])
def test_every_stack_validates_and_its_objects_pass_the_rules(stack: str) -> None:
    for command in ("validate", "check"):
        result = call(command, str(STACKS / stack), "--json")
        assert result.exit_code == 0, result.output
        assert orjson.loads(result.stdout)["ok"] is True


def test_plan_prints_the_canonical_json_alone() -> None:
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.spec.load import load

    result = call("plan", str(STACKS / "lab"), "--json")
    assert result.stdout.encode() == plan(load(STACKS / "lab")).canonical + b"\n"


def test_plan_in_words_fits_a_terminal_of_eighty_columns_and_says_why_on_request() -> None:
    short, long = call("plan", str(STACKS / "lab")), call("plan", str(STACKS / "lab"), "--why")
    assert short.exit_code == long.exit_code == 0
    assert max(map(len, short.stdout.splitlines())) <= 80
    assert len(long.stdout) > len(short.stdout)


def test_render_writes_files_that_hold_what_it_prints(tmp_path: Path) -> None:
    import yaml

    result = call("render", str(STACKS / "lab"), "--json")
    objects = orjson.loads(result.stdout)["objects"]
    assert call("render", str(STACKS / "lab"), "-o", str(tmp_path / "out")).exit_code == 0
    written = [
        obj
        for file in (tmp_path / "out").rglob("*.yaml")
        if file.name != "kustomization.yaml"
        for obj in yaml.safe_load_all(file.read_text())
    ]
    assert sorted(map(orjson.dumps, written)) == sorted(map(orjson.dumps, objects))


def test_init_makes_a_stack_that_validates_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    assert call("init", str(folder), "--dry-run").exit_code == 0
    assert not folder.exists()
    assert call("init", str(folder)).exit_code == 0
    assert call("validate", str(folder)).exit_code == 0
    assert call("check", str(folder)).exit_code == 0, call("check", str(folder)).output
    before = (folder / "factory.yaml").read_text()
    again = call("init", str(folder))
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert (folder / "factory.yaml").read_text() == before


def test_a_policy_pack_that_is_not_there_is_wrong_usage_before_anything_runs(tmp_path: Path) -> None:
    from sovereign_ai.deploy.engine import _require_pack
    from sovereign_ai.errors import UsageError

    with pytest.raises(UsageError, match="PulumiPolicy"):
        _require_pack(tmp_path)
    assert _require_pack(STACKS.parent / "policies" / "sovereign").is_absolute()


def test_a_cluster_of_the_users_is_named_and_never_guessed(tmp_path: Path) -> None:
    missing = call("up", str(STACKS / "lab"), "--cluster", "kubeconfig")
    assert missing.exit_code == 2
    assert "--kubeconfig" in missing.stderr
    absent = call("up", str(STACKS / "lab"), "--cluster", "kubeconfig", "--kubeconfig", str(tmp_path / "none"))
    assert absent.exit_code == 3

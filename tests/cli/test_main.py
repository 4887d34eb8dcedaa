"""The command line as a whole: help, exit codes, and what may be loaded when."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize("path", list(leaves(get_command(app))), ids=" ".join)
def test_no_help_shows_a_type_of_the_language_that_it_is_written_in(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    from sovereign_ai.cli.main import call as run

    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert {word for word in re.findall(r"<([^>]*)>", text) if "|" not in word} <= {"path"}
    assert max(map(len, text.splitlines())) <= 80


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


def test_fabric_check_finds_cables_that_do_not_reach(tmp_path: Path) -> None:
    lab = (STACKS / "lab" / "factory.yaml").read_text()
    (tmp_path / "factory.yaml").write_text(lab.replace("name: compute,", "name: compute, reach: 1 m,"))
    text, machine = call("fabric", "check", str(tmp_path)), call("fabric", "check", str(tmp_path), "--json")
    assert text.exit_code == machine.exit_code == 1
    assert "reach 1 m: too short" in text.stdout
    found = orjson.loads(machine.stdout)
    assert found["ok"] is False
    assert [plane["cabling"]["holds"] for plane in found["planes"]] == [False, True, True, True]


@pytest.mark.parametrize("stack", ["lab", "superpod", "gigafactory", "plural"])
def test_no_cable_of_a_stack_is_known_to_be_too_short(stack: str) -> None:
    assert call("fabric", "check", str(STACKS / stack)).exit_code == 0


def test_validate_says_what_is_allowed_and_will_not_carry_what_is_asked(tmp_path: Path) -> None:
    slow = (
        (STACKS / "lab" / "factory.yaml").read_text().replace("rails: 2, radix: 32, link: 400 Gbps", "rails: 2, radix: 32, link: 10 Gbps")
    )
    (tmp_path / "factory.yaml").write_text(slow)
    text, machine = call("validate", str(tmp_path)), call("validate", str(tmp_path), "--json")
    assert text.exit_code == machine.exit_code == 0
    notes = orjson.loads(machine.stdout)["notes"]
    assert "a machine of pool train must reach 8 GB/s" in notes[0]
    assert text.stdout.count("note: ") == len(notes)


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


def test_power_that_no_source_gives_is_not_told_as_none_in_the_plan() -> None:
    from sovereign_ai.cli.plan_text import lines
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.plan.summary import summary
    from sovereign_ai.spec.load import load

    assert "h1    network        2     4  not known" in call("plan", str(STACKS / "lab")).stdout.splitlines()
    page = summary(plan(load(STACKS / "lab")))
    page["racks"] = [row | {"most_watts": row["most_watts"] or 1_200} for row in page["racks"]]
    told = [line.split(maxsplit=4) for line in lines(page, why=False)]
    assert ["h1", "compute", "4", "12", "40.8 kW"] in told
    assert ["h1", "network", "2", "4", "1.2 kW, not all known"] in told


def test_a_picture_is_svg_and_any_other_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    made, drawn = tmp_path / "plan.json", tmp_path / "plan.png"
    done = call("plan", str(STACKS / "lab"), "--output", str(made), "--picture", str(drawn), "--json")
    assert done.exit_code == 2
    [problem] = orjson.loads(done.stdout)["problems"]
    assert (problem["code"], problem["hint"]) == ("bad-output", "end it in .svg")
    assert list(tmp_path.iterdir()) == []
    assert call("plan", str(STACKS / "lab"), "--picture", str(tmp_path / "plan.svg")).exit_code == 0
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")


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


def _inside(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("words", "what"), [(("fabric", "render"), "files"), (("inventory", "simulate"), "resources")])
def test_a_folder_holds_the_files_of_the_plan_that_was_written_last_and_what_is_not_ours(
    tmp_path: Path, words: tuple[str, str], what: str
) -> None:
    again, fresh = tmp_path / "again", tmp_path / "fresh"
    assert call(*words, str(STACKS / "superpod"), "-o", str(again)).exit_code == 0
    (again / "notes.txt").write_text("mine")
    result = call(*words, str(STACKS / "lab"), "-o", str(again), "--json")
    assert call(*words, str(STACKS / "lab"), "-o", str(fresh)).exit_code == 0
    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["removed"] > 100
    assert _inside(again) == _inside(fresh) | {"notes.txt"}
    assert orjson.loads(result.stdout)[what] == len(_inside(fresh)) - 1
    told = call(*words, str(STACKS / "superpod"), "-o", str(again)).stdout
    assert f"{what} of an earlier run" in told


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("render",), "kustomization.yaml"),
        (("render",), "pool.train.yaml"),
        (("fabric", "render"), "bare-metal/lab.yaml"),
        (("inventory", "simulate"), "index.json"),
    ],
)
def test_a_file_of_the_users_is_refused_by_name_and_nothing_is_written(tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("resources: [app.yaml, ../outside.yaml]\n")
    result = call(*words, str(STACKS / "lab"), "-o", str(tmp_path), "--json")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert (problem["code"], problem["file"]) == ("not-ours", str(file))
    assert problem["hint"].startswith("name another folder, ")
    assert _inside(tmp_path) == {name}
    assert file.read_text() == "resources: [app.yaml, ../outside.yaml]\n"


def test_init_makes_a_stack_that_validates_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    assert call("init", str(folder), "--dry-run").exit_code == 0
    assert not folder.exists()
    assert call("init", str(folder)).exit_code == 0
    assert call("validate", str(folder)).exit_code == 0
    assert orjson.loads(call("validate", str(folder), "--json").stdout)["notes"] == []
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

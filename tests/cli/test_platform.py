"""`platform`: what a person sees of the controllers, and exit codes of the check of manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab" / "factory.yaml"
PLATFORM = """
platform:
  queueing: kueue
  monitoring: grafana
  controllers:
    - {name: grafana, contacts: [{name: updates, kind: endpoint, used: false}]}
"""
QUIET = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: nothing}\n"
LOUD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 'https://reports.example.net'}\n"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "factory.yaml").write_text(LAB.read_text(encoding="utf-8") + PLATFORM, encoding="utf-8")
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["platform", *map(str, arguments)])


def test_show_lists_controllers_and_what_each_reaches(stack: Path) -> None:
    result = call("show", stack)
    assert result.exit_code == 0
    assert "kueue       queueing    v0.17.0  Apache-2.0     Linux Foundation (US)" in result.stdout
    assert "grafana: endpoint updates: switched off" in result.stdout
    assert "grafana: telemetry usage: stats.grafana.org, as it is shipped" in result.stdout


def test_show_says_where_to_write_controllers_where_there_are_none() -> None:
    result = call("show", LAB.parent)
    assert result.exit_code == 0
    assert "write them under 'platform'" in result.stdout


def test_show_prints_the_same_as_json(stack: Path) -> None:
    data = json.loads(call("show", stack, "--json").stdout)
    assert [controller["name"] for controller in data["controllers"]] == ["kueue", "grafana"]


def test_the_check_of_manifests_ends_with_0_or_with_1_and_the_finding(stack: Path) -> None:
    quiet, loud = stack / "quiet.yaml", stack / "loud.yaml"
    quiet.write_text(QUIET, encoding="utf-8")
    loud.write_text(LOUD, encoding="utf-8")
    assert call("check", stack, quiet).exit_code == 0
    result = call("check", stack, quiet, loud)
    assert result.exit_code == 1
    assert "RES-012 [violation] ConfigMap/a: data.a: it names reports.example.net" in result.stdout
    assert result.stdout.startswith("2 objects")


def test_a_file_that_holds_no_objects_is_refused_by_its_name(stack: Path) -> None:
    wrong = stack / "wrong.yaml"
    wrong.write_text("just text", encoding="utf-8")
    result = call("check", stack, wrong)
    assert result.exit_code == 2
    assert "wrong.yaml" in result.stderr


def test_the_bill_of_materials_is_written_to_a_file_or_printed(stack: Path) -> None:
    out = stack / "platform.cdx.json"
    assert call("sbom", stack, "-o", out).exit_code == 0
    printed = call("sbom", stack)
    assert printed.stdout.encode() == out.read_bytes()
    assert json.loads(printed.stdout)["metadata"]["component"]["name"] == "lab"

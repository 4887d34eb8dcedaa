"""`platform`: what a person sees of the controllers, and exit codes of the check of manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
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


@pytest.mark.parametrize(
    "text", ["", "---\n", "# rendered: nothing\n", "kind: List\napiVersion: v1\nitems: []\n"]
)
def test_a_file_without_an_object_does_not_pass(text: str, stack: Path) -> None:
    quiet, empty = stack / "quiet.yaml", stack / "empty.yaml"
    quiet.write_text(QUIET, encoding="utf-8")
    empty.write_text(text, encoding="utf-8")
    result = call("check", stack, quiet, empty)
    assert result.exit_code == 2
    assert f"{empty}: it holds no object to judge [no-objects]" in result.stderr


def test_the_bill_of_materials_is_written_to_a_file_or_printed(stack: Path) -> None:
    out = stack / "platform.cdx.json"
    assert call("sbom", stack, "-o", out).exit_code == 0
    printed = call("sbom", stack)
    assert printed.stdout.encode() == out.read_bytes()
    assert json.loads(printed.stdout)["metadata"]["component"]["name"] == "lab"


OPERATORS = """
platform:
  gpus: gpu-operator
  network: network-operator
  controllers:
    - name: gpu-operator
      images: ["registry.example.com/ai/driver@sha256:DIGEST"]
""".replace("DIGEST", "a" * 64)


@pytest.fixture
def operators(tmp_path: Path) -> Path:
    (tmp_path / "factory.yaml").write_text(LAB.read_text(encoding="utf-8") + OPERATORS, encoding="utf-8")
    return tmp_path


def test_settings_are_a_stream_of_objects_below_what_a_person_must_know(operators: Path) -> None:
    printed = call("settings", operators, "gpu-operator")
    assert printed.exit_code == 0
    assert printed.stdout.startswith("# gpu-operator: toolkit: no image 'container-toolkit' is described")
    (policy,) = yaml.safe_load_all(printed.stdout)
    assert policy["kind"] == "ClusterPolicy"
    out = operators / "settings.yaml"
    assert call("settings", operators, "gpu-operator", "-o", out).exit_code == 0
    assert out.read_text(encoding="utf-8") == printed.stdout


def test_settings_of_all_controllers_are_the_same_as_json(operators: Path) -> None:
    printed = list(yaml.safe_load_all(call("settings", operators).stdout))
    data = json.loads(call("settings", operators, "--json").stdout)
    assert [each["controller"] for each in data["controllers"]] == ["gpu-operator", "network-operator"]
    objects = [obj for each in data["controllers"] for obj in each["objects"]]
    assert objects == printed


def test_the_written_settings_are_manifests_that_the_check_finds_nothing_in(operators: Path) -> None:
    out = operators / "settings.yaml"
    assert call("settings", operators, "-o", out).exit_code == 0
    result = call("check", operators, out)
    assert result.exit_code == 0
    assert "0 violations" in result.stdout


def test_settings_of_a_factory_without_operators_say_which_have_some(stack: Path) -> None:
    result = call("settings", stack)
    assert result.exit_code == 0
    assert (
        result.stdout == "# the platform runs no controller with settings: gpu-operator, network-operator\n"
    )


def test_settings_that_cannot_be_made_end_with_2_and_the_line_to_add(operators: Path) -> None:
    file = operators / "factory.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("ai/driver@", "ai/other@"), encoding="utf-8")
    result = call("settings", operators)
    assert result.exit_code == 2
    assert "platform.controllers[0].images" in result.stderr
    assert "mirror it and add" in result.stderr

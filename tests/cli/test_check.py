"""What a reviewer calls: `check` in every format, `rules`, `explain`, `audit`."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from sovereign_ai.cli import audit, check, explain, rules
from sovereign_ai.rules.registry import REGISTRY
from tests.support.approvals import signed_text

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


def call(*arguments: str) -> Result:
    app = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"max_content_width": 80}
    )
    for command in (check, rules, explain, audit):
        command.add(app)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """The lab with a parent under a law that reaches, and a line without encryption."""
    folder = tmp_path / "bad"
    shutil.copytree(LAB, folder)
    file = folder / "factory.yaml"
    file.write_text(
        file.read_text()
        .replace("parent: {seat: DE}", "parent: {seat: US}")
        .replace("encryption: macsec", "encryption: none")
    )
    return folder


@pytest.mark.parametrize("command", ["check", "rules", "explain", "audit"])
def test_every_help_is_narrow_and_shows_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "Example: " in result.stdout
    assert "--json" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "oscal"])
def test_the_exit_code_is_the_same_in_every_format(form: str, bad: Path) -> None:
    assert call("check", str(LAB), "--format", form).exit_code == 0
    assert call("check", str(bad), "--format", form).exit_code == 1


def test_sarif_points_into_the_users_own_file(bad: Path) -> None:
    log = orjson.loads(call("check", str(bad), "--format", "sarif").stdout)
    places = {
        one["ruleId"]: one["locations"][0]["physicalLocation"]
        for one in log["runs"][0]["results"]
        if one["properties"]["status"] == "violation"
    }
    assert set(places) == {"LAW-001", "LNK-001"}
    lines = (bad / "factory.yaml").read_text().splitlines()
    for rule, word in (("LAW-001", "US"), ("LNK-001", "none")):
        region = places[rule]["region"]
        assert lines[region["startLine"] - 1][region["startColumn"] - 1 :].startswith(word)
        assert places[rule]["artifactLocation"]["uri"].endswith("/factory.yaml")


def test_junit_and_json_say_the_same(bad: Path) -> None:
    suite = ET.fromstring(call("check", str(bad), "--format", "junit").stdout)  # noqa: S314 - our own text
    failed = {
        str(case.get("name"))[:7] for case in suite.iter("testcase") if case.find("failure") is not None
    }
    data = orjson.loads(call("check", str(bad), "--json").stdout)
    assert data["ok"] is False
    told = {
        one["rule"]
        for cluster in data["clusters"]
        for one in cluster["findings"]
        if one["status"] == "violation"
    }
    assert failed == told == {"LAW-001", "LNK-001"}
    assert {one["id"] for one in data["controls"] if one["state"] == "VIOLATED"} >= {"SOV-2.2"}


def test_oscal_writes_every_document_into_a_folder(bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "oscal"
    result = call("check", str(bad), "--format", "oscal", "--output", str(out), "--on", "2026-11-24")
    assert result.exit_code == 1
    names = {
        "catalog.json",
        "component-definition.json",
        "assessment-results.json",
        "plan-of-action-and-milestones.json",
    }
    assert (
        {path.name for path in out.iterdir()}
        == names
        == {Path(line).name for line in result.stdout.splitlines()}
    )
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    call("check", str(bad), "--format", "oscal", "--output", str(out), "--on", "2026-11-24")
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}
    alone = call("check", str(bad), "--format", "oscal", "--on", "2026-11-24").stdout
    assert alone.encode() == before["assessment-results.json"]


def test_json_names_the_files_that_were_written_in_another_format(bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "check.sarif"
    done = call("check", str(bad), "--format", "sarif", "--output", str(out), "--json")
    assert (done.exit_code, orjson.loads(done.stdout)) == (
        1,
        {"command": "check", "files": [str(out)], "ok": False},
    )
    assert orjson.loads(out.read_bytes())["runs"]
    assert call("check", str(bad), "--output", str(tmp_path / "check.json"), "--json").exit_code == 1
    assert orjson.loads((tmp_path / "check.json").read_bytes())["ok"] is False


@pytest.mark.parametrize(("form", "member"), [("sarif", "runs"), ("oscal", "assessment-results")])
def test_a_format_of_json_is_what_stands_on_standard_output_beside_json_too(
    form: str, member: str, bad: Path
) -> None:
    plain, beside = (
        call("check", str(bad), "--format", form, "--on", "2026-11-24", *words) for words in ((), ("--json",))
    )
    assert (beside.exit_code, beside.stdout) == (1, plain.stdout)
    assert member in orjson.loads(beside.stdout)


def test_xml_and_json_on_one_standard_output_are_refused(bad: Path, tmp_path: Path) -> None:
    done = call("check", str(bad), "--format", "junit", "--json")
    [problem] = orjson.loads(done.stdout)["problems"]
    assert (done.exit_code, problem["code"]) == (2, "bad-option")
    assert "--output" in problem["hint"]
    file = tmp_path / "check.xml"
    assert call("check", str(bad), "--format", "junit", "--output", str(file), "--json").exit_code == 1
    assert file.read_text().startswith("<?xml")


def test_text_has_a_line_a_control_and_the_findings_last(bad: Path) -> None:
    lines = call("check", str(bad)).stdout.splitlines()
    controls = [line for line in lines if line.startswith("ECSF SOV-2.2 ")]
    assert controls == [f"{'ECSF SOV-2.2':<41} VIOLATED LAW-001"]
    heads = [number for number, line in enumerate(lines) if line[:7] in {one.id for one in REGISTRY}]
    assert len(heads) > 2
    assert heads[0] > max(number for number, line in enumerate(lines) if line.split()[-1:] == ["rules"])
    assert lines[-1].startswith("2 violations, ")


def test_a_day_that_is_none_is_bad_input_and_a_folder_that_cannot_be_written_is_the_environments(
    tmp_path: Path,
) -> None:
    assert call("check", str(LAB), "--on", "tomorrow").exit_code == 2
    (tmp_path / "file").write_text("")
    result = call("check", str(LAB), "--format", "sarif", "--output", str(tmp_path / "file" / "check.sarif"))
    assert result.exit_code == 3
    assert "file-refused" in result.output


def test_the_waiver_that_the_manual_shows_covers_what_check_found_and_a_wrong_resource_is_named(
    bad: Path,
) -> None:
    manual = (LAB.parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = manual.split("```yaml\n")[1:]
    [example] = [block.partition("```")[0] for block in blocks if block.startswith("waivers:")]
    file = bad / "factory.yaml"
    text = file.read_text().replace("parent: {seat: US}", "parent: {seat: DE}")
    assert "waivers:" not in text
    file.write_text(signed_text(f"{text}\n{example}"))
    fine = call("check", str(bad), "--on", "2026-11-30")
    assert (fine.exit_code, "LNK-001 [waived link-at-delivery, critical] Site/fra1" in fine.stdout) == (
        0,
        True,
    )
    assert call("check", str(bad), "--on", "2026-12-31").exit_code == 1
    file.write_text(signed_text(f"{text}\n{example.replace('Site/fra1', 'Link/fra1')}"))
    wrong = call("check", str(bad), "--on", "2026-11-30")
    assert wrong.exit_code == 1
    told = " ".join(wrong.stdout.split())
    assert (
        "waiver link-at-delivery covers nothing: LNK-001 is not violated on Link/fra1, but on Site/fra1"
        in told
    )
    assert orjson.loads(call("check", str(bad), "--on", "2026-11-30", "--json").stdout)["waivers"] == [
        {
            "waiver": "link-at-delivery",
            "rule": "LNK-001",
            "resource": "Link/fra1",
            "violated_on": ["Site/fra1"],
        }
    ]


def test_the_letter_of_pipelines_that_stand_means_the_format() -> None:
    by_letter, by_name = (call("check", str(LAB), option, "junit") for option in ("-f", "--format"))
    assert (by_letter.exit_code, by_name.exit_code) == (0, 0)
    assert "<testsuites" in by_letter.stdout
    assert "<testsuites" in by_name.stdout

"""`report`: formats by file name, and the observation that it shows."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.report import _format_of, _observation_problems

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.html", ".html"),
        ("a.oscal.json", ".oscal.json"),
        ("a.json", ".json"),
        ("a.csv", ".csv"),
        ("a.pdf", ""),
    ],
)
def test_the_end_of_a_file_name_decides_its_format(name: str, form: str) -> None:
    assert _format_of(Path(name)) == form


def test_a_file_of_no_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    names = [str(tmp_path / "report.pdf"), str(tmp_path / "report.html")]
    result = call("report", LAB, "-o", names[0], "-o", names[1], "--json")
    assert result.exit_code == 2
    assert [problem["code"] for problem in orjson.loads(result.stdout)["problems"]] == ["bad-output"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ([], [""]),
        ({}, ["factory", "counts", "findings", "probes"]),
        (
            {"factory": "lab", "counts": {}, "findings": [3], "probes": [{"name": 1}]},
            ["findings[0]", "probes[0].name"],
        ),
        ({"factory": "lab", "counts": {}, "findings": [], "probes": []}, []),
    ],
)
def test_each_field_that_keeps_a_document_from_being_a_verdict_is_named(
    document: object, fields: list[str]
) -> None:
    assert [field for field, _ in _observation_problems(document)] == fields


def test_usage_is_shown_in_page_and_data_and_that_of_another_factory_is_refused(tmp_path: Path) -> None:
    file, page = tmp_path / "usage.json", tmp_path / "report.html"
    document = {"factory": "lab", "cluster": "lab", "price": {"euro": 2.5, "is_lower_bound": True}}
    use = {"tenant": "research", "gpu_hours": 64.0, "kwh": 81.6}
    works = [use | {"namespace": "research", "name": "pretrain"}]
    file.write_bytes(orjson.dumps(document | {"tenants": [use | {"works": 1}], "works": works}))
    data = orjson.loads(call("report", LAB, "--usage", str(file), "--json").stdout)
    assert data["report"]["usage"]["works"][0]["name"] == "pretrain"
    assert call("report", LAB, "--usage", str(file), "-o", str(page)).exit_code == 0
    assert "research/pretrain" in page.read_text()
    file.write_bytes(orjson.dumps(document | {"factory": "other", "tenants": [], "works": []}))
    refused = call("report", LAB, "--usage", str(file), "--json")
    assert refused.exit_code == 2
    assert [problem["code"] for problem in orjson.loads(refused.stdout)["problems"]] == ["other-factory"]


def test_of_several_files_that_cannot_be_read_each_is_named(tmp_path: Path) -> None:
    missing = {
        option: tmp_path / f"{option}.json" for option in ("figures", "observation", "usage", "hourly")
    }
    words = []
    for option, file in missing.items():
        words += [f"--{option}", f"fra1={file}" if option == "hourly" else str(file)]
    result = call("report", LAB, "-o", str(tmp_path / "report.html"), *words, "--json")
    assert result.exit_code == 2
    named = {problem["file"] for problem in orjson.loads(result.stdout)["problems"]}
    assert named == set(map(str, missing.values()))
    assert list(tmp_path.iterdir()) == []

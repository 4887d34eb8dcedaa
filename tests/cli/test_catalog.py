"""`catalog`: rows listed, shown, compared, written and checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.catalog.user_rows import KINDS
from sovereign_ai.cli.main import call
from tests.life import ROOT, cache_home


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    clear_description_rows()
    yield
    clear_description_rows()


def test_every_row_is_listed_with_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["catalog", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {"dgx-h100", "qm9700", "connectx-7", "h100-sxm"} <= {row["name"] for row in rows}
    assert all(
        row["power"]
        for row in rows
        if row["kind"] in ("nic", "optic", "storage-server", "system", "accelerator")
    )
    assert all(
        row["power"] or row["blocks"] == ["power: its watts are in no total"]
        for row in rows
        if row["kind"] == "switch"
    )


@pytest.mark.parametrize("kind", [[], ["design"]])
def test_a_list_keeps_to_80_columns(kind: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["catalog", "list", *kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 80


def test_a_range_is_listed_and_compared_by_its_ends_and_not_by_a_centre(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["catalog", "list", "system", "--json"]) == 0
    power = {row["name"]: row["power"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert power["xe9780-b300"] == "13.5 to 16 kW estimate"
    assert power["dgx-b200"] == "14.3 kW official"
    assert call(["catalog", "compare", "xe9780-b300", "dgx-b300", "--json"]) == 0
    rows = {row["figure"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["weight_kg"] == {"figure": "weight_kg", "xe9780-b300": "140 to 185", "dgx-b300": "168"}


def test_a_row_is_shown_with_source_day_and_grade(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["catalog", "show", "gaudi3-oam8"]) == 0
    text = capsys.readouterr().out
    assert "max_power: 13.2 kW [11.8 to 13.2] (estimate: " in text
    assert "lacks nodes_per_rack: how many stand in a rack follows from the hall's limit" in text
    assert call(["catalog", "show", "Gaudi-3"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_rows_of_one_kind_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["catalog", "compare", "dgx-h100", "dgx-b200", "--json"]) == 0
    rows = {row["figure"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["max_power"]["dgx-h100"], rows["max_power"]["dgx-b200"]) == ("10.2 kW", "14.3 kW")
    assert call(["catalog", "compare", "dgx-h100", "qm9700"]) == 2


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_new_row_is_written_checked_and_listed(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hardware.yaml"
    assert call(["catalog", "new", kind, "our-row", "-o", str(file)]) == 0
    assert call(["catalog", "new", kind, "our-row", "-o", str(file)]) == 2
    assert call(["catalog", "check", str(file)]) == 2
    assert "the source is not filled in" in capsys.readouterr().err
    file.write_text(file.read_text().replace("FILL IN", "our data sheet"))
    assert call(["catalog", "check", str(file)]) == 0
    capsys.readouterr()
    assert call(["catalog", "list", kind, "--with", str(file), "--json"]) == 0
    assert "our-row" in {row["name"] for row in json.loads(capsys.readouterr().out)["rows"]}


@pytest.mark.parametrize(
    ("name", "code"), [("Our_Server", "bad-name"), ("a b", "bad-name"), ("dgx-h100", "duplicate-name")]
)
def test_a_row_is_not_begun_under_a_name_that_no_row_may_have(
    name: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["catalog", "new", "system", name, "-o", str(tmp_path / "hardware.yaml")]) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster
def test_a_machine_nobody_has_heard_of_is_deployed_by_the_manual_alone(tmp_path: Path) -> None:
    """Every command of the manual's first part, in its order; between them a user fills in what it says."""
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": cache_home()}

    def run(line: str) -> str:
        command = [sys.executable, "-m", "sovereign_ai.cli", *line.removeprefix("sovereign-ai ").split()]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    manual = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(yaml)?\n(.*?)```", manual.partition("## What holds")[0], re.DOTALL)
    shown = ""
    try:
        for language, block in blocks:
            if language:
                use_own_row(tmp_path / "my-factory" / "factory.yaml", block)
                continue
            for line in block.splitlines():
                shown = run(line)
                if " catalog new " in line:
                    written = tmp_path / "my-factory" / "hardware.yaml"
                    written.write_text(written.read_text().replace("FILL IN", "datasheet 7, page 2"))
        assert "my-factory: as planned" in shown
    finally:
        run("sovereign-ai cluster down my-factory")


def use_own_row(description: Path, block: str) -> None:
    """Name the file of the manual's block in a description, and have its pool use the block's machine."""
    wanted = yaml.safe_load(block)
    factory = yaml.safe_load(description.read_text())
    factory["catalog"] = wanted["catalog"]
    factory["pools"][0]["system"] = wanted["pools"][0]["system"]
    description.write_text(yaml.safe_dump(factory, sort_keys=False))

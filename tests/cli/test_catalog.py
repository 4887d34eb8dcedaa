"""`catalog`: rows listed, shown, compared, written and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.catalog.user_rows import KINDS
from sovereign_ai.cli.main import call


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


def test_a_row_is_shown_with_source_day_and_grade(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["catalog", "show", "gaudi3-oam8"]) == 0
    text = capsys.readouterr().out
    assert "max_power: 13.2 kW [11.8 to 13.2] (estimate: " in text
    assert "lacks nodes_per_rack: how many stand in a rack follows from the hall's limit" in text
    assert call(["catalog", "show", "gaudi4"]) == 2
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

"""Files of hardware beside a description: their problems are reported with all others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import load
from tests.conftest import STACKS

WRONG_ROW = (
    "rows:\n  - {kind: system, name: our-server, vendor: nvidia, accelerator: h100-sxn, figures: {}}\n"
)


def problems(folder: Path, change: dict[str, str], **files: str) -> list[tuple[str, int | None, str]]:
    """Return file, line and code of every problem of the lab with changed texts and files beside it."""
    shutil.copytree(STACKS / "lab", folder, dirs_exist_ok=True)
    text = (folder / "factory.yaml").read_text()
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "factory.yaml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content)
    with pytest.raises(SpecError) as caught:
        load(folder)
    return [(Path(str(each.where.file)).name, each.where.line, each.code) for each in caught.value.problems]


def test_problems_of_a_catalogue_file_hide_none_of_the_description(tmp_path: Path) -> None:
    change = {
        "name: lab\n": "name: lab\ncatalog: [hardware.yaml, absent.yaml]\n",
        "country: DE": "country: Germany",
    }
    found = problems(tmp_path / "lab", change, hardware=WRONG_ROW)
    assert {file for file, _line, _code in found} == {"factory.yaml", "hardware.yaml"}
    assert ("hardware.yaml", 2, "unknown-name") in found
    assert {code for file, _line, code in found if file == "factory.yaml"} >= {"no-file", "bad-country"}


def test_what_a_wrong_row_would_bring_is_not_unknown_as_well(tmp_path: Path) -> None:
    change = {
        "name: lab\n": "name: lab\ncatalog: [hardware.yaml]\n",
        "system: dgx-h100": "system: our-server",
    }
    found = problems(tmp_path / "lab", change, hardware=WRONG_ROW)
    assert {file for file, _line, _code in found} == {"hardware.yaml"}


def test_a_name_that_no_file_would_bring_is_unknown_beside_a_wrong_row(tmp_path: Path) -> None:
    change = {
        "name: lab\n": "name: lab\ncatalog: [hardware.yaml]\n",
        "system: dgx-h100": "system: their-server",
    }
    found = problems(tmp_path / "lab", change, hardware=WRONG_ROW)
    assert "unknown-name" in {code for file, _line, code in found if file == "factory.yaml"}

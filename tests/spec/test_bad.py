"""Every file in `bad/` is refused with exactly the problems that stand beside it.

Write the expectations anew with `UPDATE_GOLDEN=1 pytest tests/spec/test_bad.py`, and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.load import read_text

BAD = Path(__file__).parent / "bad"
CASES = sorted(BAD.glob("*.yaml"))


def problems_of(case: Path) -> list[dict[str, object]]:
    with pytest.raises(SpecError) as caught:
        read_text(case.read_bytes(), case.name)
    return [problem.to_data() for problem in caught.value.problems]


def write(golden: Path, found: list[dict[str, object]]) -> None:
    if os.environ.get("CI"):
        message = "expectations are never written in CI"
        raise RuntimeError(message)
    golden.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_description_is_refused_with_the_problems_beside_it(case: Path):
    found = problems_of(case)
    if os.environ.get("UPDATE_GOLDEN"):
        write(case.with_suffix(".expected.json"), found)
    assert found == json.loads(case.with_suffix(".expected.json").read_text())


def test_expectations_are_never_written_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="never written in CI"):
        write(tmp_path / "new.json", [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_problem_says_where_it_is_and_what_to_do(case: Path):
    for problem in problems_of(case):
        assert problem["file"] == case.name
        assert problem["line"]
        assert problem["hint"]
        assert "hunter2" not in json.dumps(problem)
        assert "AKIA" not in json.dumps(problem)
        assert "ABCdef" not in json.dumps(problem)


def test_there_are_expectations_for_every_case_and_for_nothing_else():
    expected = {path.name.removesuffix(".expected.json") for path in BAD.glob("*.json")}
    assert {case.stem for case in CASES} == expected
    assert len(CASES) >= 40

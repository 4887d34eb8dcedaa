"""Every file in `bad/` is refused with exactly the problems that stand beside it.

Write the expectations anew with `pytest tests/spec/test_bad.py --update-golden`, and read the diff.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import read_text

BAD = Path(__file__).parent / "bad"
CASES = sorted(BAD.glob("*.yaml"))


def problems_of(case: Path) -> list[dict[str, object]]:
    with pytest.raises(SpecError) as caught:
        read_text(case.read_bytes(), case.name)
    return [problem.to_data() for problem in caught.value.problems]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_description_is_refused_with_the_problems_beside_it(
    case: Path, golden: Callable[[Path, str], None]
):
    golden(
        case.with_suffix(".expected.json"), json.dumps(problems_of(case), indent=2, ensure_ascii=False) + "\n"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_problem_has_a_place_and_a_hint(case: Path):
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

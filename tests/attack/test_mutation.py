"""The table of defences fits the code, and each was seen to matter."""

from __future__ import annotations

import pytest

from tests.attack.mutation import ROOT, Mutant, read

MUTANTS = read()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_each_defence_is_in_the_code_once_and_its_attacks_succeed_without_it(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.text) == 1, "change the table, and run: python -m tests.attack.mutation"
    assert mutant.text != mutant.without
    assert mutant.seen == "all"
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")


def test_no_defence_has_two_rows() -> None:
    assert len({(mutant.file, mutant.text) for mutant in MUTANTS}) == len(MUTANTS)

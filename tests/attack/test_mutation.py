"""The table of defences fits the code, and each was seen to matter."""

from __future__ import annotations

import pytest

from tests.attack.mutation import MUTANTS
from tests.mutants import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_each_defence_is_in_the_code_once_and_its_attacks_succeed_without_it(mutant: Mutant) -> None:
    mutant.require_fitting("tests.attack.mutation")


def test_no_defence_has_two_rows() -> None:
    assert len({(mutant.file, mutant.text) for mutant in MUTANTS}) == len(MUTANTS)

"""The table of defences against faults fits the code, each was seen to matter, and no fault lacks one."""

from __future__ import annotations

import pytest

from tests.faults.mutation import FAULTS, MUTANTS
from tests.mutants import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_each_defence_is_in_the_code_once_and_its_tests_fail_without_it(mutant: Mutant) -> None:
    mutant.require_fitting("tests.faults.mutation")


def test_every_fault_has_a_defence_that_was_taken_out_and_no_defence_is_against_an_unknown_one() -> None:
    assert {mutant.fault for mutant in MUTANTS} == set(FAULTS)


def test_no_defence_has_two_rows() -> None:
    assert len({(mutant.file, mutant.text) for mutant in MUTANTS}) == len(MUTANTS)

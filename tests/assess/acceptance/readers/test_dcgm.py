"""The reader of dcgmi diag."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers import dcgm
from sovereign_ai.assess.acceptance.readers.reading import UnreadableError
from tests.assess.acceptance.test_readers import sample


def test_dcgm_4_names_gpus_by_entity() -> None:
    found = dcgm.read(sample("dcgm4-pass.json"))
    assert found.values == {"gpus": 8, "passed": 48, "failed": 0, "warned": 0, "not run": 0}


def test_a_failed_diagnostic_tells_gpu_and_reason() -> None:
    found = dcgm.read(sample("dcgm4-fail.json"))
    assert found.values["failed"] == 1
    assert found.details == (
        "memory on GPU 3: failed: GPU 3 has uncorrectable memory errors and row remappings are pending.",
    )


def test_dcgm_3_names_gpus_in_a_list_and_speaks_before_its_json() -> None:
    found = dcgm.read(sample("dcgm3-fail.json"))
    assert (found.values["gpus"], found.values["failed"], found.values["passed"]) == (8, 1, 9)
    assert found.details == ("GPU Memory on GPU 5: failed: GPU 5 fell short of its memory bandwidth.",)


@pytest.mark.parametrize("word", ["Skip", "NOT_RUN", "Healthy enough", ""])
def test_no_word_but_pass_is_a_pass(word: str) -> None:
    text = sample("dcgm4-skip.json").replace('"Skip"', f'"{word}"')
    assert dcgm.read(text).values["not run"] == 8


def test_a_diagnostic_that_could_not_start_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="could not run: no GPU"):
        dcgm.read('{"DCGM Diagnostic": {"runtime_error": "no GPU"}}')
    with pytest.raises(UnreadableError, match="no result of any test"):
        dcgm.read('{"DCGM GPU Diagnostic": {"version": "4.2.3"}}')

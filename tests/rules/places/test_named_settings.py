from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.places.named_settings import ENDS_LIKE_MEANING, MEANINGS


@pytest.mark.parametrize("meaning", MEANINGS)
@given(some.data())
def test_a_name_with_a_meaning_ends_like_one(meaning: str, data: some.DataObject) -> None:
    # CEL's `$` is the end of the text, and Python's also stands before a last line feed.
    name = data.draw(some.from_regex(meaning.replace("$", r"\Z")))
    assert re.search(ENDS_LIKE_MEANING.replace("$", r"\Z"), name)


@pytest.mark.parametrize(
    "name", ["VARIABLE_3", "RANK", "WORLD_SIZE", "NCCL_DEBUG", "PATH", "BATCH", "LOG_LEVEL_"]
)
def test_most_names_do_not_end_like_one_with_a_meaning(name: str) -> None:
    assert not re.search(ENDS_LIKE_MEANING, name)

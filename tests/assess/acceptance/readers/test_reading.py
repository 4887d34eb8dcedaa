"""The JSON object in the output of a tool."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers.reading import UnreadableError, document


def test_lines_before_and_after_the_object_are_left_out() -> None:
    assert document('started\n{"a": 1}\ndone\n', "fio") == {"a": 1}


@pytest.mark.parametrize("text", ["", "no object", "}{", '{"a": '])
def test_a_text_without_a_whole_object_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError, match="fio"):
        document(text, "fio")

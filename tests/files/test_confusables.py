"""Letters that hide, wherever they occur; judged by the judge's own list and not by the reader's."""

from __future__ import annotations

import pytest

from sovereign_ai.files.confusables import hidden, mixed
from tests.hostile.texts import ESCAPES


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES)
def test_a_character_that_hides_is_named_and_not_repeated(text: str) -> None:
    letter = hidden(text, "")
    assert letter is not None
    assert letter.say.startswith("U+")
    assert letter.say.isprintable()
    assert text[letter.at] not in letter.say


def test_a_line_end_hides_where_it_is_not_allowed() -> None:
    assert (hidden("a\nb"), hidden("a\nb", "\n\r")) == (None, None)
    for allowed in ("", "\t", "\r"):
        letter = hidden("a\nb", allowed)
        assert letter is not None
        assert letter.at == 1


@pytest.mark.parametrize(
    "text", ["Beispiel GmbH & Söhne", "例示計算株式会社", "شركة مثال", "Παράδειγμα", "naïve café"]
)
def test_plain_writing_of_any_script_is_taken(text: str) -> None:
    assert (hidden(text, ""), mixed(text)) == (None, None)

"""From bytes to text, with the place of what is none."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.files.decoding import decode, locate_character, refuse_empty, refuse_secrets
from sovereign_ai.files.kinds import FIGURES, RESULTS
from tests.hostile.texts import SECRETS


def test_a_byte_order_mark_is_passed_over() -> None:
    assert decode(b"\xef\xbb\xbfa: 1", "f") == "a: 1"


def test_a_second_byte_order_mark_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^f:1:1: a second byte order mark"):
        decode(b"\xef\xbb\xbf\xef\xbb\xbfa: 1", "f")


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"\xff", "1:1"),
        (b"a\nb\xe4", "2:2"),
        (b"\xef\xbb\xbfab\xff", "1:3"),
        ("äö\n".encode() + b"\xed\xa0\x80", "2:1"),
        (b"\xf0\x9f", "1:1"),
    ],
)
def test_the_first_byte_that_is_no_utf_8_has_its_line_and_column(raw: bytes, place: str) -> None:
    with pytest.raises(SpecError, match=f"^f:{place}: byte"):
        decode(raw, "f")


def test_a_text_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(SpecError, match="too-large"):
        decode(b"\xff" * (FIGURES.most_bytes + 1), "f", FIGURES)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_refused_at_its_place_and_not_repeated(secret: str) -> None:
    with pytest.raises(RESULTS.error) as caught:
        refuse_secrets(f"fine\n  {secret}\n", "f", RESULTS)
    assert caught.value.problems[0].where.line == 2
    assert "Zq7L" not in str(caught.value)


def test_plain_text_holds_no_secret() -> None:
    refuse_secrets("tokens: 12\nkey: none\nthe password is rotated\nsha256:" + "ab" * 32, "f", RESULTS)


def test_places_count_from_one() -> None:
    assert locate_character("a\nbc", 3, "f") == Where("f", 2, 2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_text_of_wider_letters_is_named_and_no_byte_of_it(encoding: str) -> None:
    """Windows PowerShell writes UTF-16 by `>`; "byte 0 is not UTF-8" says nobody what to change."""
    name = encoding[:6].upper()
    with pytest.raises(
        SpecError, match=rf"^f:1:1: the text is {name}, not UTF-8 \[not-utf8\]\n.*save the file as"
    ):
        decode("name: lab\n".encode(encoding), "f")


def test_a_file_without_a_letter_is_refused_and_one_of_comments_is_not() -> None:
    for text in ("", "\n", " \r\n\t"):
        with pytest.raises(SpecError, match=r"^f:1:1: the file is empty; expected a file of figures"):
            refuse_empty(text, "f", FIGURES)
    refuse_empty("# none\n", "f", FIGURES)

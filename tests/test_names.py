from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.look_alikes import _LOOK_ALIKES
from sovereign_ai.names import KEYS, Keys, is_label, label, label_value, normal_name

LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
"""Kubernetes' own pattern of a label's value."""
QUALIFIED_NAME = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
)
words = st.from_regex(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?", fullmatch=True)


@given(st.lists(words, min_size=1, max_size=6))
def test_a_joined_name_is_a_label_whatever_its_length(parts: list[str]):
    made = label(*parts)
    assert is_label(made)
    assert len(made) <= 63
    assert made == label(*parts)


@given(words, words)
def test_long_names_that_differ_only_at_the_end_do_not_meet(one: str, other: str):
    stem = "a" * 70
    assert (label(stem, one) == label(stem, other)) == (one == other)


def test_a_short_name_is_left_as_it_is():
    assert label("train", "", "n1") == "train-n1"
    assert label("a" * 63) == "a" * 63
    assert len(label("a" * 64, most=40)) == 40


@pytest.mark.parametrize("text", ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a\n", "ä", "a" * 64, "a b"])
def test_what_dns_does_not_take_is_no_label(text: str):
    assert not is_label(text)


@pytest.mark.parametrize("parts", [("A",), ("1",), ("a", "b c"), ("",), ("a-",), ("a\n",)])
def test_what_can_be_no_label_is_refused(parts: tuple[str, ...]):
    with pytest.raises(ValueError, match="DNS label"):
        label(*parts)


@given(st.text(max_size=200))
def test_any_text_becomes_a_label_value_that_kubernetes_takes(text: str):
    made = label_value(text)
    assert LABEL_VALUE.fullmatch(made)
    assert len(made) <= 63
    assert made == label_value(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_texts_do_not_share_a_label_value(one: str, other: str):
    assert (label_value(one) == label_value(other)) == (one == other)


def test_every_key_is_a_qualified_name_and_no_two_are_equal():
    names = [name for name in dir(Keys) if isinstance(getattr(Keys, name), property)]
    keys = [getattr(KEYS, name) for name in names] + [KEYS.tier(1)]
    assert all(QUALIFIED_NAME.fullmatch(key) for key in keys)
    assert len(set(keys)) == len(keys) >= 10


def test_keys_that_must_be_trusted_lie_where_a_kubelet_may_not_write():
    for key in (KEYS.zone, KEYS.jurisdiction):
        assert key.partition("/")[0].endswith(".node-restriction.kubernetes.io")


def test_the_domains_can_be_changed_all_at_once():
    own = Keys(domain="example.internal")
    assert own.owner == "example.internal/owner"
    assert own.pool == "example.internal/pool"


@pytest.mark.parametrize(
    ("latin", "other"),
    [
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),
        ("BOX", "\u0412\u041e\u0425"),
        ("NIKH", "\u039d\u0399\u039a\u0397"),
        ("lion", "l\u0131on"),
        ("sous", "s\u0585\u057ds"),
        ("coco lead", "\u0441\u043e\u0441\u043e-LEAD"),
        ("DAWS", "\u13a0\u13aa\u13b3\u13da"),  # Cherokee
        ("PAUL", "\ua4d1\ua4ee\ua4f4\ua4e1"),  # Lisu
        ("ROPE", "R\u2c9e\u2ca2\u2d39"),  # Coptic, Tifinagh
        ("sunny", "\ua731\u1d1c\u0578\u0578\u028f"),  # Latin small capitals, Armenian
        ("Alice", "\U0001d400\U0001d425\U0001d422\U0001d41c\U0001d41e"),  # mathematical
        ("Alice", "\uff21\uff4c\uff49\uff43\uff45"),  # fullwidth
        ("SOFT", "\U00010420\U00010404\U000118a2\U00010315"),  # Deseret, Warang Citi, Old Italic
        ("frank", "\u017frank"),
        ("All", "AlI"),
        ("Olga 1", "0lga l"),
        ("Warner", "Wamer"),
    ],
)
def test_a_name_in_look_alike_letters_is_the_same_name(latin: str, other: str):
    assert normal_name(latin) == normal_name(other)


def test_the_normal_form_of_every_letter_is_its_own():
    for number in range(0x3000):
        normal = normal_name(chr(number))
        assert normal_name(normal) == normal
    assert normal_name("\u0418\u0432\u0430\u043d") != normal_name("\u0418\u0433\u043e\u0440\u044c")


def test_each_look_alike_is_the_letters_that_it_looks_like_wherever_it_stands():
    count = 0
    for letters, characters in _LOOK_ALIKES.items():
        for character in characters:
            count += 1
            assert normal_name(f"a{character}b") == normal_name(f"A{letters}B"), f"U+{ord(character):04X}"
    assert count == len({*"".join(_LOOK_ALIKES.values())}) > 450


def test_a_name_is_the_same_in_capitals_unless_its_letters_look_like_two_others():
    unlike = []
    for number in range(0x20000):
        small, capital = chr(number), chr(number).upper()
        if capital.isalpha() and capital.lower() == small and normal_name(small) != normal_name(capital):
            unlike.append(f"U+{number:04X}")
    # Greek nu and upsilon, whose small letters are v and u, and letters of no language of today.
    assert unlike == [
        "U+01BD",
        "U+03BD",
        "U+03C5",
        "U+03ED",
        "U+AB81",
        "U+118C4",
        "U+118C6",
        "U+118D5",
        "U+118DC",
    ]


def test_letters_that_do_not_look_alike_stay_apart():
    forms = [normal_name(letter) for letter in "abcdefghjklmnopqrstuvwxyz23456789"]
    assert len({*forms}) == len(forms)
    for one, other in (
        ("hanna", "vauva"),
        ("\u0418\u0440\u0430", "\u0418\u043d\u0430"),
        ("jose", "jos\u00e9"),
    ):
        assert normal_name(one) != normal_name(other)

from __future__ import annotations

import cel
import pytest

from sovereign_ai.rules.cel.functions import facts


def _value(expression: str) -> object:
    return cel.compile(expression).execute(facts({}))


@pytest.mark.parametrize(
    ("text", "is_range"),
    [
        ("10.0.0.0/8", True),
        ("10.1.2.3/8", True),
        ("10.0.0.0/08", False),
        ("10.0.0.0/255.0.0.0", False),
        ("10.0.0.0/33", False),
        ("2001:db8::/32", True),
        ("::ffff:10.0.0.0/104", False),
        ("10.0.0.0", False),
    ],
)
def test_a_range_is_what_the_api_server_takes_for_one(text: str, is_range: bool) -> None:
    assert _value(f'isCIDR("{text}")') is is_range


def test_a_range_contains_addresses_of_its_own_family_alone() -> None:
    assert _value('cidr("10.0.0.0/8").containsIP("10.1.2.3")') is True
    assert _value('cidr("10.0.0.0/8").containsIP("11.1.2.3")') is False
    assert _value('cidr("10.0.0.0/8").containsCIDR("2001:db8::/32")') is False


def test_classes_of_expressions_and_lower_case_are_those_of_ascii() -> None:
    assert _value('"aé1".findAll("[a-z]+")') == ["a"]
    assert _value('"AÉ".lowerAscii()') == "aÉ"
    assert _value('" x ".trim()') == "x"


def test_a_text_is_cut_at_a_position_counted_in_code_points() -> None:
    assert _value('"aé1".substring(2)') == "1"
    assert _value('"aé1".substring(3)') == ""
    with pytest.raises(RuntimeError, match="4 is no position in a text of 3"):
        _value('"aé1".substring(4)')

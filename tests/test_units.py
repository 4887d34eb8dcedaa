from __future__ import annotations

import contextlib
import re
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sovereign_ai.units import (
    BitsPerSecond,
    Bytes,
    BytesPerSecond,
    Celsius,
    Metres,
    Money,
    Percent,
    Quantity,
    Ratio,
    Seconds,
    Watts,
)

KINDS = sorted(Quantity.__subclasses__(), key=lambda kind: kind.__name__)
LARGEST = 2**63 - 1
kinds = st.sampled_from(KINDS)


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    kind = draw(kinds)
    return kind(draw(st.integers(-LARGEST if kind.signed else 0, LARGEST)))


@given(quantities())
def test_what_is_written_reads_back_as_the_same_amount(quantity: Quantity):
    assert type(quantity).parse(str(quantity)) == quantity


@given(quantities())
def test_what_is_written_satisfies_the_pattern_that_editors_use(quantity: Quantity):
    class Holder(BaseModel):
        held: type(quantity)  # type: ignore[valid-type]

    pattern = Holder.model_json_schema()["properties"]["held"]["pattern"]
    assert re.search(pattern, str(quantity))
    assert Holder(held=str(quantity)).held == quantity
    assert Holder(held=quantity).model_dump(mode="json") == {"held": str(quantity)}


@given(st.text(max_size=80), kinds)
def test_any_text_is_an_amount_or_a_value_error(text: str, kind: type[Quantity]):
    with contextlib.suppress(ValueError):
        assert kind.parse(text).count <= LARGEST


@given(kinds, st.data())
def test_every_unit_of_every_kind_is_exact(kind: type[Quantity], data: st.DataObject):
    unit = data.draw(st.sampled_from(sorted(kind.units)))
    number = data.draw(st.integers(0, LARGEST // kind.units[unit]))
    assert kind.parse(f"{number} {unit}").count == number * kind.units[unit]
    assert kind.parse(f"{number}{unit}").count == number * kind.units[unit]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_example_of_each_kind_is_well_formed(kind: type[Quantity]):
    assert str(kind.parse(kind.example))


def test_decimal_and_binary_prefixes_are_never_mixed():
    assert Bytes.parse("1 GB").count == 10**9
    assert Bytes.parse("1 GiB").count == 2**30
    assert Bytes.parse("1.5 KiB").count == 1536


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (BitsPerSecond, "400GB", "an amount of bytes, not a rate in bits a second; write '400 Gbps'"),
        (BitsPerSecond, "400Gb", "bits without a time, not a rate in bits a second; write '400 Gbps'"),
        (BitsPerSecond, "40 GB/s", "a rate in bytes a second"),
        (Bytes, "400 Gb", "bits without a time, not an amount of bytes; write '400 GB'"),
        (Bytes, "400 Gbps", "a rate in bits a second"),
        (BytesPerSecond, "12.5 GBps", "write '12.5 GB/s'"),
        (Watts, "45 KW", "write '45 kW'"),
        (Watts, "123456789 KW", "write '123456789 kW'"),
        (Watts, "45", "not a number with a unit"),
        (Watts, "", "not a number with a unit"),
        (Watts, "-1 kW", "negative"),
        (Watts, "0.1 W", "finer than the smallest step, '1 W'"),
        (Celsius, "22.25 degC", "finer than the smallest step, '0.1 degC'"),
        (Watts, "1e3 W", "not a number with a unit"),
        (Watts, "nan kW", "not a number with a unit"),
        (Watts, "９ kW", "not a number with a unit"),  # noqa: RUF001 - a full-width digit on purpose
        (Bytes, "99999999999 EB", "larger than any factory"),
        (Bytes, "1" * 80 + " B", "at most 64 characters"),
    ],
)
def test_a_unit_that_lies_is_refused_with_the_text_that_would_do(kind: type[Quantity], text: str, said: str):
    with pytest.raises(ValueError, match=" ") as caught:
        kind.parse(text)
    assert said in str(caught.value)


def test_a_number_alone_is_refused():
    class Holder(BaseModel):
        held: Watts

    for wrong in (45, 4.5, True, None, ["45 kW"]):
        with pytest.raises(ValidationError):
            Holder(held=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["45 kW", 1.5, True, None, Fraction(3)])
def test_a_count_is_a_whole_number(wrong: object):
    with pytest.raises(TypeError, match="parse"):
        Watts(wrong)  # type: ignore[arg-type]


def test_a_count_stays_in_its_range():
    with pytest.raises(ValueError, match="starts at zero"):
        Watts(-1)
    with pytest.raises(ValueError, match="larger than any factory"):
        Watts(2**63)
    assert Celsius(-50) < Celsius(0)


def test_kinds_are_never_added_or_compared():
    with pytest.raises(TypeError):
        Watts(1) + Bytes(1)  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = Watts(1) < Bytes(2)
    assert Watts(1) != Bytes(1)
    with pytest.raises(TypeError):
        Watts(1) * 1.5  # type: ignore[operator]


def test_amounts_of_one_kind_add_multiply_and_sort():
    assert Watts(1) + Watts(2) == Watts(3)
    assert Watts(2) * 3 == Watts(6)
    assert sorted([Metres(3), Metres(1)]) == [Metres(1), Metres(3)]
    assert Percent.parse("12.5 %").of(80) == 10


@given(st.integers(0, LARGEST))
def test_kubernetes_quantities_of_bytes_are_exact_both_ways(count: int):
    assert Bytes.from_kubernetes(Bytes(count).to_kubernetes()) == Bytes(count)


@pytest.mark.parametrize(
    ("count", "text"), [(5 * 10**14, "500T"), (80 * 2**30, "80Gi"), (0, "0"), (1001, "1001")]
)
def test_kubernetes_quantities_are_short(count: int, text: str):
    assert Bytes(count).to_kubernetes() == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1e9", 10**9),
        ("2E3", 2000),
        ("1E", 10**18),
        ("1500m", 2),
        ("5m", 1),
        ("1u", 1),
        ("+.5Ki", 512),
        ("1.", 1),
        ("15e-1", 2),
    ],
)
def test_every_form_that_the_api_server_keeps_is_read_and_a_part_of_a_byte_counts_as_one(
    text: str, count: int
):
    assert Bytes.from_kubernetes(text) == Bytes(count)


@pytest.mark.parametrize("text", ["5 T", "5TB", "-1", "1e", "", ".", "m", "1KB", "1ki", "1mi"])
def test_what_is_no_kubernetes_quantity_of_bytes_is_refused(text: str):
    with pytest.raises(ValueError, match="Kubernetes"):
        Bytes.from_kubernetes(text)


@given(st.integers(1, 9_999), st.integers(1, 9_999))
@example(120, 8)
def test_a_ratio_reads_back(down: int, up: int):
    assert Ratio.parse(str(Ratio(down, up))) == Ratio(down, up)
    assert Ratio(down, up).fraction == Fraction(down, up)


@pytest.mark.parametrize("text", ["0:1", "1:0", "10000:1", "1", "1/1", "1:1:1", "a:b", "", "-1:1", "１:1"])  # noqa: RUF001 - a full-width digit on purpose
def test_what_is_no_ratio_is_refused(text: str):
    with pytest.raises(ValueError, match="ratio"):
        Ratio.parse(text)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1.16:1", "29:25"),
        ("1:1.16", "25:29"),
        ("1.5:1", "3:2"),
        ("10000:1", "9999:1"),
        ("1:123456", "1:9999"),
        ("1.015:1", "203:200"),
        ("3.14159:1", "9563:3044"),
        ("1:0", "1:1"),
    ],
)
def test_a_ratio_of_other_numbers_is_answered_with_the_nearest_one(text: str, advice: str):
    with pytest.raises(ValueError, match=f"write '{advice}'"):
        Ratio.parse(text)


def test_money_and_time_are_exact():
    assert str(Money.parse("1.25 MEUR")) == "1250000 EUR"
    assert str(Seconds.parse("90 min")) == "1.5 h"


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [
        (BitsPerSecond, "400 GB/s", "'3200 Gbps', which is as much, or '400 Gbps'"),
        (BytesPerSecond, "400 Gbps", "'50 GB/s', which is as much, or '400 GB/s'"),
        (Watts, "9 TW", "it in GW, MW, kW or W, as in '45 kW'"),
    ],
)
def test_what_is_of_another_kind_is_told_with_what_is_as_much_and_an_unknown_prefix_with_those_there_are(
    kind: type[Quantity], text: str, right: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"; write {right}")):
        kind.parse(text)


def test_a_unit_in_other_words_leads_to_the_amount_that_was_written():
    for text, right in {
        "400G": "400 Gbps",
        "1GbE": "1 Gbps",
        "NDR400": "400 Gbps",
        "hdr": "200 Gbps",
        "1,6 Tbps": "1.6 Tbps",
    }.items():
        with pytest.raises(ValueError, match=f"write {right!r}$"):
            BitsPerSecond.parse(text)
    for text, right in {"1,200 kW": "'1200 kW' or '1.2 kW'", ".5 MW": "'0.5 MW'", "25kw": "'25 kW'"}.items():
        with pytest.raises(ValueError, match=f"write {right}$"):
            Watts.parse(text)
    with pytest.raises(ValueError, match=r"write '914 cm', which is about as much$"):
        Metres.parse("30 ft")


def test_every_amount_that_a_hint_proposes_is_read():
    texts = ("3 {}", "7{}", "1,5 {}", "1,200 {}", ".5 {}", "1 200 {}")
    for kind in Quantity.__subclasses__():
        words = [*kind.other_words, *kind.akin, *map(str.swapcase, kind.units)]
        for word in words:
            for text in texts:
                for right in _proposed(kind, text.format(word)):
                    kind.parse(right)


def _proposed(kind: type[Quantity], text: str) -> list[str]:
    """Return the amounts that the refusal of a text proposes; none where the text is read."""
    try:
        kind.parse(text)
    except ValueError as error:
        advice = str(error).partition("; write ")[2]
        return [] if " as in " in advice else re.findall("'([^']+)'", advice)
    return []

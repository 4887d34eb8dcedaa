"""Pages, and rows of which no field is believed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.operate.netbox.answers import NetBoxRow, list_rows
from tests.operate.netbox.fake_netbox import FakeNetBox, fake_netbox, reply_json
from tests.operate.netbox.inventory import connection, looked, planned, pushed


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


def test_every_page_is_asked_of_the_same_host_however_small(netbox: FakeNetBox) -> None:
    for number in range(7):
        netbox.add("sites", name=f"s{number}", slug=f"s{number}")
    netbox.page = 3
    rows = list(list_rows(connection(netbox), "sites", [], ["name"]))
    assert [row.text("name") for row in rows] == [f"s{number}" for number in range(7)]
    assert len(netbox.requests) == 3


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([{"count": 2, "results": [{"id": 1}]}, {"count": 2, "results": []}], "changed while"),
        ([{"count": 2, "results": [{"id": 2}, {"id": 2}]}], "changed while"),
        ([{"count": 2, "results": [{"id": 1}]}, {"count": 2, "results": [{"id": 1}]}], "changed while"),
        ([{"count": 10**9, "results": [{"id": 1}]}], "more than 1,000,000"),
        ([{"count": 1, "results": [{"id": n} for n in range(1, 600)]}], "a page of more"),
        ([{"count": None, "results": []}], "count"),
        ([{"count": True, "results": []}], "count"),
        ([{"count": -1, "results": []}], "count"),
        ([{"count": 1}], "no list"),
        ([{"count": 1, "results": {"id": 1}}], "no list"),
        ([{"count": 1, "results": ["x"]}], "no list"),
        ([{"count": 1, "results": [{}]}], "id of one"),
        ([{"count": 1, "results": [{"id": "1"}]}], "id of one"),
        ([{"count": 1, "results": [{"id": 2**70}]}], r"id of one|no JSON|count"),
        ([[]], "no list"),
        (["x"], "no list"),
    ],
)
def test_pages_that_netbox_does_not_write_are_refused(
    netbox: FakeNetBox, pages: list[Any], reason: str
) -> None:
    netbox.replies.extend(reply_json(200, page) for page in pages)
    with pytest.raises(EnvironmentLacksError, match=reason):
        list(list_rows(connection(netbox), "sites", [], ["name"]))


@pytest.mark.parametrize(
    "read",
    [
        lambda row: row.number("x"),
        lambda row: row.count("x"),
        lambda row: row.text("x"),
        lambda row: row.choice("x"),
        lambda row: row.decimal("x"),
        lambda row: row.reference("x"),
        lambda row: row.inner_rows("x"),
    ],
)
@pytest.mark.parametrize("value", [[{"id": "x"}, 1], {"value": []}, True, "y" * 3_000])
def test_a_field_of_another_sort_is_an_error_of_netbox(read: Any, value: object) -> None:
    with pytest.raises(EnvironmentLacksError, match=r"x of one of the racks|no list|id of one"):
        read(NetBoxRow("racks", {"x": value}))


def test_what_is_left_out_is_nothing() -> None:
    row = NetBoxRow("racks", {})
    assert (row.text("x"), row.choice("x"), row.decimal("x"), row.reference("x")) == ("", "", None, None)
    assert (row.count("x", "y"), row.mark("x")) == (0, "")


def test_numbers_are_exact_and_finite() -> None:
    row = NetBoxRow("racks", {"a": 9.4, "b": "9.40", "c": "NaN", "d": "x" * 20, "e": "1e999999"})
    assert row.decimal("a") == row.decimal("b") == Decimal("9.4")
    for name in ("c", "d"):
        with pytest.raises(EnvironmentLacksError):
            row.decimal(name)


def test_a_mark_of_another_sort_is_nobody_s() -> None:
    for value in (7, ["small"], {"small": 1}, None):
        assert NetBoxRow("racks", {"custom_fields": {"m": value}}).mark("m") == ""


def test_names_of_others_reach_no_terminal_as_they_are(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    number = netbox.number("prefixes", prefix="10.0.0.0/24")
    netbox.of("prefixes")[number]["description"] = "\x1b[2Kall as planned"
    (change,) = looked(netbox, planned())[1].changes
    # The line is cleaned where it is printed, as every line of a command; the data keeps what is there.
    assert change.fields[0][1] == "\x1b[2Kall as planned"

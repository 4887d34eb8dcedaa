"""Suppliers: seats and products."""

from __future__ import annotations

from sovereign_ai.catalog.jurisdictions import country
from sovereign_ai.catalog.supplier import suppliers


def test_every_supplier_sits_in_a_country_and_makes_something() -> None:
    for one in suppliers():
        assert country(one.seat).code == one.seat
        assert one.makes, one.name
        assert one.title, one.name
    seats = {one.name: one.seat for one in suppliers()}
    assert (seats["tsmc"], seats["asml"], seats["sk-hynix"], seats["micron"]) == ("TW", "NL", "KR", "US")

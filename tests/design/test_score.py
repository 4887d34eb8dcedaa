"""Amounts of which a part is unknown, and what parts cost."""

from __future__ import annotations

from collections import Counter

from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.design.score import Amount, Parts, Prices, missing_prices, replacing_vendors


def test_an_unknown_price_is_never_taken_for_a_low_one() -> None:
    cheap, unknown = Amount(10.0, {}), Amount(1.0, {"price.sn5600": 1})
    assert not unknown.at_most(cheap)
    assert not cheap.at_most(unknown)
    assert Amount(1.0, {"price.sn5600": 1}).at_most(Amount(2.0, {"price.sn5600": 2}))


def test_a_price_of_the_users_own_is_known_and_any_other_is_missing() -> None:
    parts = Parts(Counter({"sn5600": 2, "qm9700": 1}), Counter({400: 3, 200: 1}))
    cost = Prices({"price.sn5600": GivenValue(10.0), "exchange.usd-per-eur": GivenValue(1.0)}, "DE").of(
        parts, 0
    )
    assert cost.known == 2 * 10 + 36_000 + 3 * 1_280
    assert (cost.unknown, missing_prices(cost)) == ({"price.link.200": 1}, 1)


def test_a_model_is_replaced_by_those_of_its_kind_with_its_ports_and_rate() -> None:
    assert replacing_vendors({"switch": "qm9700"}) == 1
    assert replacing_vendors({"switch": "sn5600"}) == 6
    assert replacing_vendors({"switch": "sn5600", "spine_switch": "sn6800"}) == 1

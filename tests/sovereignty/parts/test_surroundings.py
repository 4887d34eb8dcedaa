"""Keys, lines, energy, people and jurisdictions as parts."""

from __future__ import annotations

from sovereign_ai.sovereignty.parts.surroundings import energy, keys, law, lines, people
from tests.sovereignty.described import Data, made


def test_only_keys_that_storage_uses_are_parts(rich: Data) -> None:
    factory = made(rich)
    used = {tier.encryption.key for tier in factory.storage}
    assert {part.id for part in keys(factory)} == {f"key:{name}" for name in used}


def test_a_site_without_contracts_has_electricity_of_an_unknown_holder(rich: Data) -> None:
    assert all(part.described for part in energy(made(rich)))
    rich["sites"][0]["contracts"] = []
    assert not any(part.described for part in energy(made(rich)))


def test_a_site_without_uplinks_has_a_line_of_an_unknown_holder(rich: Data) -> None:
    rich["sites"][0]["uplinks"] = []
    assert [part.described for part in lines(made(rich))] == [False]


def test_staff_of_one_country_stop_with_it_and_staff_of_two_do_not(rich: Data) -> None:
    rich["operator"]["staff"]["location"] = ["DE"]
    assert next(people(made(rich))).effect == "stops"
    rich["operator"]["staff"]["location"] = ["DE", "FR"]
    assert next(people(made(rich))).law is None


def test_operator_parent_and_each_site_are_under_a_jurisdiction(rich: Data) -> None:
    factory = made(rich)
    sites = [f"site:{site.name}" for site in factory.sites]
    assert [part.id for part in law(factory)] == ["operator", "parent", *sites]

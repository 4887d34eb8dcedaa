"""Countries, circles and laws: three sets that are not each other."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.figures import UnknownNameError
from sovereign_ai.catalog.jurisdictions import CIRCLES, countries, country, expand, law, laws, members


def test_the_list_has_every_country_once() -> None:
    assert len(countries()) == 249
    assert len({one.name for one in countries()}) == 249
    assert all(len(one.code) == 2 and one.code.isupper() and one.code.isascii() for one in countries())
    assert [one.code for one in countries()] == sorted(one.code for one in countries())


def test_the_union_has_twenty_seven_members_and_the_area_three_more() -> None:
    assert len(members("EU")) == 27
    assert members("EEA") == members("EU") | {"IS", "LI", "NO"}
    assert len(members("EEA")) == 30
    assert not members("EU") & {"GB", "CH", "NO", "UA", "RS"}


def test_adequacy_is_disjoint_from_the_area() -> None:
    assert not members("ADEQUACY") & members("EEA")
    assert members("ADEQUACY") == {
        "AD",
        "AR",
        "BR",
        "CH",
        "FO",
        "GB",
        "GG",
        "IL",
        "IM",
        "JE",
        "JP",
        "KR",
        "NZ",
        "UY",
    }
    assert members("ADEQUACY-CONDITIONAL") == {"CA", "US"}


def test_every_member_of_a_circle_is_a_country_that_knows_it() -> None:
    for circle in CIRCLES:
        for code in members(circle):
            assert circle in country(code).circles
    assert country("CN").circles == ()


def test_a_conditional_decision_counts_only_when_it_is_asked_for() -> None:
    assert "US" not in expand(["EU", "EEA", "ADEQUACY"])
    assert "US" in expand(["ADEQUACY-CONDITIONAL"])
    us = country("US").adequacy
    assert us is not None
    assert us.condition
    assert us.status == "under-appeal"
    gb = country("GB").adequacy
    assert gb is not None
    assert (gb.condition, gb.status, gb.expires) == ("", "in-force", "2031-12-27")
    assert country("DE").adequacy is None


def test_names_expand_to_codes() -> None:
    assert expand(["EU", "DE"]) == members("EU")
    assert expand(["DE", "CH", "DE"]) == {"DE", "CH"}
    assert expand([]) == frozenset()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("UK", "GB"), ("EL", "GR"), ("de", "DE"), ("Germany", "DE"), ("eu", "EU"), (" fr ", "FR"), ("uk", "GB")],
)
def test_an_unknown_code_is_answered_with_the_right_one(wrong: str, right: str) -> None:
    for look_up in (country, lambda name: expand([name])):
        with pytest.raises(UnknownNameError) as caught:
            look_up(wrong)
        assert caught.value.hint == f"did you mean {right!r}?"
        assert caught.value.hint in str(caught.value)


def test_a_code_that_resembles_nothing_lists_what_would_do() -> None:
    with pytest.raises(UnknownNameError, match="no country or circle is called '1!'"):
        expand(["1!"])
    with pytest.raises(UnknownNameError, match="did you mean 'EU'"):
        members("eu")


def test_laws_belong_to_countries_and_countries_list_their_laws() -> None:
    for one in laws():
        assert one.name in country(one.country).laws
        assert one.reach in {"seat", "location", "both"}
        assert one.status in {"in-force", "lapsed-still-applied", "proposal"}
        assert one.effect.endswith(".")
    assert set(country("US").laws) == {"us-cloud-act", "us-fisa-702"}
    assert law("us-cloud-act").reach == "seat"
    assert not any(country(code).laws for code in members("EU"))

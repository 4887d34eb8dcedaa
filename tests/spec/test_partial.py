"""What is right of a part of which something is wrong, and the problems that it has by itself."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.partial import MOST_ENTRIES, Missing, partial
from sovereign_ai.spec.reader import read_data, read_text
from sovereign_ai.spec.site import Site
from tests.hostile.fields import places, replaced
from tests.hostile.readers import SMALL

WHOLE = yaml.safe_load(SMALL)
SITE = WHOLE["sites"][0]


def test_a_right_value_is_whole() -> None:
    site = partial(Site, SITE)
    assert site == Site.model_validate(SITE)


def test_a_wrong_field_is_left_out_and_the_others_are_there() -> None:
    site = partial(Site, {**SITE, "country": 7})
    assert isinstance(site.country, Missing)
    assert site.power == Site.model_validate(SITE).power


def test_entries_of_a_list_keep_their_numbers() -> None:
    sites = partial(tuple[Site, ...], [7, SITE, {**SITE, "country": []}])
    assert isinstance(sites[0], Missing)
    assert [sites[1].name, sites[2].name] == ["fra1", "fra1"]
    assert len(partial(tuple[Site, ...], [7] * 5_000)) == MOST_ENTRIES


@pytest.mark.parametrize("value", [None, 7, "x", [], [[]], {"name": {"name": {}}}])
def test_what_is_nothing_of_the_type_is_missing_or_empty(value: Any) -> None:
    found = partial(Site, value)
    assert isinstance(found, Missing) or isinstance(found.name, Missing)


@pytest.mark.parametrize(
    "at", [at for at in places(WHOLE) if at[0] in ("sites", "zones", "operator", "tenants", "pools")], ids=str
)
def test_a_wrong_type_anywhere_hides_no_wrong_country_elsewhere(at: tuple[str | int, ...]) -> None:
    data = replaced(WHOLE, at, {"a": []})
    wrong = [
        ("operator", "seat"),
        ("sites", 0, "country"),
        ("tenants", 0, "seat"),
        ("keys", 0, "jurisdiction"),
    ]
    told = [one for one in wrong if one[: len(at)] != at]
    for one in told:
        data = replaced(data, one, "QQ")
    with pytest.raises(SpecError) as caught:
        read_data(data, "x")
    fields = {problem.where.field for problem in caught.value.problems if "QQ" in problem.message}
    assert len(fields) == len(told), (fields, told)


def test_a_type_error_and_a_wrong_amount_of_one_site_are_reported_at_once() -> None:
    text = (
        SMALL.replace("it_budget: 120 kW", "it_budget: 0 kW")
        .replace("nodes: 4", "nodes: four")
        .replace("rack_pdus: 3", "rack_pdus: x")
    )
    with pytest.raises(SpecError) as caught:
        read_text(text.encode(), "f.yaml")
    fields = [problem.where.field for problem in caught.value.problems]
    assert fields == ["sites[0].power.it_budget", "sites[0].power.rack_pdus", "pools[0].nodes"]

"""What is right of a part of which something is wrong, and the problems that it has by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.partial import MOST_ENTRIES, Missing, MissingValueError, partial
from sovereign_ai.spec.reader import read_data, read_text
from sovereign_ai.spec.site import Site
from tests.hostile.fields import places, replaced
from tests.hostile.readers import SMALL
from tests.spec.test_bad import BAD

WHOLE = yaml.load(SMALL, yaml.CSafeLoader)
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
    cut_off = partial(tuple[Site, ...], [7] * 5_000)
    assert len(cut_off) == MOST_ENTRIES + 1
    assert isinstance(cut_off[-1], Missing)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        str,
        len,
        list,
        hash,
        repr,
        int,
        float,
        abs,
        round,
        lambda value: value == 7,
        lambda value: 7 % value,
    ],
)
def test_nothing_is_concluded_from_a_wrong_value(use: Callable[[Any], object]) -> None:
    with pytest.raises(MissingValueError):
        use(partial(int, "x"))
    with pytest.raises(MissingValueError):
        use(partial(Site, {"name": []}).name)


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


def problems_of(data: dict[str, Any]) -> set[tuple[str, str]]:
    """Return code and field of each problem of a description."""
    try:
        read_data(data, "x")
    except SpecError as error:
        return {(problem.code, problem.where.field) for problem in error.problems}
    return set()


def described(case: Path) -> Any:
    """Return the content of a bad description; nothing of one that only its text makes bad."""
    try:
        data = yaml.load(case.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return {}
    return data if isinstance(data, dict) and problems_of(data) else {}


BAD_FIELDS = [case for case in sorted(BAD.glob("*.yaml")) if described(case)]


def test_most_bad_descriptions_are_bad_by_their_fields() -> None:
    assert len(BAD_FIELDS) > 100


@pytest.mark.parametrize("case", BAD_FIELDS, ids=lambda case: case.stem)
def test_a_field_that_does_not_exist_hides_no_other_problem(case: Path) -> None:
    data = described(case)
    expected = problems_of(data)
    # One more wrong field in the description, in each of its parts, and in each entry of a list of parts.
    for part in (data, *data.values()):
        for entry in part if isinstance(part, list) else [part]:
            if isinstance(entry, dict):
                entry["zzz_unknown"] = 1
    assert expected <= problems_of(data)


@pytest.mark.parametrize("at", list(places(WHOLE)), ids=str)
def test_a_wrong_value_is_no_reason_to_report_a_right_one(at: tuple[str | int, ...]) -> None:
    wrong = problems_of(replaced(WHOLE, at, 7.5)) | problems_of(replaced(WHOLE, at, {"a": []}))
    for code, field in wrong:
        # Names that were declared there are not declared any more.
        if code not in ("unknown-name", "no-zone"):
            assert field.startswith(str(at[0])) or not field, (code, field)


def test_a_misspelt_field_is_not_taken_for_one_that_is_left_out() -> None:
    zone = {**WHOLE["zones"][0], "tenant": WHOLE["zones"][0]["tenants"]}
    del zone["tenants"]
    assert problems_of({**WHOLE, "zones": [zone]}) == {("unknown-field", "zones[0].tenant")}

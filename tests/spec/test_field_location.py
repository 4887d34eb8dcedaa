"""The field that pydantic's location of an error refers to."""

from __future__ import annotations

import pytest

from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.field_location import TextForm, fields_of, locate_field
from sovereign_ai.spec.zone import ResidencyPolicy


@pytest.mark.parametrize(
    ("loc", "path", "expected", "shape"),
    [
        (("pools", 0, "nodes"), "pools[0].nodes", "a whole number from 1 to 1,000,000", "number"),
        (("pools", 3), "pools[3]", "the fields of GpuNodePool: name, site, system", "mapping"),
        (("fabrics", 0, "oversubscription"), "fabrics[0].oversubscription", "a ratio", "text"),
        (("sites", 0, "power", "feeds", "A"), "sites[0].power.feeds.A", "the fields of Feed", "mapping"),
        (("tenants",), "tenants", "a list of entries, each the fields of Tenant", "list"),
        (("zones", 0, "allow", 0, "never"), "zones[0].allow[0].never", "true or false", "bool"),
        (("drift",), "drift", "'restore' or 'report'", "text"),
        (("nonsense",), "nonsense", "another value", "other"),
    ],
)
def test_a_location_is_a_path_with_its_expected_value(
    loc: tuple[int | str, ...], path: str, expected: str, shape: str
) -> None:
    spot = locate_field(AIFactory, loc)
    assert (spot.path, spot.shape) == (path, shape)
    assert spot.expected.startswith(expected)


def test_an_alias_is_named_as_the_user_writes_it() -> None:
    assert locate_field(ResidencyPolicy, ("in", 0)).path == "in[0]"
    assert locate_field(ResidencyPolicy, ("in", 0), by_alias=False).path == "within[0]"
    assert "in" in fields_of(ResidencyPolicy, by_alias=True)
    assert "within" in fields_of(ResidencyPolicy, by_alias=False)


def test_a_form_proposes_a_correction_or_describes_the_text() -> None:
    form = TextForm("bad-name", "a name", str.lower)
    assert form.advice("Train") == "write 'train'"
    assert form.advice("train") == "write a name"

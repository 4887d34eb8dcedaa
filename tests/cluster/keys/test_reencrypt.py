from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.keys import reencrypt
from sovereign_ai.cluster.keys.custody import Custody, ModuleLocation
from sovereign_ai.cluster.keys.reencrypt import level_of, places_of
from sovereign_ai.cluster.keys.store import Stored

CUSTODY = Custody(
    ModuleLocation(Path("/m"), "t", Path("/p"), {}), "lab-1", {"research": "high", "startups": "low"}
)
NEWEST = {"plane": "lab-1/plane/2", "high": "lab-1/high/2", "low": "lab-1/low/1"}


def stored(
    level: str | None = "high",
    level_key: str = "lab-1/high/2",
    plane_key: str = "lab-1/plane/2",
    place: bytes = b"/registry/secrets/research/login",
) -> Stored:
    return Stored(place, 1, level, level_key, plane_key)


@pytest.mark.parametrize(
    ("value", "outdated"),
    [
        (stored(), False),
        (stored(plane_key="lab-1/plane/1"), True),
        (stored(level_key="lab-1/high/1"), True),
        (stored(level=None, level_key=""), True),
        (stored(level="low", level_key="lab-1/low/1"), True),
        (stored(None, "", place=b"/registry/configmaps/research/settings"), False),
        (stored(None, "", "", place=b"/registry/configmaps/research/settings"), True),
    ],
)
def test_a_value_under_any_but_the_newest_versions_is_outdated(value: Stored, outdated: bool) -> None:
    assert reencrypt._is_outdated(CUSTODY, NEWEST, value) is outdated
    assert reencrypt._is_left(CUSTODY, NEWEST, value) is outdated


def test_a_value_whose_key_cannot_be_used_is_left_and_not_rewritten() -> None:
    usable = {"plane": "lab-1/plane/2", "low": "lab-1/low/1"}
    value = stored(level_key="lab-1/high/1")
    assert not reencrypt._is_outdated(CUSTODY, usable, value)
    assert reencrypt._is_left(CUSTODY, NEWEST, value)


def test_the_level_of_a_secret_is_its_namespace_s_and_a_configmap_has_none() -> None:
    assert level_of(CUSTODY, stored()) == "high"
    assert level_of(CUSTODY, stored(place=b"/registry/configmaps/research/settings")) is None


def test_only_the_first_values_are_named() -> None:
    assert places_of([stored()]) == "research/login"
    assert places_of([stored()] * 4) == "research/login, research/login, research/login, …"

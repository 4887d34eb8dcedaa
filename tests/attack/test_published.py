"""Each field of a published definition whose name suggests a place is judged, or listed with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sovereign_ai.rules.addons import ADDONS
from tests.attack.published import TABLE, suggesting

PUBLISHED: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
NO_PLACE = {
    "authOptions.secretName": "a Secret of the own namespace",
    "spec.elasticPolicy.rdzvBackend": "the name of a protocol: `rdzvHost` says where it is spoken",
}
"""Ends of paths that are in no table, with the reason."""


def is_judged(key: str, path: str) -> bool:
    """Return whether a table judges a field, or refuses or judges what holds it."""
    addon = ADDONS[key]
    heads = [field.path for field in addon.fields] + [*addon.templates, *addon.specs]
    below = tuple(f"{head}{mark}" for head in heads for mark in (".", "[", "{"))
    return addon.refused or path in heads or path.startswith(below)


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_published_field_that_suggests_a_place_is_judged_or_has_a_reason(key: str) -> None:
    paths = PUBLISHED[key]["fields"]
    left = [path for path in paths if not is_judged(key, path) and not path.endswith(tuple(NO_PLACE))]
    assert left == []


def test_a_field_is_found_below_lists_and_mappings_and_not_in_pods() -> None:
    text = {"type": "string"}
    rows = {"type": "array", "items": {"properties": {"url": text, "note": text}}}
    pod = {"properties": {"containers": {}, "hostname": text}}
    properties = {"rows": rows, "sets": {"additionalProperties": rows}, "pod": pod, "region": text}
    schema = {"properties": {"spec": {"properties": properties}}}
    definition = {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
    assert suggesting(definition) == ["spec.region", "spec.rows[].url", "spec.sets{}[].url"]

"""All parts of a factory in one order."""

from __future__ import annotations

from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.parts.build import parts_of
from tests.sovereignty.described import Data, made


def test_parts_are_sorted_by_layer_and_each_id_occurs_once(rich: Data) -> None:
    factory = made(rich)
    parts = parts_of(factory, plan(factory))
    keys = [(part.layer, part.id) for part in parts]
    assert keys == sorted(set(keys))
    assert {part.layer for part in parts} >= {"chips", "keys", "law", "people", "services", "software"}

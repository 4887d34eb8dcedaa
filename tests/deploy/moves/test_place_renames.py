"""A place that has another name, and a component that is in another place."""

from __future__ import annotations

from sovereign_ai.deploy.moves.component_places import Places
from sovereign_ai.deploy.moves.place_renames import (
    Relocation,
    RenamedPlaces,
    changed_places,
    moved_components,
    recorded_renames,
    renamed_places,
)
from sovereign_ai.render.kubernetes import Parts
from sovereign_ai.spec import AIFactory
from tests.daytwo.probes import Described
from tests.daytwo.table import changes

FACTORY: AIFactory = Described.of(next(iter(changes())).before).factory
[SITE] = FACTORY.sites
HALL = SITE.halls[0].name
ZONE = FACTORY.zones[0].name


def judged(
    before: Places, after: Places, renamed: dict[str, str] | None = None
) -> tuple[RenamedPlaces, list[Relocation]]:
    """Return the renamed places and the moved components of a change."""
    listed = changed_places(before, after, renamed or {})
    pairs = renamed_places(FACTORY, renamed or {}, before, listed)
    return pairs, list(moved_components(listed, pairs))


def test_a_place_that_is_no_longer_described_is_renamed() -> None:
    pairs, moved = judged({("pool.a", "hall"): {"old"}}, {("pool.a", "hall"): {"new"}})
    assert pairs == {("hall", "old"): "new"}
    assert moved == []


def test_a_component_moves_where_its_old_place_is_still_described() -> None:
    pairs, moved = judged({("pool.a", "hall"): {HALL}}, {("pool.a", "hall"): {"new"}})
    assert pairs == {}
    assert moved == [Relocation("pool.a", "hall", frozenset({HALL}), frozenset({"new"}))]


def test_a_component_moves_to_a_place_that_was_in_use_before() -> None:
    before = {("pool.a", "hall"): {"old"}, ("pool.b", "hall"): {HALL}}
    pairs, moved = judged(before, {("pool.a", "hall"): {HALL}, ("pool.b", "hall"): {HALL}})
    assert pairs == {}
    assert [relocation.component for relocation in moved] == ["pool.a"]


def test_a_component_in_one_place_decides_before_one_in_several() -> None:
    before = {("storage.a", "region"): {"r1", "r2"}, ("storage.b", "region"): {"r2"}}
    after = {("storage.a", "region"): {"x1", "x2"}, ("storage.b", "region"): {"x1"}}
    # By the order of names alone, r1 would have become x1.
    assert judged(before, after) == ({("region", "r1"): "x2", ("region", "r2"): "x1"}, [])


def test_what_a_run_that_was_cut_short_took_for_renamed_decides_where_it_still_can_be_so() -> None:
    before = {("pool.a", "zone"): {"one"}, ("pool.b", "zone"): {"two"}}
    after = {("pool.a", "zone"): {ZONE}, ("pool.b", "zone"): {ZONE}}
    listed = changed_places(before, after, {})
    # By the order of names alone, `one` would have become the zone.
    noted = {("zone", "two"): ZONE, ("zone", "three"): "undescribed"}
    assert renamed_places(FACTORY, {}, before, listed) == {("zone", "one"): ZONE}
    assert renamed_places(FACTORY, {}, before, listed, None, noted) == {("zone", "two"): ZONE}
    renamed = {"zone.one": f"zone.{ZONE}"}
    assert renamed_places(FACTORY, renamed, before, listed, None, noted) == {("zone", "one"): ZONE}


def test_several_names_of_one_component_are_paired_in_the_order_of_names() -> None:
    before, after = {("pool.a", "hall"): {"b", "a"}}, {("pool.a", "hall"): {"y", "x"}}
    assert judged(before, after)[0] == {("hall", "a"): "x", ("hall", "b"): "y"}


def test_a_zone_that_is_renamed_as_a_component_moves_nothing() -> None:
    before, after = {("tenant.t", "zone"): {"old"}}, {("tenant.t", "zone"): {ZONE}}
    pairs, moved = judged(before, after, {"zone.old": f"zone.{ZONE}"})
    assert pairs == {("zone", "old"): ZONE}
    assert moved == []


def test_a_component_under_another_name_is_compared_with_its_successor() -> None:
    before, after = {("pool.a", "hall"): {HALL}}, {("pool.b", "hall"): {"new"}}
    assert [relocation.component for relocation in judged(before, after, {"pool.a": "pool.b"})[1]] == [
        "pool.a"
    ]
    assert judged(before, after)[1] == []


def test_a_kind_of_place_that_cannot_be_renamed_is_a_move() -> None:
    pairs, moved = judged({("storage.a", "protocol"): {"nfs"}}, {("storage.a", "protocol"): {"block"}})
    assert pairs == {}
    assert len(moved) == 1


def test_parts_without_objects_are_renamed_by_what_was_recorded_of_them() -> None:
    ber1 = {"country": "aa", "power": "bb", "halls": "cc"}
    fra1 = {"country": "aa", "power": "dd"}
    before = {"site": {"ber1": ber1, "fra1": fra1}, "key": {"old": {"custodian": "x"}}}
    after: Parts = {"site": {"fra1": fra1, "ham1": {**ber1, "power": "ee"}}, "key": {}}
    assert recorded_renames(before, after, {}) == {("site", "ber1"): "ham1"}


def test_another_part_in_the_place_of_one_is_no_rename_and_objects_decide_first() -> None:
    before = {"site": {"ber1": {"country": "aa", "power": "bb"}}}
    other = {"site": {"ham1": {"country": "xx", "power": "yy"}}}
    assert recorded_renames(before, other, {}) == {}
    same = {"site": {"ham1": before["site"]["ber1"], "muc1": before["site"]["ber1"]}}
    assert recorded_renames(before, same, {}) == {("site", "ber1"): "ham1"}
    assert recorded_renames(before, same, {("site", "ber1"): "muc1"}) == {}

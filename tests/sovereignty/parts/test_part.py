"""The state of a part after a cut."""

from __future__ import annotations

from sovereign_ai.sovereignty.parts.part import Dependency, Effect, undescribed


def _part(effect: Effect, grace_days: int | None = None) -> Dependency:
    return Dependency(
        id="x",
        layer="software",
        what="x",
        holder="A",
        law="DE",
        effect=effect,
        grace_days=grace_days,
        fields=(),
    )


def test_a_part_that_stops_does_so_at_once_or_when_its_grace_ends() -> None:
    assert _part("stops").state(0) == "stops"
    assert [_part("stops", 30).state(day) for day in (0, 29, 30)] == ["runs", "runs", "stops"]


def test_a_part_that_ages_stops_only_with_a_described_grace() -> None:
    assert _part("ages").stop_day is None
    assert [_part("ages", 90).state(day) for day in (0, 365)] == ["ages", "stops"]


def test_an_undescribed_part_is_neither_described_nor_known() -> None:
    part = undescribed("dns:", "services", "name service", "services")
    assert (part.described, part.known, part.state(365)) == (False, False, "undecided")


def test_the_vendor_of_plain_data_is_the_holder_where_there_is_none() -> None:
    assert _part("runs").to_data()["vendor"] == "A"

from __future__ import annotations

import pytest

from sovereign_ai.catalog.accelerator import accelerator, accelerators
from sovereign_ai.sovereignty.export_control import BITS, exposure, notes, rules


@pytest.mark.parametrize(
    ("name", "tpp", "density"),
    [
        ("h100-sxm", 15_832, 19.45),
        ("h200-sxm", 15_832, 19.45),
        ("b200", 36_000, None),
        ("mi300x", 20_920, None),
        ("gaudi3", 29_360, None),
    ],
)
def test_processing_performance_is_the_dense_rate_times_the_bits(
    name: str, tpp: int, density: float | None
) -> None:
    found = exposure(name)
    assert (found.tpp, found.density) == (tpp, density)
    assert found.reaches == ("3A090.a",)


def test_the_h200_lies_below_the_ceiling_that_the_rule_of_2026_was_made_for() -> None:
    ceiling = rules()[1]
    chip = accelerator("h200-sxm")
    assert (exposure("h200-sxm").tpp or 0) < ceiling["tpp"], (
        "a factor of two too much in the formula would put it above"
    )
    assert chip.memory_bandwidth.count < ceiling["bandwidth_gbs"] * 10**9
    assert (exposure("b200").tpp or 0) > ceiling["tpp"]


def test_no_density_is_given_without_a_sourced_die_area() -> None:
    for chip in accelerators():
        found = exposure(chip.name)
        unknown = "density unknown" in found.why or "no source gives a dense rate" in found.why
        assert (found.density is None) == unknown


def test_an_uncertain_rate_keeps_its_range() -> None:
    found = exposure("b300")
    assert (found.low, found.tpp, found.high) == (13_500 * 4, 14_000 * 4, 15_300 * 4)
    assert set(found.partial) < set(BITS)


def test_every_rule_and_note_has_status_source_and_date() -> None:
    assert all(row["status"] and row["source"] and row["dated"] and row["read"] for row in rules())
    assert {row["id"]: row["status"] for row in notes()}["ai-diffusion"] == "announced_rescinded_not_enforced"

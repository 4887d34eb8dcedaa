"""Spares against the published counts."""

from __future__ import annotations

import pytest

from sovereign_ai.plan.spares import RATE, poisson_spares, spares
from sovereign_ai.units import Seconds

from .factories import factory, only_shape, pool


@pytest.mark.parametrize(
    ("machines", "by_hours"),
    [
        (12_500, {4: 18, 24: 70, 72: 180, 168: 389}),
        (2_048, {4: 6, 24: 18, 72: 40, 168: 78}),
        (128, {4: 2, 24: 4, 72: 6, 168: 10}),
    ],
)
def test_the_99_9th_percentile_is_that_of_the_counted_rate(machines: int, by_hours: dict[int, int]) -> None:
    assert {hours: poisson_spares(machines, 8, hours) for hours in by_hours} == by_hours


def test_the_rate_is_3_79_for_a_thousand_machine_days_of_eight_gpus() -> None:
    assert round(float(RATE * 8 * 1000), 2) == 3.79


def test_more_machines_never_need_fewer_spares() -> None:
    found = [poisson_spares(machines, 8, 72) for machines in range(1, 400, 7)]
    assert found == sorted(found)


def test_a_tray_of_four_gpus_fails_half_as_often_as_a_machine_of_eight() -> None:
    assert poisson_spares(2_000, 4, 72) == poisson_spares(1_000, 8, 72)


def test_the_machines_of_one_nvlink_domain_are_the_least() -> None:
    assert spares(machines=18, gpus=4, domain=18).machines == 18
    assert "18 machines share one NVLink domain" in spares(machines=18, gpus=4, domain=18).why
    assert (
        "1 is the least, as each machine is an NVLink domain by itself"
        in spares(machines=12, gpus=8, domain=0).why
    )


def test_automatic_spares_say_that_racks_and_leaves_are_not_in_them() -> None:
    for domain in (0, 18):
        why = spares(machines=36, gpus=4, domain=domain).why
        assert "racks and leaf switches, which can take more along, are not counted" in why
        assert "largest" not in why


def test_another_time_to_repair_can_be_stated() -> None:
    assert spares(12_500, 8, 0, repair=Seconds(24 * 3600)).machines == 70


def test_auto_is_derived_and_a_number_is_kept() -> None:
    assert only_shape(factory(pools=[pool(nodes=128, spares="auto")])).spares.machines == 6
    assert only_shape(factory(pools=[pool(nodes=128, spares=1)])).spares.machines == 1

"""The largest pool that feeds and budget carry."""

from __future__ import annotations

from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.energy.response import largest_pool
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import stack


def test_the_largest_pool_fits_and_one_more_does_not():
    factory, planned = stack("superpod")
    most = largest_pool(factory, "dgx")
    assert most * 10_200 <= 1_500_000 < (most + 1) * 10_200
    devices = assess_energy(factory, planned).measure("site.lyon.other").value or 0
    half = largest_pool(factory, "dgx", {"A": 400_000, "B": 400_000, "C": 400_000})
    assert half < most
    assert largest_pool(factory, "dgx", {"A": 0.0}) == 0
    held = largest_pool(factory, "dgx", other=devices)
    assert held * 10_200 + devices <= 1_500_000 < (held + 1) * 10_200 + devices
    assert assess_energy(factory, planned).measure("pool.dgx.largest").value == held


def test_what_devices_draw_leaves_less_for_machines():
    factory, planned = stack("superpod")
    found = assess_energy(factory, planned, {"device.qm9700.power": GivenValue(500)})
    devices = found.measure("site.lyon.other").value or 0
    most = int(found.measure("pool.dgx.largest").value or 0)
    assert most > int(assess_energy(factory, planned).measure("pool.dgx.largest").value or 0)
    assert most == largest_pool(factory, "dgx", other=devices)
    assert most * 10_200 <= 1_500_000 - devices < (most + 1) * 10_200


def test_a_larger_feed_never_fits_fewer_machines():
    factory, _ = stack("superpod")
    sizes = [
        largest_pool(factory, "dgx", dict.fromkeys("ABC", watts), budget=1e9)
        for watts in (1e5, 2e5, 4e5, 8e5, 1.6e6)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]

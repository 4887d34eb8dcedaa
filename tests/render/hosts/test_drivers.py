"""GPU drivers: each vendor's own, at the version that the pool names."""

from __future__ import annotations

import pytest

from sovereign_ai.render.hosts.drivers import DRIVERS, pinned
from tests.render.hosts.test_hosts import of


@pytest.mark.parametrize(
    ("pool", "pci", "first"),
    [("instinct", "1002", "amdgpu-dkms=6.4.1*"), ("gaudi", "1da3", "habanalabs-dkms=1.22.0*")],
)
def test_each_vendor_has_its_own_driver_at_the_pools_version(pool: str, pci: str, first: str) -> None:
    gpu = of("plural").shared[f"pool_{pool}"]["gpu"]
    assert (gpu["pci"], gpu["packages"][0]) == (pci, first)
    assert pinned("nvidia", "580.95.5") == "580.95.05*"
    assert all(set(one.pinned) <= set(one.packages) for one in DRIVERS.values())

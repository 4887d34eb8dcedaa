"""Storage tiers and keys."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.storage import Encryption, Key, StorageTier

TIER = {"name": "s", "protocol": "nfs", "zone": "z", "capacity": "1 PB"}


def test_a_tier_is_encrypted() -> None:
    with pytest.raises(SpecError) as caught:
        StorageTier(**TIER)
    assert [problem.where.field for problem in caught.value.problems] == ["encryption"]


def test_a_stripe_has_eight_data_and_two_parity_drives_by_default() -> None:
    tier = StorageTier(**TIER, encryption=Encryption(key="k"))
    assert (tier.data_drives, tier.parity_drives) == (8, 2)


def test_a_revocation_takes_an_hour_by_default() -> None:
    key = Key(name="k", custodian="customer", module="pkcs11", jurisdiction="DE")
    assert key.revocation.count == 3_600

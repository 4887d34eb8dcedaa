from __future__ import annotations

import pytest

from sovereign_ai.plan.priority_levels import TENANT_SHARES, request_levels, tenant_shares
from tests.render.lab import stack


def test_each_tenant_and_the_platform_have_a_level_with_all_their_people_and_accounts() -> None:
    _, derived = stack("lab")
    levels = {level.name: level for level in request_levels(derived.cluster("lab"))}
    assert list(levels) == ["sovereign-platform", "sovereign-tenant-research", "sovereign-tenant-startups"]
    assert levels["sovereign-tenant-research"].subjects == (
        "Group tenant:research",
        "Group tenant:research:viewers",
        "Group system:serviceaccounts:research",
    )
    everybody = [subject for level in levels.values() for subject in level.subjects]
    assert len(set(everybody)) == len(everybody), "nobody is in two levels"


@pytest.mark.parametrize(
    ("gpus", "shares"),
    [
        ({"one": 8}, {"one": 100}),
        ({"large": 96, "small": 32}, {"large": 62, "small": 37}),
        ({"large": 1_000_000, "none": 0}, {"large": 75, "none": 25}),
        ({"b": 0, "a": 0}, {"a": 50, "b": 50}),
        ({}, {}),
    ],
    ids=["alone", "by GPUs", "without GPUs", "nobody has GPUs", "nobody"],
)
def test_one_half_of_the_shares_is_equal_and_one_half_is_by_gpus(
    gpus: dict[str, int], shares: dict[str, int]
) -> None:
    assert tenant_shares(gpus) == shares


@pytest.mark.parametrize("count", [2, 7, 50, 100])
def test_shares_of_all_tenants_stay_below_the_limit_and_each_has_one(count: int) -> None:
    shares = tenant_shares({f"t{number}": number**2 for number in range(count)})
    assert min(shares.values()) >= 1
    # Of many tenants those without GPUs are rounded up to one.
    assert sum(shares.values()) <= TENANT_SHARES + (count if count > TENANT_SHARES // 2 else 0)


def test_of_a_thousand_tenants_each_has_one_share() -> None:
    assert set(tenant_shares({f"t{number}": 8 for number in range(1000)}).values()) == {1}

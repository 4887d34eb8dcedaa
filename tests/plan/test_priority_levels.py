from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.plan import plan
from sovereign_ai.plan.priority_levels import TENANT_SHARES, request_levels, tenant_shares
from sovereign_ai.spec import load
from tests.assess.stacks import STACKS
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
    ("tenants", "shares"),
    [(0, 0), (1, 20), (2, 20), (5, 20), (6, 16), (50, 2), (100, 1), (1_000, 1)],
)
def test_tenants_have_equal_shares_that_stay_the_same_for_up_to_five(tenants: int, shares: int) -> None:
    assert tenant_shares(tenants) == shares
    assert tenants * shares <= max(TENANT_SHARES, tenants)


def test_another_quota_changes_no_level(tmp_path: Path) -> None:
    _, before = stack("lab")
    text = (STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8")
    tmp_path.joinpath("factory.yaml").write_text(text.replace("gpus: 96", "gpus: 88"), encoding="utf-8")
    after = plan(load(tmp_path))
    assert after.digest != before.digest
    assert request_levels(after.cluster("lab")) == request_levels(before.cluster("lab"))

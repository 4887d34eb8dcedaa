"""A namespace does not pass to somebody else with what its former owner keeps in it."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.moves.handovers import handover_problems
from sovereign_ai.names import KEYS, OWNER
from tests.support.memory_cluster import MemoryCluster, obj

TENANT = {KEYS.component: "tenant.startups", KEYS.tenant: "startups"}
OTHER = {KEYS.component: "tenant.guests", KEYS.tenant: "guests"}
CONTROLLER = {KEYS.component: "platform.kueue"}


def space(labels: dict[str, str]) -> dict[str, Any]:
    return obj("Namespace", "startups", labels=labels)


@pytest.mark.parametrize(("had", "gets"), [(TENANT, CONTROLLER), (CONTROLLER, TENANT)])
def test_a_namespace_is_not_handed_on_between_a_tenant_and_a_controller(
    had: dict[str, str], gets: dict[str, str]
) -> None:
    there = space(had)
    (problem,) = handover_problems(MemoryCluster(), [space(gets)], {key_of(there): there["metadata"]})
    assert (problem.code, problem.where.field) == ("namespace-handed-on", "Namespace/startups")
    assert "'startups'" in problem.message
    assert "platform.kueue" in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("had", "gets"),
    [(TENANT, OTHER), (TENANT, TENANT), (CONTROLLER, CONTROLLER), ({}, TENANT), ({}, CONTROLLER)],
)
def test_an_empty_namespace_passes_between_tenants_and_one_of_others_is_adopted(
    had: dict[str, str], gets: dict[str, str]
) -> None:
    there = space(had)
    assert handover_problems(MemoryCluster(), [space(gets)], {key_of(there): there["metadata"]}) == []
    assert handover_problems(MemoryCluster(), [space(gets)], {}) == []


def test_a_namespace_does_not_pass_to_another_tenant_with_what_the_first_one_keeps_in_it() -> None:
    api = MemoryCluster(
        obj("PersistentVolumeClaim", "models", "startups"),
        obj("ResourceQuota", "tenant", "startups", labels={KEYS.owner: OWNER}),
    )
    there = space(TENANT)
    (problem,) = handover_problems(api, [space(OTHER)], {key_of(there): there["metadata"]})
    assert (problem.code, problem.where.field) == ("namespace-handed-on", "Namespace/startups")
    assert "'startups'" in problem.message
    assert "'guests'" in problem.message
    assert "1 volume claim (models)" in problem.message
    assert handover_problems(api, [space(TENANT)], {key_of(there): there["metadata"]}) == []


@pytest.mark.parametrize(("had", "gets"), [(TENANT, OTHER), (TENANT, CONTROLLER)])
def test_a_namespace_that_somebody_deleted_passes_to_nobody(
    had: dict[str, str], gets: dict[str, str]
) -> None:
    api = MemoryCluster(obj("PersistentVolumeClaim", "models", "startups"))
    metadata = space(had)["metadata"] | {"deletionTimestamp": "2026-12-07T00:00:00Z"}
    assert handover_problems(api, [space(gets)], {key_of(space(had)): metadata}) == []

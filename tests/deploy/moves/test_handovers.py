"""A namespace does not pass between a tenant and a controller with what is in it."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.moves.handovers import handover_problems
from sovereign_ai.names import KEYS
from tests.support.memory_cluster import obj

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
    (problem,) = handover_problems([space(gets)], {key_of(there): there["metadata"]})
    assert (problem.code, problem.where.field) == ("namespace-handed-on", "Namespace/startups")
    assert "'startups'" in problem.message
    assert "platform.kueue" in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("had", "gets"),
    [(TENANT, OTHER), (TENANT, TENANT), (CONTROLLER, CONTROLLER), ({}, TENANT), ({}, CONTROLLER)],
)
def test_tenants_take_names_of_tenants_and_a_namespace_of_others_is_adopted(
    had: dict[str, str], gets: dict[str, str]
) -> None:
    there = space(had)
    assert handover_problems([space(gets)], {key_of(there): there["metadata"]}) == []
    assert handover_problems([space(gets)], {}) == []

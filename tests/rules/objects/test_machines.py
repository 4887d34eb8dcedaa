from __future__ import annotations

from typing import Any

import cel
import pytest

from sovereign_ai.names import KEYS, NODE_WRITER
from sovereign_ai.rules.expressions import with_constants, without_variables
from sovereign_ai.rules.functions import facts
from sovereign_ai.rules.objects.machines import MACHINES
from tests.rules.deciding import obj, refused_by, small_context


def _node(**labels: str) -> dict[str, Any]:
    return obj("Node", namespace="", metadata={"labels": labels}, spec={})


def _located(zone: str, country: str, region: str = "fra1") -> dict[str, Any]:
    return _node(**{KEYS.zone: zone, KEYS.jurisdiction: country, "topology.kubernetes.io/region": region})


def test_a_live_node_of_a_zone_and_country_of_the_factory_is_permitted() -> None:
    assert refused_by(_located("restricted", "DE"), "live") == set()
    assert refused_by(_node(app="x"), "live") == set()


@pytest.mark.parametrize(
    "node",
    [
        _located("elsewhere", "DE"),
        _located("restricted", "US"),
        _located("restricted", "DE", region="us-east-1"),
        _node(**{KEYS.zone: "restricted"}),
    ],
    ids=["zone", "country", "region", "no country"],
)
def test_a_live_node_that_states_another_place_is_refused(node: dict[str, Any]) -> None:
    assert refused_by(node, "live") == {"NOD-001"}


def test_a_new_node_may_not_set_trusted_labels_itself() -> None:
    assert refused_by(_node(app="x")) == set()
    assert refused_by(_located("restricted", "DE")) == {"NOD-001"}


ROLE = {"key": "node-role.kubernetes.io/management", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("user", "before", "after", "is_kept"),
    [
        ("somebody", [ROLE], [], False),
        ("somebody", [ROLE], [{**ROLE, "effect": "PreferNoSchedule"}], False),
        ("system:node:case", [ROLE], [{**ROLE, "key": "node-role.kubernetes.io/other"}], False),
        ("somebody", [ROLE], [{**ROLE, "timeAdded": "2026-11-28T00:00:00Z"}], True),
        ("somebody", [ROLE, {"key": "a", "effect": "NoSchedule"}], [ROLE], True),
        ("system:node:case", [], [ROLE], True),
        (NODE_WRITER, [ROLE], [], True),
    ],
)
def test_nobody_but_the_factory_takes_the_taint_of_a_management_node_away(
    user: str, before: list[dict[str, str]], after: list[dict[str, str]], *, is_kept: bool
) -> None:
    (check,) = [check for check in MACHINES.checks if check.field == "spec.taints"]
    parts = {"taints": "object.spec.taints", "taints_before": "oldObject.spec.taints"}
    expression = without_variables(with_constants(check.expression, small_context().constants()), parts)
    values = {
        "object": {"spec": {"taints": after}},
        "oldObject": {"spec": {"taints": before}},
        "request": {"userInfo": {"username": user}, "operation": "UPDATE"},
    }
    assert cel.compile(expression).execute(facts(values)) is is_kept

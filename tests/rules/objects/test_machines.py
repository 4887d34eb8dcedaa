from __future__ import annotations

from typing import Any

import cel
import pytest

from sovereign_ai.names import KEYS, NODE_WRITER
from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.expressions import with_constants, without_variables
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


KUBELET, AGENT, PERSON = "system:node:case", "system:serviceaccount:kube-system:agent", "jane"
NOTES = {f"{KEYS.domain}/acceptance": "passed at 2026-11-30T00:00:00+00:00"}


def is_permitted(
    field: str, user: str, before: dict[str, Any], after: dict[str, Any], part: str = ""
) -> bool:
    """Say whether the check of a field lets a user change a Node."""
    (check,) = [check for check in MACHINES.checks if check.field == field]
    parts = {"notes": "object.metadata.annotations", "notes_before": "oldObject.metadata.annotations"}
    expression = without_variables(with_constants(check.expression, small_context().constants()), parts)
    groups = ["system:nodes"] if user == KUBELET else []
    request = {"userInfo": {"username": user, "groups": groups}, "operation": "UPDATE", "subResource": part}
    values = {"object": after, "oldObject": before, "request": request}
    return bool(cel.compile(expression).execute(facts(values)))


@pytest.mark.parametrize(
    ("user", "part", "is_let"),
    [
        (KUBELET, "", False),
        (KUBELET, "status", False),
        (AGENT, "status", False),
        (AGENT, "", True),
        (PERSON, "", True),
        (NODE_WRITER, "status", True),
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [({}, NOTES), (NOTES, {}), (NOTES, dict.fromkeys(NOTES, "failed"))],
    ids=["adds", "takes", "changes"],
)
def test_a_machine_writes_no_note_of_the_factory_about_itself(
    user: str, part: str, before: dict[str, str], after: dict[str, str], *, is_let: bool
) -> None:
    nodes = [{"metadata": {"annotations": notes | {"of/others": "x"}}} for notes in (before, after)]
    assert is_permitted("metadata.annotations", user, nodes[0], nodes[1], part) is is_let


def test_what_is_not_the_factorys_and_what_stays_as_it_is_a_machine_may_write() -> None:
    before, after = {"metadata": {"annotations": NOTES}}, {"metadata": {"annotations": NOTES | {"csi": "x"}}}
    assert is_permitted("metadata.annotations", KUBELET, before, after)


@pytest.mark.parametrize(
    ("user", "before", "after", "is_let"),
    [
        (KUBELET, True, False, False),
        (KUBELET, True, None, False),
        (KUBELET, True, True, True),
        (KUBELET, False, True, True),
        (KUBELET, None, None, True),
        (PERSON, True, None, True),
    ],
)
def test_a_machine_lifts_no_cordon_of_itself(
    user: str, before: bool | None, after: bool | None, is_let: bool
) -> None:
    specs = [{} if state is None else {"unschedulable": state} for state in (before, after)]
    nodes = [{"spec": spec} for spec in specs]
    assert is_permitted("spec.unschedulable", user, nodes[0], nodes[1]) is is_let

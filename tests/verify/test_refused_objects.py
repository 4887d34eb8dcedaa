from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import GROUPS, Group, find_kind
from sovereign_ai.spec.reader import load
from sovereign_ai.verify.pods import UNLISTED
from sovereign_ai.verify.refused_objects import refused_objects

STACKS = Path(__file__).parents[2] / "stacks"


@pytest.mark.parametrize("stack", ["lab", "plural", "superpod"])
@pytest.mark.parametrize("group", [group for group in GROUPS if group != "pods"])
def test_the_rules_of_its_policy_forbid_each_object_in_every_stack(stack: str, group: Group) -> None:
    factory = load(STACKS / stack)
    derived = plan(factory)
    namespace = next(one.name for one in derived.clusters[0].namespaces if one.zone)
    obj = refused_objects(namespace, factory.name, UNLISTED)[group]
    kind = find_kind(obj["apiVersion"], obj["kind"])
    assert kind is not None
    assert kind.group == group
    assert [
        finding
        for finding in evaluate([obj], factory_context(factory, derived, derived.clusters[0].name), "bundle")
        if finding.status == "violation"
    ]

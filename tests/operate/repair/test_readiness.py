"""When a machine that a NodeReadinessRule keeps tainted has a fault, whatever stands in rule and Node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.readiness import has_readiness_taint, read_rule, readiness_faults

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEY = "readiness.k8s.io/network"
PATIENCE = timedelta(minutes=15)
FAULT = (Fault(KEY, None, 0, Remedy.REBOOT),)


def rule(*conditions: tuple[str, str], **spec: Any) -> dict[str, Any]:
    """Return a NodeReadinessRule; each condition with the status that it requires."""
    required = [{"type": kind, "requiredStatus": status} for kind, status in conditions]
    taint = {"key": KEY, "value": "pending", "effect": "NoSchedule"}
    return {"spec": {"conditions": required, "enforcementMode": "continuous", "taint": taint, **spec}}


def node(*conditions: tuple[str, str, float], effect: str = "NoSchedule", key: str = KEY) -> dict[str, Any]:
    """Return a tainted Node with conditions: type, status, and since how many minutes."""
    rows = []
    for kind, status, minutes in conditions:
        since = (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append({"type": kind, "status": status, "lastTransitionTime": since})
    return {"spec": {"taints": [{"key": key, "effect": effect}]}, "status": {"conditions": rows}}


def of(live: dict[str, Any], *rules: dict[str, Any]) -> tuple[Fault, ...]:
    read = [known for known in map(read_rule, rules) if known is not None]
    return readiness_faults(live, read, NOW, PATIENCE)


NETWORK = rule(("NetworkReady", "True"))


@pytest.mark.parametrize(("minutes", "faults"), [(14.9, ()), (15, FAULT), (9_000, FAULT)])
def test_a_condition_that_is_unmet_for_too_long_is_a_fault(minutes: float, faults: tuple[Fault, ...]) -> None:
    assert of(node(("Ready", "True", 9_999), ("NetworkReady", "False", minutes)), NETWORK) == faults


def test_a_machine_that_the_rule_does_not_taint_has_none() -> None:
    unmet = ("NetworkReady", "False", 60.0)
    assert of(node(unmet, key="readiness.k8s.io/other"), NETWORK) == ()
    assert of(node(unmet, effect="PreferNoSchedule"), NETWORK) == ()
    assert of(node(unmet)) == ()
    assert of(node(unmet, effect="NoExecute"), NETWORK) == FAULT


def test_a_taint_that_is_about_to_go_is_no_fault() -> None:
    assert of(node(("NetworkReady", "True", 60)), NETWORK) == ()


def test_a_condition_that_was_never_reported_is_missing_since_the_machine_was_ready() -> None:
    assert of(node(("Ready", "True", 10)), NETWORK) == ()
    assert of(node(("Ready", "True", 20)), NETWORK) == FAULT
    assert of(node(), NETWORK) == ()
    absent = rule()
    absent["spec"]["conditions"] = [
        {"type": "Gone", "requiredStatus": "False", "defaultStatus": "False"},
        {"type": "NetworkReady", "requiredStatus": "True"},
    ]
    assert of(node(("Ready", "True", 20), ("NetworkReady", "False", 1)), absent) == ()


def test_of_several_conditions_the_oldest_unmet_counts_or_with_any_of_the_newest() -> None:
    pair = (("NetworkReady", "True"), ("GpuReady", "True"))
    live = node(("NetworkReady", "False", 60), ("GpuReady", "False", 5))
    assert of(live, rule(*pair)) == FAULT
    assert of(live, rule(*pair, conditionPolicy="anyOf")) == ()
    both = node(("NetworkReady", "False", 60), ("GpuReady", "False", 50))
    assert of(both, rule(*pair, conditionPolicy="anyOf")) == FAULT
    assert of(node(("NetworkReady", "False", 60), ("GpuReady", "True", 90)), rule(*pair)) == FAULT
    one = node(("NetworkReady", "False", 60), ("GpuReady", "True", 1))
    assert of(one, rule(*pair, conditionPolicy="anyOf")) == ()


def test_two_rules_of_one_taint_are_one_fault() -> None:
    live = node(("NetworkReady", "False", 60), ("GpuReady", "False", 60))
    assert of(live, NETWORK, rule(("GpuReady", "True"))) == FAULT


@pytest.mark.parametrize("odd", [None, 5, [], {}, "", "x" * 5_000, [None], [5], [{}], [{"type": ["a"]}]])
def test_whatever_a_rule_or_a_moment_holds_is_read(odd: Any) -> None:
    live = node(("Ready", "True", 60), ("NetworkReady", "False", 60))
    for field in ("conditions", "taint", "conditionPolicy"):
        assert of(live, rule(("NetworkReady", "True")) | {"spec": {**NETWORK["spec"], field: odd}}) in {
            (),
            FAULT,
        }
    assert read_rule({"spec": odd}) is None
    live["status"]["conditions"][1]["lastTransitionTime"] = odd
    assert of(live, NETWORK) == ()
    assert not has_readiness_taint({"metadata": {}})

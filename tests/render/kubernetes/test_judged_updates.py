from __future__ import annotations

from typing import Any

import cel
import pytest

from sovereign_ai.render.kubernetes.judged_updates import changed
from sovereign_ai.rules.kinds import GROUPS, Group

WORKLOADS: tuple[Group, ...] = ("templates", "others")
COUNTED = "deployment.kubernetes.io/desired-replicas"


def is_judged(group: Group, new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Tell whether the policy of a group judges an update, by the condition as it is rendered."""
    facts = {"object": new, "oldObject": old, "request": {"operation": "UPDATE"}}
    return bool(cel.compile(changed(group)).execute(facts))


def workload(spec: Any, **metadata: Any) -> dict[str, Any]:
    return {"kind": "ReplicaSet", "metadata": {"name": "a", **metadata}, "spec": spec}


TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "gone.example.com/a"}]}}
OLD = {"replicas": 2, "parallelism": 4, "template": TEMPLATE}


@pytest.mark.parametrize("group", WORKLOADS)
@pytest.mark.parametrize(
    "less",
    [
        {"replicas": 1},
        {"replicas": 0, "parallelism": 0},
        {"parallelism": 3},
        {"suspend": True},
        {"suspend": True, "replicas": 0},
    ],
    ids=str,
)
def test_a_workload_that_an_older_rule_admitted_may_run_less(group: Group, less: dict[str, Any]) -> None:
    assert not is_judged(group, workload({**OLD, **less}), workload(OLD))
    awake = {**OLD, "suspend": False}
    assert not is_judged(group, workload({**awake, **less}), workload(awake))


@pytest.mark.parametrize("group", WORKLOADS)
@pytest.mark.parametrize(
    "more",
    [
        {"replicas": 3},
        {"replicas": 1, "parallelism": 5},
        {"replicas": 1, "template": {"spec": {"containers": []}}},
        {"suspend": False},
        {"replicas": 1, "paused": True},
        {"replicas": "1"},
        {"replicas": None},
        {"completions": 1},
    ],
    ids=str,
)
def test_a_workload_that_could_run_more_or_something_else_is_judged(
    group: Group, more: dict[str, Any]
) -> None:
    assert is_judged(group, workload({**OLD, **more}), workload(OLD))
    assert is_judged(group, workload({**OLD, **more}), workload({**OLD, "suspend": True, "completions": 4}))


@pytest.mark.parametrize("group", WORKLOADS)
def test_a_field_that_goes_or_a_spec_that_comes_is_judged(group: Group) -> None:
    shorter = {key: value for key, value in OLD.items() if key != "replicas"}
    assert is_judged(group, workload(shorter), workload(OLD))
    assert is_judged(group, workload(OLD), workload(shorter))
    bare = {"kind": "ReplicaSet", "metadata": {"name": "a"}}
    assert is_judged(group, workload(OLD), bare)
    assert is_judged(group, bare, workload(OLD))


@pytest.mark.parametrize(
    "specs", [([1], [2]), ("a", "b"), (1, 2), ({"replicas": 1}, [1]), (None, {})], ids=str
)
def test_a_spec_of_any_type_is_compared(specs: tuple[Any, Any]) -> None:
    new, old = specs
    assert is_judged("others", workload(new), workload(old))
    assert not is_judged("others", workload(old), workload(old))


def test_a_workload_that_runs_less_is_judged_where_its_labels_or_annotations_change() -> None:
    for group in WORKLOADS:
        for part in ("labels", "annotations"):
            new = workload({**OLD, "replicas": 1}, **{part: {"a": "b"}})
            assert is_judged(group, new, workload(OLD))
            assert is_judged(group, workload({**OLD, "replicas": 1}), workload(OLD, **{part: {"a": "b"}}))


def test_a_deployment_counts_in_annotations_of_its_replica_sets_unjudged() -> None:
    old = workload(OLD, annotations={COUNTED: "2", "other": "a"})
    assert not is_judged(
        "templates", workload({**OLD, "replicas": 1}, annotations={COUNTED: "3", "other": "a"}), old
    )
    assert not is_judged("templates", workload(OLD, annotations={"other": "a"}), old)
    assert not is_judged("templates", workload(OLD), workload(OLD, annotations={COUNTED: "2"}))
    assert is_judged("templates", workload(OLD, annotations={COUNTED: "2", "other": "b"}), old)
    assert is_judged("templates", workload(OLD, annotations={COUNTED: "2"}), old)
    assert is_judged("others", workload(OLD, annotations={COUNTED: "3", "other": "a"}), old)


@pytest.mark.parametrize("group", [group for group in GROUPS if group not in WORKLOADS])
def test_other_kinds_are_judged_by_every_change_of_their_spec(group: Group) -> None:
    assert is_judged(group, workload({**OLD, "replicas": 1}), workload(OLD))

"""A quota on numbers of objects without room for what is deployed is a problem before the first write."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.dry_run import try_out
from sovereign_ai.deploy.live.object_quotas import quota_problems
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from tests.support.memory_cluster import MemoryCluster, obj

COUNT = "count/configmaps"


def config_map(name: str, namespace: str = "research") -> dict[str, Any]:
    return obj("ConfigMap", name, namespace)


def quota(hard: str, used: str, name: str = COUNT, **spec: Any) -> dict[str, Any]:
    status = {"hard": {name: hard}, "used": {name: used}}
    return obj("ResourceQuota", "theirs", "research") | {"spec": spec, "status": status}


def problems(
    *live: dict[str, Any], planned: tuple[str, ...] = ("a", "b"), leaving: tuple[str, ...] = ()
) -> list[Problem]:
    # The kinds that the cluster serves are those of its objects.
    api = MemoryCluster(config_map("somewhere", "else"), *live)
    wanted, going = map(config_map, planned), map(config_map, leaving)
    return quota_problems(api, wanted, going, lambda _obj: Where(field="tenants[0]"))


@pytest.mark.parametrize("name", [COUNT, "configmaps"])
def test_what_one_more_object_would_pass_and_all_of_them_do_not_is_a_problem_with_their_names(
    name: str,
) -> None:
    assert problems(quota("5", "3", name)) == []
    (problem,) = problems(quota("4", "3", name))
    assert (problem.code, problem.where.field) == ("api-forbids", "tenants[0]")
    assert "ResourceQuota/research/theirs limits the objects of kind ConfigMap" in problem.message
    assert problem.message.endswith("no room for what the description brings: a, b; nothing was changed")


def test_what_exists_is_no_new_object_and_what_leaves_makes_room() -> None:
    assert problems(quota("1", "1"), config_map("a"), config_map("b")) == []
    (problem,) = problems(quota("1", "1"), config_map("a"))
    assert problem.message.endswith("brings: b; nothing was changed")
    assert problems(quota("1", "1"), config_map("a"), leaving=("c",)) == []


@pytest.mark.parametrize(
    "other",
    [
        quota("0", "0", scopes=["BestEffort"]),
        quota("0", "0", scopeSelector={"matchExpressions": []}),
        quota("0", "0", "count/secrets"),
        quota("0", "0", "count/configmaps.example.com"),
        quota("1k", "1", COUNT),
        obj("ResourceQuota", "new", "research") | {"spec": {"hard": {COUNT: "0"}}},
        quota("0", "0") | {"metadata": {"name": "x", "namespace": "other"}},
    ],
)
def test_a_quota_that_counts_something_else_is_none_of_it(other: dict[str, Any]) -> None:
    assert problems(other) == []


def test_a_deployment_is_refused_by_it_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    api = MemoryCluster(quota("0", "0"), config_map("somewhere", "else"))
    # A dry run, object by object, passes.
    monkeypatch.setattr(api, "create", lambda *_, **__: {})
    with pytest.raises(EnvironmentLacksError, match="theirs limits"):
        try_out(api, [config_map("a")], lambda _obj: Where(), leaving=[])

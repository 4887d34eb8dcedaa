"""One reading of a cluster for several checks."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.api.snapshot import Snapshot
from tests.support.memory_cluster import MemoryCluster, obj, refusal

WHOLE = [("v1", "Role"), ("v1", "Namespace")]


def cluster() -> MemoryCluster:
    """Return a cluster with roles of several owners in several namespaces, one of them without labels."""
    labels = [{"app": "web", "tier": "a"}, {"app": "web"}, {"app": "db", "tier": "b"}]
    roles = [
        obj("Role", f"r{number}", space, labels=one)
        for number, (space, one) in enumerate(itertools.product("xy", labels))
    ]
    return MemoryCluster(
        *roles, obj("Role", "bare", "x"), obj("ConfigMap", "facts", "x"), obj("Namespace", "x")
    )


@pytest.mark.parametrize("namespace", [None, "x", "z"])
@pytest.mark.parametrize("selector", [None, "app=web", "app=web,tier=a", "app=nobody"])
def test_a_kind_read_whole_answers_each_question_as_the_server_does_and_is_listed_once(
    namespace: str | None, selector: str | None
) -> None:
    api = cluster()
    expected = api.list("v1", "Role", namespace, selector)
    reading = Snapshot(api, WHOLE)
    for kind in WHOLE:
        reading.list(*kind)
    api.asked.clear()
    assert reading.list("v1", "Role", namespace, selector) == expected
    assert reading.list("v1", "Role", namespace, selector, metadata_only=True) == expected
    assert api.asked == []


def test_a_label_of_any_value_is_answered_from_memory_and_other_operators_by_the_server() -> None:
    api = cluster()
    reading = Snapshot(api, WHOLE)
    assert {item["metadata"]["name"] for item in reading.list("v1", "Role", label_selector="tier")} == {
        "r0",
        "r2",
        "r3",
        "r5",
    }
    asked: list[str | None] = []
    monkeyed: Any = api
    monkeyed.list = lambda *query, **_more: asked.append(query[3]) or []
    for selector in ("app!=web", "!app", "app in (web,db)", "app==web"):
        reading.list("v1", "Role", label_selector=selector)
    assert asked == ["app!=web", "!app", "app in (web,db)", "app==web"]


def test_an_object_is_read_from_the_whole_list_and_what_is_not_in_it_does_not_exist() -> None:
    api = cluster()
    reading = Snapshot(api, WHOLE)
    assert reading.get("v1", "Role", "r0", "x") == api.get("v1", "Role", "r0", "x")
    assert reading.get("v1", "Role", "r0", "y") is None
    assert reading.get("v1", "Namespace", "x") is not None
    assert [line for line in api.asked if line.startswith("LIST")] == ["LIST Role", "LIST Namespace"]


def test_what_is_not_read_whole_is_asked_once_for_each_question() -> None:
    api = cluster()
    reading = Snapshot(api, WHOLE)
    for namespace in ("x", "y", "x"):
        reading.list("v1", "ConfigMap", namespace)
    assert api.asked == ["LIST ConfigMap x", "LIST ConfigMap y"]
    reading.get("v1", "ConfigMap", "facts", "x")
    assert api.asked[-1] == "GET ConfigMap/facts"


def test_a_write_makes_it_forget_and_a_dry_run_does_not() -> None:
    api = cluster()
    reading = Snapshot(api, WHOLE)
    writes: Any = api
    writes.apply = writes.create = lambda obj, **_how: dict(obj)
    reading.list("v1", "Role")
    reading.apply(obj("Role", "new", "x"), dry_run=True)
    reading.create(obj("Role", "new", "x"), dry_run=True)
    reading.delete("v1", "Role", "r0", "x", dry_run=True)
    reading.list("v1", "Role")
    assert api.asked.count("LIST Role") == 1
    reading.delete("v1", "Role", "r0", "x")
    assert reading.get("v1", "Role", "r0", "x") is None
    reading.apply(obj("Role", "new", "x"))
    reading.list("v1", "Role")
    assert api.asked.count("LIST Role") == 3


def test_a_kind_that_is_not_served_is_asked_for_once_and_a_refusal_is_no_answer() -> None:
    api = cluster()
    api.unserved = {"Role"}
    reading = Snapshot(api, WHOLE)
    for _ in range(2):
        with pytest.raises(ApiError):
            reading.list("v1", "Role")
    assert api.asked == ["LIST Role"]
    api.failure = refusal(503)
    with pytest.raises(ApiError):
        reading.list("v1", "Namespace")
    api.failure = None
    assert [item["metadata"]["name"] for item in reading.list("v1", "Namespace")] == ["kube-system", "x"]

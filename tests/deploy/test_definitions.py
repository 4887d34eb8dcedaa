"""Definitions of kinds: served before their objects, and not taken away under the feet of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sovereign_ai.cluster.api import Resource
from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.definitions import (
    define,
    definition_problems,
    remove_custom,
    removed_definition_problems,
    unserved,
)
from sovereign_ai.deploy.live_objects import ObjectKey
from sovereign_ai.errors import DeploymentError
from sovereign_ai.names import KEYS, OWNER

NAME = "widgets.example.com"
GROUP = "apiextensions.k8s.io"
KEY = ObjectKey(GROUP, "CustomResourceDefinition", "", NAME)
WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}


def definition(**status: Any) -> dict[str, Any]:
    spec = {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Cluster",
        "versions": [{"name": "v1", "served": True}],
    }
    labels = {KEYS.component: "platform.widgets"}
    metadata = {"name": NAME, "labels": labels}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
        **status,
    }


def established(status: str = "True", message: str = "") -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Established", "status": status, "message": message}]}}


class Cluster:
    """An API server with a list of definitions and of widgets."""

    def __init__(self, definitions: Iterable[dict[str, Any]], widgets: Iterable[dict[str, Any]] = ()) -> None:
        self.definitions = list(definitions)
        self.widgets = list(widgets)
        self.written: list[str] = []
        self.serves = False

    def kinds(self) -> list[Resource]:
        served = [
            Resource(
                "example.com/v1", "Widget", "widgets", namespaced=False, verbs=("list",), subresources=()
            )
        ]
        return served if self.serves else []

    def list(self, _version: str, kind: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return self.definitions if kind == "CustomResourceDefinition" else self.widgets

    def apply(self, obj: dict[str, Any], **_: Any) -> None:
        self.written.append(obj["metadata"]["name"])
        self.definitions = [{**obj, **established()}]

    def delete(self, _version: str, _kind: str, name: str, _namespace: str | None, **_: Any) -> None:
        self.widgets = [widget for widget in self.widgets if widget["metadata"]["name"] != name]

    def many(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]


def silent(_line: str) -> None:
    """Take a line of progress."""


def test_a_kind_that_only_the_deployment_defines_is_named_until_it_is_served() -> None:
    cluster: Any = Cluster([])
    assert unserved(cluster, [definition(), WIDGET]) == {("example.com/v1", "Widget")}
    assert unserved(cluster, [WIDGET]) == frozenset()
    cluster.serves = True
    assert unserved(cluster, [definition(), WIDGET]) == frozenset()


def test_a_definition_is_written_once_and_waited_for() -> None:
    cluster: Any = Cluster([])
    assert define(cluster, [definition(), WIDGET], silent) == [NAME]
    assert define(cluster, [definition(), WIDGET], silent) == []
    assert cluster.written == [NAME]


class Late(Cluster):
    """Serves a definition some looks after it was written."""

    looks = 0

    def list(self, _version: str, kind: str, *more: Any, **others: Any) -> list[dict[str, Any]]:
        self.looks += 1
        if self.written and self.looks > 4:
            self.definitions = [{**definition(), **established()}]
        return super().list(_version, kind, *more, **others)

    def apply(self, obj: dict[str, Any], **_: Any) -> None:
        self.written.append(obj["metadata"]["name"])
        self.definitions = [obj]


def test_a_definition_that_is_served_late_is_waited_for() -> None:
    cluster: Any = Late([])
    assert define(cluster, [definition(), WIDGET], silent) == [NAME]
    assert (cluster.written, cluster.looks) == ([NAME], 5)


def test_a_definition_that_is_not_served_ends_the_deployment_with_the_servers_reason() -> None:
    cluster: Any = Cluster([{**definition(), **established("False", "a name is taken")}])
    with pytest.raises(DeploymentError, match="a name is taken"):
        define(cluster, [definition()], silent, wait_seconds=0.01)


def test_a_definition_that_is_still_needed_may_not_leave() -> None:
    cluster: Any = Cluster([definition()])
    (problem,) = definition_problems(cluster, [WIDGET], [KEY], Allowed())
    assert problem.code == "definition-leaves"
    assert "Widget/a needs it" in problem.message
    # The description's own object: it cannot do without, so somebody else has to define the kind.
    assert f"kubectl label crd {NAME} {KEYS.owner}=NAME --overwrite" in problem.hint
    of_manifests = {**WIDGET, "metadata": {"name": "a", "labels": {KEYS.component: "platform.widgets"}}}
    (problem,) = definition_problems(cluster, [of_manifests], [KEY], Allowed())
    assert problem.hint.startswith("keep the definition in the manifests")


def test_what_others_made_goes_before_the_definition_and_what_a_controller_made_with_its_owner() -> None:
    ours = {**WIDGET, "metadata": {"name": "ours", "labels": {KEYS.owner: OWNER}}}
    child = {**WIDGET, "metadata": {"name": "child", "ownerReferences": [{"uid": "1", "controller": True}]}}
    cluster: Any = Cluster([definition()], [ours, WIDGET, child])
    leaving = [KEY, ObjectKey("example.com", "Widget", "", "ours")]
    gone = remove_custom(cluster, leaving, silent)
    assert [key.name for key in gone] == ["a", "ours"]
    assert [widget["metadata"]["name"] for widget in cluster.widgets] == ["child"]


def test_objects_of_others_go_with_their_definition_only_where_that_was_asked_for() -> None:
    ours = {**WIDGET, "metadata": {"name": "ours", "labels": {KEYS.owner: OWNER}}}
    cluster: Any = Cluster([definition()], [ours, WIDGET])
    leaving = [KEY, ObjectKey("example.com", "Widget", "", "ours")]
    (problem,) = definition_problems(cluster, [], leaving, Allowed())
    assert (problem.code, "1 Widget of others: a;" in problem.message) == ("deletes-data", True)
    assert definition_problems(cluster, [], leaving, Allowed(frozenset({NAME}))) == []
    cluster.widgets = [ours]
    assert definition_problems(cluster, [], leaving, Allowed()) == []
    # What another stack of this tool deployed is not this one's to destroy.
    assert "1 Widget of others: ours;" in definition_problems(cluster, [], [KEY], Allowed())[0].message


def in_namespace(name: str, namespace: str) -> dict[str, Any]:
    return {**WIDGET, "metadata": {"name": name, "namespace": namespace}}


def test_a_removal_asks_for_a_definition_of_which_others_have_objects_elsewhere() -> None:
    cluster: Any = Cluster([definition()], [in_namespace("inside", "ours")])
    # What is in a namespace that goes is asked for with the namespace.
    assert removed_definition_problems(cluster, [KEY], ["ours"], Allowed()) == []
    for number in range(6):
        cluster.widgets.append(in_namespace(f"w{number}", "theirs"))
    (problem,) = removed_definition_problems(cluster, [KEY], ["ours"], Allowed())
    said = "6 Widget of others: theirs/w0, theirs/w1, theirs/w2, theirs/w3, and more"
    assert (problem.code, problem.where.field) == ("deletes-data", str(KEY))
    assert said in problem.message
    assert f"--allow-delete {NAME}" in problem.hint
    assert removed_definition_problems(cluster, [KEY], ["ours"], Allowed(frozenset({NAME}))) == []


def test_nothing_is_asked_at_a_removal_without_definitions() -> None:
    cluster: Any = None
    assert removed_definition_problems(cluster, [ObjectKey("", "ConfigMap", "a", "b")], [], Allowed()) == []


def test_nothing_is_asked_where_no_definition_leaves() -> None:
    other = ObjectKey("", "ConfigMap", "a", "b")
    cluster: Any = None
    assert definition_problems(cluster, [WIDGET], [other], Allowed()) == []
    assert remove_custom(cluster, [other], silent) == []

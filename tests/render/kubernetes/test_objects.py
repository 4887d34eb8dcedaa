"""Objects carry owner, factory and component, sorted, and no empty metadata."""

from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.objects import Maker


def test_every_object_carries_owner_factory_and_component_sorted() -> None:
    labels = Maker("lab").make("v1", "Namespace", "a", "tenant.a", labels={"z": "1", "a": "2"})["metadata"][
        "labels"
    ]
    assert list(labels) == sorted(labels)
    assert labels[KEYS.factory] == "lab"
    assert labels[KEYS.component] == "tenant.a"
    assert {"a", "z", KEYS.owner} <= labels.keys()


def test_an_object_without_a_namespace_or_annotations_has_no_such_member() -> None:
    obj = Maker("lab").make("v1", "ConfigMap", "a", "factory.lab", data={"k": "v"})
    assert set(obj["metadata"]) == {"name", "labels"}
    assert obj["data"] == {"k": "v"}
    placed = Maker("lab").make("v1", "ConfigMap", "a", "c", namespace="n", annotations={"b": "1", "a": "2"})
    assert placed["metadata"]["namespace"] == "n"
    assert list(placed["metadata"]["annotations"]) == ["a", "b"]

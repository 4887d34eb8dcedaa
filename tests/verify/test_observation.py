from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.verify.kinds import OBSERVED
from sovereign_ai.verify.observation import examples, observe
from tests.verify.in_memory import InMemoryApi, refused
from tests.verify.test_verdict import FACTORY, memory

SETTINGS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "research"},
}


def labelled() -> dict[str, str]:
    return {KEYS.owner: OWNER, KEYS.factory: FACTORY.name}


def test_each_kind_is_listed_once_and_definitions_as_well() -> None:
    api = memory()
    observed = observe(api, FACTORY)
    assert len(api.asked) == len(OBSERVED) + 1 == observed.requests
    assert len(set(api.asked)) == len(api.asked)


def test_config_maps_of_others_are_not_read_and_a_wanted_one_without_its_label_is() -> None:
    api = memory()
    api.create(SETTINGS)
    api.create(SETTINGS | {"metadata": {"name": "other", "namespace": "research"}})
    mine = SETTINGS | {"metadata": {"name": "mine", "namespace": "research", "labels": labelled()}}
    api.create(mine)
    read = {obj["metadata"]["name"] for obj in observe(api, FACTORY).of("v1", "ConfigMap")}
    assert "mine" in read
    assert not read & {"settings", "other"}
    with_settings = observe(api, FACTORY, [SETTINGS]).of("v1", "ConfigMap")
    assert {obj["metadata"]["name"] for obj in with_settings} == read | {"settings"}


def test_a_kind_that_is_not_served_is_named_and_a_refusal_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    api = InMemoryApi(unserved=["StorageClass"])
    observed = observe(api, FACTORY)
    assert observed.unserved == (("storage.k8s.io/v1", "StorageClass"),)
    assert observed.of("storage.k8s.io/v1", "StorageClass") == ()

    def refuse(*_kind: object, **_how: object) -> None:
        raise refused(403, "forbidden")

    monkeypatch.setattr(api, "list", refuse)
    with pytest.raises(ApiError, match="forbidden"):
        observe(api, FACTORY)


def test_definitions_of_kinds_are_judged_too_where_they_are_wanted() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "names": {"kind": "Widget"}, "versions": [{"name": "v1"}]},
    }
    api = memory()
    api.create(definition)
    observed = observe(api, FACTORY, [definition])
    assert observed.named("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.org")
    listed = [asked for asked in api.asked if asked.startswith("LIST")]
    assert len(set(listed)) == len(listed) == observed.requests


def test_an_object_is_found_by_name_and_namespace() -> None:
    observed = observe(memory(), FACTORY)
    assert observed.named("v1", "Namespace", "research") is not None
    assert observed.named("v1", "Namespace", "research", "elsewhere") is None


def test_the_examples_are_the_kinds_that_are_listed() -> None:
    kinds = {(example["apiVersion"], example["kind"]) for example in examples([SETTINGS])}
    assert kinds == {*OBSERVED, ("apiextensions.k8s.io/v1", "CustomResourceDefinition")}


def test_of_secrets_nothing_but_the_metadata_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    api, whole = memory(), set()
    listed = api.list

    def record(api_version: str, kind: str, *args: Any, metadata_only: bool = False, **how: Any) -> Any:
        if not metadata_only:
            whole.add(kind)
        return listed(api_version, kind, *args, metadata_only=metadata_only, **how)

    monkeypatch.setattr(api, "list", record)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "certificate", "namespace": "research"},
    }
    observe(api, FACTORY, [secret])
    assert "Namespace" in whole
    assert "Secret" not in whole

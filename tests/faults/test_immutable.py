"""Fields that the API server lets nobody change: every kind of the bundle converges in one `up`.

On a real control plane.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.deploy.live_objects import key_of, read_live
from sovereign_ai.deploy.removal.replacement import must_be_replaced
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from tests.life import Lab

pytestmark = pytest.mark.cluster
Object = dict[str, Any]
KNOWN = {"LocalQueue", "PriorityClass", "RoleBinding", "StorageClass"}
"""Kinds that are known to have such fields; a walk that misses one of them has not looked."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("immutable"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def bundle(lab: Lab) -> list[Object]:
    factory = load(lab.stack)
    return list(render(factory, plan(factory), "lab").objects)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every plain value of an object, but for its metadata."""
    if isinstance(value, dict):
        for key, item in value.items():
            if path or key not in {"apiVersion", "kind", "metadata"}:
                yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


def changed(obj: Object, path: tuple[Any, ...]) -> Object:
    """Return an object with another value at a path."""
    copied = copy.deepcopy(obj)
    holder: Any = copied
    for step in path[:-1]:
        holder = holder[step]
    old = holder[path[-1]]
    other = {
        "Never": "PreemptLowerPriority",
        "PreemptLowerPriority": "Never",
        "Retain": "Delete",
        "WaitForFirstConsumer": "Immediate",
    }
    if isinstance(old, bool):
        holder[path[-1]] = not old
    elif isinstance(old, int):
        holder[path[-1]] = old + 1
    else:
        holder[path[-1]] = other.get(old, f"{old}-other") if isinstance(old, str) else ["other"]
    return copied


def bare(obj: Object) -> Object:
    """Return an object as a stranger would write it: without any label."""
    meta = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
    return {**obj, "metadata": meta}


def immutable(api: Api, objects: list[Object]) -> dict[str, list[tuple[Object, tuple[Any, ...]]]]:
    """Find, for each kind, the fields of which the API server refuses a change that it accepts in a new
    object.
    """
    found: dict[str, list[tuple[Object, tuple[Any, ...]]]] = {}
    seen = set()
    for obj in objects:
        for path in leaves(obj):
            shape = (obj["kind"], tuple(step for step in path if isinstance(step, str)))
            if shape in seen or obj["kind"] in GUARDED:
                continue
            seen.add(shape)
            live = read_live(api, [key_of(obj)])
            if must_be_replaced(api, [changed(obj, path)], live, None):
                found.setdefault(obj["kind"], []).append((obj, path))
    return found


def test_every_kind_recreated_with_another_immutable_field_converges_in_one_up(
    lab: Lab,
) -> None:
    objects = bundle(lab)
    found = immutable(lab.api, objects)
    assert set(found) >= KNOWN, sorted(found)
    drifted = []
    for kind, fields in sorted(found.items()):
        obj, path = fields[0]
        key = key_of(obj)
        lab.api.delete(key.api_version, kind, key.name, key.namespace or None)
        stranger = bare(changed(obj, path))
        try:
            lab.api.create(stranger)
        except ApiError as error:
            if "ValidatingAdmissionPolicy" in str(error):
                continue  # our own policies let nobody make such an object
            raise
        drifted.append(str(key))
    assert len(drifted) >= 2
    seen = lab.on_plane("preview")
    assert seen["replaced"] == sorted(drifted)
    assert lab.on_plane("up")["replaced"] == sorted(drifted)
    assert lab.verify() == []
    again = lab.on_plane("up")
    assert (again["changes"], again["restored"], again["replaced"]) == ({}, [], [])


def test_a_renamed_key_replaces_the_storage_classes_in_one_up_and_back(lab: Lab) -> None:
    text = (lab.stack / "factory.yaml").read_text()
    for name in ("hsm-other", "hsm-fra"):
        (lab.stack / "factory.yaml").write_text(text.replace("hsm-fra", name))
        began = time.monotonic()
        lab.on_plane("up")
        assert time.monotonic() - began < 180
        assert lab.verify() == []
        assert lab.on_plane("up")["changes"] == {}
        tier = lab.api.get("storage.k8s.io/v1", "StorageClass", "models")
        assert tier is not None
        assert name in tier["parameters"].values()


def test_a_storage_class_of_the_old_key_can_go_under_the_policies_of_the_new_one(lab: Lab) -> None:
    """A deletion in the foreground ends with an update, which policies that judge every update would refuse
    for ever.
    """
    text = (lab.stack / "factory.yaml").read_text()
    path = "/apis/storage.k8s.io/v1/storageclasses/models"
    merge = "application/merge-patch+json"
    lab.api.request(
        "PATCH", path, {"metadata": {"finalizers": ["example.com/hold"]}}, {"fieldManager": "somebody"}, merge
    )
    (lab.stack / "factory.yaml").write_text(text.replace("hsm-fra", "hsm-other"))
    failed = lab.on_plane("up", "--wait", "5", code=4)
    assert "example.com/hold" in str(failed["problems"])
    lab.api.request("PATCH", path, {"metadata": {"finalizers": []}}, content_type=merge)
    lab.on_plane("up")
    assert lab.verify() == []
    (lab.stack / "factory.yaml").write_text(text)
    lab.on_plane("up")
    assert lab.verify() == []

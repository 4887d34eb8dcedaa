"""What a Pulumi state holds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.state.objects import (
    deployments_in,
    doubles_in,
    held_objects,
    identity_in,
    providers_of,
    read_resources,
    resources_of,
    without,
)
from sovereign_ai.names import KEYS


def resource(
    kind: str, name: str, *, uid: str = "", stack: str = "", namespace: str = "", **more: Any
) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    labels = {"labels": {KEYS.stack: stack}} if stack else {}
    token = f"kubernetes:core/v1:{kind}"
    return {
        "urn": f"urn:pulumi:lab::lab::{token}::{kind}/{name}",
        "type": token,
        "inputs": {"metadata": {"name": name, **where, **labels}},
        "outputs": {
            "metadata": {"name": name, **where, "uid": uid, "creationTimestamp": "2026-02-01T00:00:00Z"}
        },
        **more,
    }


def test_objects_are_read_with_uid_and_uuid_and_other_resources_are_left_out() -> None:
    rbac = resource("Role", "admin", namespace="research") | {
        "type": "kubernetes:rbac.authorization.k8s.io/v1:Role"
    }
    held = held_objects(
        [{"type": "pulumi:pulumi:Stack"}, resource("Namespace", "research", uid="u1", stack="s"), rbac]
    )
    assert {str(key): (item.uid, item.stack) for key, item in held.items()} == {
        "Namespace/research": ("u1", "s"),
        "Role/research/admin": ("", ""),
    }
    assert {key.group for key in held} == {"", "rbac.authorization.k8s.io"}
    assert next(iter(held.values())).created == "2026-02-01T00:00:00Z"


def test_a_resource_that_waits_for_its_deletion_gives_way_to_its_replacement_and_counts_alone() -> None:
    old, new = (
        resource("ConfigMap", "facts", uid="old", delete=True),
        resource("ConfigMap", "facts", uid="new"),
    )
    for listed in ([old, new], [new, old]):
        assert [item.uid for item in held_objects(listed).values()] == ["new"]
    assert [item.uid for item in held_objects([old]).values()] == ["old"]


@pytest.mark.parametrize(
    "damage",
    [{"type": "kubernetes:x"}, {"outputs": None, "inputs": None}, {"outputs": {"metadata": []}, "inputs": 7}],
    ids=["type", "nothing", "shapes"],
)
def test_what_is_no_single_object_is_left_out(damage: dict[str, Any]) -> None:
    assert held_objects([resource("ConfigMap", "facts") | damage]) == {}


def test_the_former_name_of_an_object_that_a_state_has_twice_is_known_and_a_replaced_one_is_none() -> None:
    root = {"type": "sovereign:index:FactoryDeployment", "urn": "urn:pulumi:lab::lab::t::lab"}
    plain, waiting = resource("Namespace", "research"), resource("Namespace", "startups", delete=True)
    prefixed = resource("Namespace", "research") | {"urn": "urn:pulumi:lab::lab::t::lab/Namespace/research"}
    alone = resource("ConfigMap", "facts")
    both = [root, plain, waiting, resource("Namespace", "startups"), prefixed, alone]
    assert doubles_in(both) == [plain["urn"]]
    assert doubles_in([root, plain, alone]) == doubles_in([plain, prefixed]) == []
    # Which of two deployments has the object can only a program say.
    other = {**root, "urn": "urn:pulumi:lab::lab::t::other"}
    again = prefixed | {"urn": "urn:pulumi:lab::lab::t::other/Namespace/research"}
    assert doubles_in([root, other, prefixed, again]) == []


def test_the_uuid_of_a_state_is_that_of_its_objects_if_they_agree() -> None:
    assert (
        identity_in(held_objects([resource("ConfigMap", "a", stack="s"), resource("ConfigMap", "b")])) == "s"
    )
    assert (
        identity_in(
            held_objects([resource("ConfigMap", "a", stack="s"), resource("ConfigMap", "b", stack="t")])
        )
        == ""
    )


def root(name: str, cluster: str = "lab") -> dict[str, Any]:
    """A deployment, as a state has it."""
    kind = "sovereign:index:FactoryDeployment"
    return {"urn": f"urn:pulumi:lab::lab::{kind}::{name}", "type": kind, "inputs": {"cluster": cluster}}


def below(name: str, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Put resources below a part of a deployment."""
    part = {
        "urn": f"urn:pulumi:lab::lab::part::{name}-part",
        "type": "sovereign:index:Tenant",
        "parent": root(name)["urn"],
    }
    return [root(name), part, *(item | {"parent": part["urn"]} for item in resources)]


def test_of_several_deployments_each_has_its_own_objects() -> None:
    state = [
        *below("one", resource("ConfigMap", "a")),
        *below("two", resource("ConfigMap", "b")),
        resource("ConfigMap", "c"),
    ]
    assert deployments_in(state) == {"one": "lab", "two": "lab"}
    for name, expected in (("one", ["ConfigMap/a"]), ("two", ["ConfigMap/b"]), ("three", [])):
        assert list(map(str, held_objects(resources_of(state, name)))) == expected


def test_a_provider_is_known_by_the_file_that_it_deploys_by(tmp_path: Path) -> None:
    def provider(kubeconfig: object) -> dict[str, Any]:
        return {
            "urn": f"urn:{kubeconfig}",
            "type": "pulumi:providers:kubernetes",
            "inputs": {"kubeconfig": kubeconfig},
        }

    state = [provider(one) for one in ("file", "other", "apiVersion: v1\n", {"secret": 1}, None)]
    assert providers_of(state, tmp_path / "file", tmp_path) == {"urn:file"}
    deployed = resource("ConfigMap", "a", provider="urn:file::id")
    assert [item.provider for item in held_objects([deployed]).values()] == ["urn:file"]


def test_a_checkpoint_is_read_from_the_folder_of_the_state_in_each_form(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi" / "stacks" / "lab"
    folder.mkdir(parents=True)
    assert read_resources(tmp_path, "lab", "lab") == []
    data = json.dumps(
        {"version": 3, "checkpoint": {"latest": {"resources": [resource("ConfigMap", "a")]}}}
    ).encode()
    (folder / "lab.json").write_bytes(data)
    assert len(read_resources(tmp_path, "lab", "lab") or []) == 1
    (folder / "lab.json").unlink()
    (folder / "lab.json.gz").write_bytes(gzip.compress(data))
    assert len(read_resources(tmp_path, "lab", "lab") or []) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"checkpoint": 7}', b"\x1f\x8b\x00", b'{"checkpoint": {"latest"']
)
def test_a_damaged_checkpoint_holds_nobody_knows_what(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / ".pulumi" / "stacks" / "lab"
    folder.mkdir(parents=True)
    (folder / "lab.json").write_bytes(content)
    assert read_resources(tmp_path, "lab", "lab") is None


def test_a_state_without_some_resources_refers_to_none_of_them() -> None:
    gone = resource("Namespace", "gone")
    urn = gone["urn"]
    kept = resource("ConfigMap", "a") | {
        "deletedWith": urn,
        "dependencies": [urn, "urn:other"],
        "propertyDependencies": {"metadata": [urn], "data": None},
    }
    left = without({"manifest": {}, "resources": [gone, kept]}, [urn])
    assert left["manifest"] == {}
    (only,) = left["resources"]
    assert urn not in json.dumps(only)
    assert only["dependencies"] == ["urn:other"]
    assert kept["deletedWith"] == urn, "the state that was given is left as it is"

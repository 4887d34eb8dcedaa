"""A run of the engine for what differs: what it is about, when it is refused, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.changes import Changes, compare
from sovereign_ai.deploy.engine.partial_run import PartialRun, partial_run, registered
from sovereign_ai.deploy.objects import resource_name, stated
from sovereign_ai.deploy.order import part_token, token, with_dependents, with_needed
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from tests.deploy.test_changes import DIGESTS, PROVIDER, find, live, seen
from tests.render.lab import bundle

HEAD = "urn:pulumi:lab::lab::"
ROOT = "sovereign:index:FactoryDeployment"
NOW = DIGESTS | {"bundle": "other"}
Resource = dict[str, Any]


def state() -> list[Resource]:
    """What a state holds after the lab was deployed, with URNs as the engine writes them."""
    root = f"{HEAD}{ROOT}::lab"
    provider = f"{HEAD}{ROOT}$pulumi:providers:kubernetes::lab"
    resources: list[Resource] = [
        {"urn": root, "type": ROOT, "inputs": dict(DIGESTS)},
        {
            "urn": provider,
            "type": "pulumi:providers:kubernetes",
            "parent": root,
            "inputs": {**PROVIDER, "__internal": {}},
        },
    ]
    for name, objects in bundle().by_component().items():
        kind = part_token(name)
        part = f"{HEAD}{ROOT}${kind}::lab/{name}"
        resources.append(
            {
                "urn": part,
                "type": kind,
                "parent": root,
                "inputs": {"component": name, "objects": len(objects)},
            }
        )
        for obj in objects:
            urn = f"{HEAD}{ROOT}${kind}${token(obj)}::lab/{resource_name(obj)}"
            resources.append({"urn": urn, "type": token(obj), "parent": part, "inputs": stated(obj)})
    return resources


def run(
    resources: list[Resource], objects: list[Resource], pending: int = 0
) -> tuple[Changes, PartialRun | None]:
    checkpoint = Checkpoint(
        b"", "", datetime.now(UTC), "", tuple(resources), tuple({} for _ in range(pending)), ""
    )
    changes = compare(bundle(), NOW, PROVIDER, checkpoint, seen(objects))
    return changes, partial_run(changes, bundle(), NOW, checkpoint)


@pytest.mark.parametrize("number", range(len(bundle().objects)))
def test_one_object_that_differs_is_the_only_one_that_the_engine_may_change(number: int) -> None:
    name = resource_name(bundle().objects[number])
    resources = state()
    changed = find(resources, name)
    changed["inputs"] = {**changed["inputs"], "extra": True}
    _, part = run(resources, live())
    assert part is not None
    assert part.targets == (changed["urn"],)
    assert part.objects == with_needed(bundle().objects, with_dependents(bundle().objects, [name]))
    parents = {find(resources, one)["parent"].rpartition("::lab/")[2] for one in part.objects}
    assert part.parts == parents
    assert part.arguments() == [f"--target={urn}" for urn in part.targets]


@pytest.mark.parametrize("number", range(0, len(bundle().objects), 7))
def test_an_object_that_is_new_has_the_urn_that_the_engine_will_give_it(number: int) -> None:
    obj = bundle().objects[number]
    name = resource_name(obj)
    known = state()
    gone = find(known, name)
    missing = [obj for obj in live() if resource_name(obj) != name]
    changes, part = run([item for item in known if item is not gone], missing)
    assert changes.create == (name,)
    assert part is not None
    assert gone["urn"] in part.targets


def test_what_the_components_record_is_completed_in_what_the_engine_saved(tmp_path: Path) -> None:
    resources = state()
    for item in resources:
        item["outputs"] = dict(item["inputs"])
    tenant, quota = find(resources, "tenant.research"), find(resources, "ResourceQuota/research/tenant")
    wanted = dict(tenant["inputs"])
    tenant["inputs"] = {**wanted, "objects": 1}
    tenant["outputs"] = {"objects": 1}
    quota["inputs"] = {**quota["inputs"], "extra": True}
    _, part = run(resources, live())
    assert part is not None
    file = tmp_path / "lab.json"
    file.write_bytes(orjson.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    part.complete(file)
    after = orjson.loads(file.read_bytes())["checkpoint"]["latest"]["resources"]
    part_after = find(after, "tenant.research")
    root = next(item for item in after if item["type"] == ROOT)
    assert (root["inputs"], root["outputs"]) == (NOW, NOW)
    assert (part_after["inputs"], part_after["outputs"]) == (wanted, {"objects": wanted["objects"]})
    changed = {item["urn"] for item, before in zip(after, resources, strict=True) if item != before}
    assert changed == {root["urn"], part_after["urn"]}


def test_a_description_that_changes_no_object_is_left_to_a_whole_run() -> None:
    assert run(state(), live())[1] is None


def test_what_goes_is_gone_or_is_not_understood_is_left_to_a_whole_run() -> None:
    name = resource_name(bundle().objects[5])
    part = find(state(), "tenant.research")["urn"]
    more = {"urn": f"{part}x", "type": "kubernetes:core/v1:ConfigMap", "parent": part, "inputs": {}}
    no_part = {
        "urn": f"{HEAD}{ROOT}$sovereign:index:Tenant::lab/tenant.old",
        "type": "sovereign:index:Tenant",
        "inputs": {},
    }
    stranger = {"urn": f"{HEAD}random:index:RandomId::id", "type": "random:index:RandomId"}
    assert run([*state(), more], live())[1] is None
    assert run([*state(), no_part | {"parent": f"{HEAD}{ROOT}::lab"}], live())[1] is None
    assert run(state(), [obj for obj in live() if resource_name(obj) != name])[1] is None, (
        "the state knows it"
    )
    assert run([*state(), stranger], live())[1] is None
    assert run(state(), live(), pending=1)[1] is None
    assert run([], [])[1] is None
    assert partial_run(Changes(), bundle(), NOW, None) is None


def test_most_of_a_stack_is_a_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = state()
    for name in map(resource_name, bundle().objects[:6]):
        item = find(resources, name)
        item["inputs"] = {**item["inputs"], "extra": True}
    monkeypatch.setattr("sovereign_ai.deploy.engine.partial_run._MOST_TARGETS", 6)
    assert run(resources, live())[1] is not None
    monkeypatch.setattr("sovereign_ai.deploy.engine.partial_run._MOST_TARGETS", 5)
    assert run(resources, live())[1] is None


def test_the_program_is_told_by_the_copy_of_its_run_alone_and_of_this_bundle_alone(tmp_path: Path) -> None:
    part = PartialRun(
        bundle().digest, frozenset({"Namespace/research"}), frozenset({"tenant.research"}), (), {}, 62
    )
    assert registered(f"file://{tmp_path}", bundle()) is None
    part.write(tmp_path)
    told = registered(f"file://{tmp_path}", bundle())
    assert told is not None
    assert (told.objects, told.parts) == (part.objects, part.parts)
    assert registered(f"file://{tmp_path}", bundle("superpod")) is None
    assert registered("s3://bucket", bundle()) is None
    assert registered("", bundle()) is None

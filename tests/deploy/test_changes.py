"""What a deployment would change, from description, state and live cluster alone."""

from __future__ import annotations

import copy
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.changes import Changes, compare, loaded_by
from sovereign_ai.deploy.objects import resource_name, stated
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.errors import SpecError
from sovereign_ai.verify.observation import Observed
from tests.render.lab import STACKS, bundle

HEAD = "urn:pulumi:lab::lab::"
ROOT = f"{HEAD}sovereign:index:FactoryDeployment::lab"
DIGESTS = {"spec": "s", "plan": "p", "bundle": "b", "cluster": "lab"}
PROVIDER = {"kubeconfig": "/k", "version": "4.25.0"}
Resource = dict[str, Any]


def resource(kind: str, name: str, parent: str, inputs: Any) -> Resource:
    return {"urn": f"{HEAD}x${kind}::lab/{name}", "type": kind, "parent": parent, "inputs": inputs}


def state() -> list[Resource]:
    """What a state holds after the lab was deployed."""
    resources = [
        {"urn": ROOT, "type": "sovereign:index:FactoryDeployment", "inputs": dict(DIGESTS)},
        {
            "urn": f"{HEAD}p::lab",
            "type": "pulumi:providers:kubernetes",
            "parent": ROOT,
            "inputs": {**PROVIDER, "__internal": {}},
        },
    ]
    for name, objects in bundle().by_component().items():
        part = resource("sovereign:index:Part", name, ROOT, {"component": name, "objects": len(objects)})
        kinds = [
            resource(f"kubernetes:{obj['kind']}", resource_name(obj), part["urn"], stated(obj))
            for obj in objects
        ]
        resources += [part, *kinds]
    return copy.deepcopy(resources)


def seen(objects: list[Resource]) -> Observed:
    kinds: dict[tuple[str, str], tuple[Resource, ...]] = {}
    for obj in objects:
        kind = (obj["apiVersion"], obj["kind"])
        kinds[kind] = (*kinds.get(kind, ()), obj)
    return Observed("lab", kinds, (), {}, 0, datetime.now(UTC))


def live() -> list[Resource]:
    from sovereign_ai.verify.defaults import completed

    return [completed(obj) for obj in bundle().objects]


def changes(
    resources: list[Resource],
    objects: list[Resource],
    digests: dict[str, str] | None = None,
    pending: int = 0,
) -> Changes:
    checkpoint = Checkpoint(
        b"", "", datetime.now(UTC), "", tuple(resources), tuple({} for _ in range(pending)), ""
    )
    return compare(bundle(), digests or DIGESTS, PROVIDER, checkpoint, seen(objects))


def find(items: list[Resource], name: str) -> Resource:
    return next(
        item
        for item in items
        if item.get("urn", "").endswith(f"lab/{name}") or ("kind" in item and resource_name(item) == name)
    )


def test_a_state_and_a_cluster_as_described_need_nothing() -> None:
    found = changes(state(), live())
    assert (found.needs_engine, found.restore, found.same, found.fields) == (
        False,
        (),
        len(bundle().objects),
        {},
    )


@pytest.mark.parametrize("number", range(len(bundle().objects)))
def test_every_object_that_is_gone_changed_or_unknown_is_named_alone(number: int) -> None:
    name = resource_name(bundle().objects[number])
    gone = [obj for obj in live() if resource_name(obj) != name]
    found = changes(state(), gone)
    assert (found.create, found.vanished, found.needs_refresh, found.restore) == ((name,), 1, True, ())
    drifted = live()
    find(drifted, name)["metadata"]["labels"]["sovereign-ai.internal/component"] = "other"
    found = changes(state(), drifted)
    assert (found.restore, found.needs_engine) == ((name,), False)
    assert found.fields[name][0].found == "other"
    unknown = [item for item in state() if not item["urn"].endswith(f"::lab/{name}")]
    assert changes(unknown, live()).adopt == (name,)
    other = state()
    find(other, name)["inputs"]["metadata"]["labels"]["sovereign-ai.internal/component"] = "other"
    found = changes(other, live())
    assert (found.update, found.needs_engine, found.needs_refresh) == ((name,), True, False)


def test_an_object_that_only_the_state_holds_is_deleted() -> None:
    part = next(item for item in state() if item["type"] == "sovereign:index:Part")
    more = [*state(), resource("kubernetes:ConfigMap", "ConfigMap/research/old", part["urn"], {})]
    assert changes(more, live()).delete == ("ConfigMap/research/old",)


@pytest.mark.parametrize("mark", ["delete", "pendingReplacement", "initErrors", "taint"])
def test_what_a_run_left_half_way_is_left_to_the_engine(mark: str) -> None:
    for number in range(len(state())):
        cut = state()
        cut[number][mark] = ["x"] if mark == "initErrors" else True
        assert changes(cut, live()).needs_refresh, cut[number]["urn"]
    assert changes(state(), live(), pending=1).needs_refresh


@pytest.mark.parametrize("key", sorted(DIGESTS))
def test_another_digest_is_seen_by_the_engine_without_a_refresh(key: str) -> None:
    found = changes(state(), live(), DIGESTS | {key: "other"})
    assert (found.needs_engine, found.needs_refresh) == (True, False)


def test_a_state_that_is_not_understood_is_left_to_the_engine() -> None:
    stranger = {"urn": f"{HEAD}random:index:Pet::pet", "type": "random:index:Pet", "inputs": {}}
    assert changes([*state(), stranger], live()).needs_refresh
    twice = [*state(), {**state()[0], "urn": f"{ROOT}2"}]
    assert changes(twice, live()).needs_refresh
    provider = state()
    provider[1]["inputs"]["kubeconfig"] = "/other"
    assert changes(provider, live()).needs_refresh
    assert changes([], live()).full_run_reason == "nothing is deployed yet"


def test_a_state_with_names_of_an_earlier_version_is_refreshed() -> None:
    named = orjson.loads(orjson.dumps(state()).replace(b"::lab/", b"::"))
    for objects in (live(), live()[1:]):
        found = changes(named, objects)
        assert (found.needs_engine, found.needs_refresh) == (True, True)
        assert "earlier version" in found.full_run_reason


@pytest.mark.parametrize("stack", sorted(path.name for path in STACKS.iterdir() if path.is_dir()))
def test_the_program_of_every_stack_is_known_and_a_changed_one_is_not(stack: str, tmp_path: Path) -> None:
    assert loaded_by(STACKS / stack) == "factory.yaml"
    text = (STACKS / stack / "__main__.py").read_text()
    (tmp_path / "__main__.py").write_text("# a comment\n" + text)
    assert loaded_by(tmp_path) == "factory.yaml"
    (tmp_path / "__main__.py").write_text(text.replace("factory.yaml", "factory.py"))
    assert loaded_by(tmp_path) == "factory.py"
    (tmp_path / "__main__.py").write_text(text + "\nprint(1)\n")
    assert loaded_by(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["(" * 60_000, "-" * 60_000 + "1", "a" + ".b" * 30_000, "x = 1\0", "x\n" * 400_000]
)
def test_a_program_that_nests_deeper_than_python_reads_is_another_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(text)
    assert loaded_by(tmp_path) is None


def test_a_program_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    assert loaded_by(tmp_path) is None
    os.mkfifo(tmp_path / "__main__.py")
    with pytest.raises(SpecError, match="a pipe"):
        loaded_by(tmp_path)


def test_the_program_of_a_stack_that_an_earlier_version_made_is_known_as_well(tmp_path: Path) -> None:
    lines = (
        "import sovereign_ai as sai",
        "from sovereign_ai.deploy import FactoryDeployment",
        'factory = sai.load("factory.yaml")',
        "FactoryDeployment(factory.name, factory)",
    )
    (tmp_path / "__main__.py").write_text("\n".join(lines))
    assert loaded_by(tmp_path) == "factory.yaml"
    (tmp_path / "__main__.py").write_text("\n".join(lines[:3]))
    assert loaded_by(tmp_path) is None

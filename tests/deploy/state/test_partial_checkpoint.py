"""What the engine of a partial run sees of a state, and how what it saved becomes whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import needs
from sovereign_ai.deploy.state.checkpoint import Checkpoint, parse
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.partial_checkpoint import completed, is_divisible, needed, set_aside
from sovereign_ai.deploy.state.stack_context import context_of_program
from sovereign_ai.deploy.state.store import CommandState, hold_state, read_state
from sovereign_ai.errors import EnvironmentLacksError
from tests.deploy.engine.test_partial_run import find, state
from tests.render.lab import bundle

Resource = dict[str, Any]


def linked() -> list[Resource]:
    """Return the resources of a deployed lab, each naming what it depends on, as the engine records it."""
    resources = state()
    for obj in bundle().objects:
        item = find(resources, resource_name(obj))
        item["dependencies"] = [find(resources, name)["urn"] for name in needs(obj)]
        namespace = obj["metadata"].get("namespace")
        if namespace:
            item["deletedWith"] = find(resources, f"Namespace/{namespace}")["urn"]
    return resources


def content(resources: list[Resource], time: str = "2026-01-01T00:00:00Z", pending: int = 0) -> bytes:
    latest = {
        "manifest": {"time": time, "version": "v3.259.0"},
        "resources": resources,
        "pending_operations": [{} for _ in range(pending)],
    }
    body = {"stack": "organization/lab/lab", "latest": latest}
    return orjson.dumps({"version": 3, "checkpoint": body}, option=orjson.OPT_INDENT_2)


def checkpoint(*how: Any) -> Checkpoint:
    return parse(content(*how), "lab", "lab")


def urns(found: Checkpoint) -> list[str]:
    return [str(resource["urn"]) for resource in found.resources]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_engine_sees_is_a_valid_state_and_nothing_is_lost(seed: int, tmp_path: Path) -> None:
    before = checkpoint(linked())
    chosen = random.Random(seed).sample(urns(before), 3)  # noqa: S311 - a seeded choice of a test
    file = tmp_path / "lab.json"
    set_aside(tmp_path, file, before, chosen)
    reduced = parse(file.read_bytes(), "lab", "lab")
    assert {*chosen} <= {*urns(reduced)} == needed(before.resources, chosen)
    assert len(reduced.resources) < len(before.resources)
    after = parse(completed(tmp_path, before, reduced), "lab", "lab")
    assert after.data == before.data, "an engine that saved nothing changes nothing"
    saved = parse(content([dict(item) for item in reduced.resources], "2026-02-02T00:00:00Z"), "lab", "lab")
    whole = parse(completed(tmp_path, before, saved), "lab", "lab")
    assert sorted(urns(whole)) == sorted(urns(before))
    seen: set[str] = set()
    for item in whole.resources:
        assert {*item.get("dependencies", ()), *filter(None, [item.get("parent")])} <= seen
        seen.add(item["urn"])


def test_what_the_engine_made_changed_and_deleted_is_kept_beside_what_it_did_not_see(tmp_path: Path) -> None:
    before = checkpoint(linked())
    quota, queue = (
        find(linked(), name) for name in ("ResourceQuota/research/tenant", "LocalQueue/research/train")
    )
    file = tmp_path / "lab.json"
    set_aside(tmp_path, file, before, [quota["urn"], queue["urn"]])
    reduced = [dict(item) for item in parse(file.read_bytes(), "lab", "lab").resources]
    find(reduced, "ResourceQuota/research/tenant")["inputs"] = {"changed": True}
    reduced.remove(find(reduced, "LocalQueue/research/train"))
    made = {**quota, "urn": f"{quota['urn']}-more"}
    whole = parse(completed(tmp_path, before, checkpoint([*reduced, made])), "lab", "lab")
    assert {*urns(whole)} == {*urns(before), made["urn"]} - {queue["urn"]}
    assert find([dict(item) for item in whole.resources], "ResourceQuota/research/tenant")["inputs"] == {
        "changed": True
    }


def test_a_command_killed_between_the_record_and_the_reduced_file_loses_nothing(tmp_path: Path) -> None:
    before = checkpoint(linked())
    set_aside(tmp_path, tmp_path / "lab.json", before, [before.resources[0]["urn"]])
    assert completed(tmp_path, before, before) == before.data


def test_a_state_after_an_interrupted_run_is_not_divided(tmp_path: Path) -> None:
    resources = linked()
    for broken in (checkpoint(resources, "2026-01-01T00:00:00Z", 1), checkpoint([*resources, resources[-1]])):
        assert not is_divisible(broken)
        set_aside(tmp_path, tmp_path / "lab.json", broken, [])
        assert not list(tmp_path.iterdir())


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path / "pulumi", "lab", "lab", "stacks/lab")


def reduced_run(state: CommandState, files: StackFiles) -> Path:
    """Reduce the working copy to the quota of one tenant, and return the engine's file."""
    assert state.checkpoint is not None
    state.reduce([find(linked(), "ResourceQuota/research/tenant")["urn"]])
    return state.copy.files(files).checkpoint


def engine_changes_quota(file: Path) -> None:
    resources = [dict(item) for item in parse(file.read_bytes(), "lab", "lab").resources]
    find(resources, "ResourceQuota/research/tenant")["inputs"] = {"changed": True}
    file.write_bytes(content(resources, "2026-02-02T00:00:00Z"))


def deploy(files: StackFiles) -> None:
    with hold_state(files, "up", pytest.fail) as state:
        file = state.copy.files(files).checkpoint
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(linked()))
        state.commit("up")


def test_a_partial_run_commits_the_whole_state_and_one_that_did_nothing_writes_nothing(
    files: StackFiles,
) -> None:
    deploy(files)
    before = read_state(files)
    assert before is not None
    with hold_state(files, "up", pytest.fail) as state:
        reduced_run(state, files)
        state.commit("up")
    assert read_state(files) == before
    with hold_state(files, "up", pytest.fail) as state:
        engine_changes_quota(reduced_run(state, files))
        state.commit("up")
    after = read_state(files)
    assert after is not None
    assert after.objects == before.objects
    assert after.digest != before.digest


def test_what_the_engine_of_a_killed_partial_run_saved_is_completed_by_the_next_command(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(files)
    before = read_state(files)
    assert before is not None
    with monkeypatch.context() as killed:
        killed.setattr("sovereign_ai.deploy.state.working_copy.WorkingCopy.remove", lambda _copy: None)
        with hold_state(files, "up", pytest.fail) as state:
            engine_changes_quota(reduced_run(state, files))
            folder = state.copy.folder
    note = orjson.loads((folder / "run.json").read_bytes())
    note["owner"]["started"] -= 1  # the process of this number began at another time: the command is dead
    (folder / "run.json").write_bytes(orjson.dumps(note))
    lines: list[str] = []
    with hold_state(files, "up", lines.append) as state:
        assert state.checkpoint is not None
        assert state.checkpoint.objects == before.objects
    assert any("killed" in line for line in lines)
    after = read_state(files)
    assert after is not None
    assert sorted(urns(after)) == sorted(urns(before))


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"null", b'{"reduced": 1, "resources": []}', b'{"reduced": "", "resources": [{}]}'],
)
def test_a_damaged_record_is_a_problem_of_a_run_and_no_obstacle_to_the_next(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch, record: bytes
) -> None:
    deploy(files)
    before = read_state(files)
    with monkeypatch.context() as killed:
        killed.setattr("sovereign_ai.deploy.state.working_copy.WorkingCopy.remove", lambda _copy: None)
        with hold_state(files, "up", pytest.fail) as state:
            engine_changes_quota(reduced_run(state, files))
            (state.copy.folder / "set-aside.json").write_bytes(record)
            with pytest.raises(EnvironmentLacksError, match="set aside is damaged"):
                state.commit("up")
            note = orjson.loads((state.copy.folder / "run.json").read_bytes())
            note["owner"]["started"] -= 1  # the process of this number began at another time: it is dead
            (state.copy.folder / "run.json").write_bytes(orjson.dumps(note))
    with hold_state(files, "up", pytest.fail) as state:
        assert state.checkpoint == before
    assert read_state(files) == before
    assert not list(files.runs.iterdir())


def test_the_program_of_a_partial_run_knows_the_whole_state(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(files)
    with hold_state(files, "up", pytest.fail) as state:
        reduced_run(state, files)
        monkeypatch.setenv("PULUMI_BACKEND_URL", state.copy.variable)
        held = context_of_program("organization", "lab", "lab", "lab").held
    assert held is not None
    assert len(held) == len(bundle().objects)

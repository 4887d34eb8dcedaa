"""A removal that failed leaves a state that holds what still exists, also when its command was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.state.checkpoint import Checkpoint, parse
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.store import hold_state, read_state

PROJECT, STACK = "p", "s"
ROOT = {"urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "type": "pulumi:pulumi:Stack"}
NAMESPACE = {
    "urn": "urn:pulumi:s::p::kubernetes:core/v1:Namespace::ns",
    "type": "kubernetes:core/v1:Namespace",
    "parent": ROOT["urn"],
}
ROLE = {
    "urn": "urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::c",
    "type": "kubernetes:core/v1:ConfigMap",
    "parent": ROOT["urn"],
    "deletedWith": NAMESPACE["urn"],
    "dependencies": [NAMESPACE["urn"]],
}


def content(*resources: dict[str, Any]) -> bytes:
    latest = {"manifest": {"time": "2026-11-26T12:00:00Z", "version": "v3"}, "resources": list(resources)}
    return orjson.dumps(
        {"version": 3, "checkpoint": {"stack": f"organization/{PROJECT}/{STACK}", "latest": latest}}
    )


def names(found: Checkpoint | None) -> list[str]:
    assert found is not None
    return [str(one["urn"]).rsplit("::", 1)[-1] for one in found.resources]


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    made = StackFiles(tmp_path, PROJECT, STACK, "p")
    with hold_state(made, "up", lambda _line: None) as state:
        saved(state, content(ROOT, NAMESPACE, ROLE))
        state.commit("up")
    return made


def saved(state: Any, data: bytes) -> None:
    path = state.copy.files(state.files).checkpoint
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_what_a_failed_removal_dropped_stays_in_the_state(files: StackFiles) -> None:
    with hold_state(files, "destroy", lambda _line: None) as state:
        saved(state, content(ROOT, NAMESPACE))
        state.commit("destroy")
    assert names(read_state(files)) == ["p-s", "ns", "c"]


def test_what_a_removal_did_remove_is_gone_from_the_state(files: StackFiles) -> None:
    with hold_state(files, "destroy", lambda _line: None) as state:
        saved(state, content(ROOT))
        state.commit("destroy")
    assert names(read_state(files)) == ["p-s"]


def test_what_an_update_removes_from_a_namespace_that_stays_is_gone(files: StackFiles) -> None:
    with hold_state(files, "up", lambda _line: None) as state:
        saved(state, content(ROOT, NAMESPACE))
        state.commit("up")
    assert names(read_state(files)) == ["p-s", "ns"]


def test_a_state_with_what_was_put_back_is_one_that_the_engine_accepts(files: StackFiles) -> None:
    with hold_state(files, "destroy", lambda _line: None) as state:
        saved(state, content(ROOT, NAMESPACE))
        state.commit("destroy")
    data = files.read()
    assert data is not None
    assert names(parse(data, PROJECT, STACK)) == ["p-s", "ns", "c"], "links are whole"

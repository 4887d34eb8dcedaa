"""A state as a whole, and its repair."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sovereign_ai import __version__
from sovereign_ai.deploy.state.check import inspect_state, plan_repair, repair
from sovereign_ai.deploy.state.checkpoint import parse
from sovereign_ai.deploy.state.classification import StateKind
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.store import hold_state, read_state
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from tests.support.small_engine import checkpoint


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    """A stack with three epochs, which hold one, two and three objects."""
    made = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    for objects in (1, 2, 3):
        with hold_state(made, "up", pytest.fail) as state:
            path = state.copy.files(made).checkpoint
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(checkpoint(objects, time=f"2026-01-0{objects}T00:00:00Z"))
            state.commit("up")
    return made


def objects_in(files: StackFiles) -> int:
    state = read_state(files)
    return state.objects if state else 0


def test_a_report_says_lock_epochs_copies_counts_and_pending_operations(files: StackFiles) -> None:
    pending = [{"type": "creating", "resource": {"urn": "urn:pulumi:lab::lab::t::half-made"}}]
    files.checkpoint.write_bytes(checkpoint(2, time="2026-02-01T00:00:00Z", pending_operations=pending))
    files.pulumi_locks.mkdir(parents=True, exist_ok=True)
    (files.pulumi_locks / "a.json").write_bytes(b"")
    data = inspect_state(files).to_data()
    assert (data["state"], data["resources"], data["objects"], data["bytes"]) == (
        "pulumi",
        3,
        2,
        len(files.read() or b""),
    )
    assert data["pending_operations"] == [{"op": "creating", "resource": "half-made"}]
    assert data["epoch"]["number"] == 3
    assert [copy["resources"] for copy in data["copies"]] == [4, 3, 2]
    assert (data["locked"], data["owner"]["pid"], data["owner"]["verb"]) == (False, os.getpid(), "up")
    assert data["pulumi_locks"] == [
        {
            "file": str(files.pulumi_locks / "a.json"),
            "owner": f"{files.pulumi_locks / 'a.json'} cannot be read",
            "dead": True,
        }
    ]
    assert json.dumps(data)


def test_looking_makes_and_changes_nothing(files: StackFiles, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with hold_state(files, "up", pytest.fail):
        assert inspect_state(files).is_locked
    inspect_state(files)
    inspect_state(StackFiles(tmp_path / "none", "lab", "lab", ""))
    after = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != "owner.json"
    }
    assert after == {path: data for path, data in before.items() if path.name != "owner.json"}
    assert not (tmp_path / "none").exists()


def test_a_sound_state_is_not_repaired(files: StackFiles) -> None:
    assert plan_repair(files) is None
    assert plan_repair(files, accept=True) is None


@pytest.mark.parametrize("damage", ["damaged", "rolled back", "lost"])
def test_the_last_good_copy_is_put_back_as_a_new_epoch(files: StackFiles, damage: str) -> None:
    if damage == "lost":
        files.checkpoint.unlink()
    else:
        files.checkpoint.write_bytes(
            b"{}" if damage == "damaged" else checkpoint(1, time="2026-01-01T00:00:00Z")
        )
    assert inspect_state(files).kind is StateKind.REFUSED
    planned = plan_repair(files)
    assert planned is not None
    assert "put epoch 3 (up" in planned.text
    repair(files, planned, pytest.fail)
    assert objects_in(files) == 3
    report = inspect_state(files)
    assert (report.kind, report.problems) == (StateKind.CURRENT, ())
    assert report.last is not None
    assert (report.last.number, report.last.kind) == (4, "repair")
    assert plan_repair(files) is None


def test_with_the_newest_copy_damaged_too_the_one_before_is_put_back(files: StackFiles) -> None:
    files.checkpoint.write_bytes(b"")
    (files.copies / "3.json").write_bytes(b"{}")
    planned = plan_repair(files)
    assert planned is not None
    repair(files, planned, pytest.fail)
    assert objects_in(files) == 2


def test_a_copy_is_chosen_by_its_number_also_over_a_sound_state(files: StackFiles) -> None:
    planned = plan_repair(files, 1)
    assert planned is not None
    repair(files, planned, pytest.fail)
    assert objects_in(files) == 1
    with pytest.raises(UsageError, match="no good copy of epoch 9") as refused:
        plan_repair(files, 9)
    assert "1, 2, 3, 4" in refused.value.problems[0].hint


def test_an_older_or_a_lost_state_is_accepted_where_that_is_asked_for(files: StackFiles) -> None:
    files.checkpoint.write_bytes(checkpoint(1, time="2026-01-01T00:00:00Z"))
    planned = plan_repair(files, accept=True)
    assert planned is not None
    repair(files, planned, pytest.fail)
    assert objects_in(files) == 1
    files.checkpoint.unlink()
    planned = plan_repair(files, accept=True)
    assert planned is not None
    assert planned.checkpoint is None
    repair(files, planned, pytest.fail)
    assert read_state(files) is None


def test_a_damaged_state_is_accepted_only_where_there_is_no_copy(files: StackFiles) -> None:
    files.checkpoint.write_bytes(b"{}")
    with pytest.raises(EnvironmentLacksError, match="state-damaged"):
        plan_repair(files, accept=True)
    for path in files.copies.iterdir():
        path.unlink()
    with pytest.raises(EnvironmentLacksError, match="no good copy"):
        plan_repair(files)
    planned = plan_repair(files, accept=True)
    assert planned is not None
    repair(files, planned, pytest.fail)
    assert read_state(files) is None


@pytest.mark.parametrize("hint", ["", "there is no good copy here"])
def test_the_wording_of_a_hint_decides_nothing(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch, hint: str
) -> None:
    monkeypatch.setattr("sovereign_ai.deploy.state.classification._repair_hint", lambda *_: hint)
    files.checkpoint.write_bytes(b"{}")
    with pytest.raises(EnvironmentLacksError, match="state-damaged"):
        plan_repair(files, accept=True)
    for path in files.copies.iterdir():
        path.unlink()
    planned = plan_repair(files, accept=True)
    assert planned is not None
    assert planned.checkpoint is None


@pytest.mark.parametrize("state", ["sound", "damaged"])
def test_damaged_records_are_made_anew_from_the_state_or_the_newest_copy(
    files: StackFiles, state: str
) -> None:
    files.manifest.write_bytes(b"{")
    if state == "damaged":
        files.checkpoint.write_bytes(b"")
    report = inspect_state(files)
    assert [one.code for one in report.problems] == ["state-records-damaged"]
    planned = plan_repair(files)
    assert planned is not None
    repair(files, planned, print)
    assert objects_in(files) == 3
    assert len(Manifest(files).epochs) == 1
    assert files.manifest.with_name("epoch.json.damaged").read_bytes() == b"{"


def test_a_state_of_before_is_repaired_from_what_pulumi_kept(tmp_path: Path) -> None:
    files = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(checkpoint(3)[:100])
    files.checkpoint.with_name("lab.json.bak").write_bytes(checkpoint(2))
    planned = plan_repair(files)
    assert planned is not None
    repair(files, planned, print)
    assert objects_in(files) == 2


def test_what_a_newer_version_wrote_is_not_repaired(files: StackFiles) -> None:
    text = files.manifest.read_text().replace(f'"tool": "{__version__}"', '"tool": "9.0.0"')
    files.manifest.write_text(text)
    with pytest.raises(EnvironmentLacksError, match="state-newer"):
        plan_repair(files)
    assert [one.code for one in inspect_state(files).problems] == ["state-newer"]


def test_a_copy_is_put_back_byte_for_byte(files: StackFiles) -> None:
    whole = files.read()
    files.checkpoint.write_bytes(b"")
    planned = plan_repair(files)
    assert planned is not None
    repair(files, planned, pytest.fail)
    assert files.read() == whole
    assert planned.checkpoint == parse(whole or b"", "lab", "lab")

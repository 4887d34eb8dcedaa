"""The guard opened for a moment, and closed on every way out; damaged files of it written anew."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster import guard as guards
from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.errors import ApiError, UnreachableError, unreachable
from sovereign_ai.cluster.guard import NOTHING, guard_policies, open_guard
from sovereign_ai.cluster.guard_record import guard_file, note_guard, read_record, record_file
from sovereign_ai.cluster.guard_release import released, restore_guard, restore_guard_file
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import Problem

POLICY = {
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "p"},
    "spec": {"matchConstraints": {"resourceRules": []}, "validations": []},
}


def refusal(text: str) -> ApiError:
    """What the API server says with a guard in force: the message of the validation that fails."""
    stated = re.search("guard revision [0-9a-f]{16}", text)
    message = f"denied request: {stated[0] if stated else 'by another'}"
    return ApiError(Problem("api-forbidden", message), status=403, reason="Forbidden")


class Loaded(Api):
    """An API server that has loaded whatever the guard's file says, or none that answers."""

    def __init__(self, where: ClusterDir) -> None:
        self.where, self.is_silent = where, False

    def create(self, obj: Any, dry_run: bool = False, **_more: Any) -> dict[str, Any]:
        assert dry_run, "a guard is only ever asked"
        if self.is_silent:
            raise unreachable("https://memory.invalid", "connection refused")
        text = guard_file(self.where).read_text()
        if f'"{obj["metadata"]["name"]}"' in text.replace("\\", ""):
            raise refusal(text)
        return dict(obj)

    def request(self, *_args: Any, **_more: Any) -> dict[str, Any]:
        if self.is_silent:
            raise unreachable("https://memory.invalid", "connection refused")
        digest = hashlib.sha256(guard_file(self.where).read_bytes() + bytes(1)).hexdigest()
        return {"text": f'last_config_info{{plugin="ValidatingAdmissionPolicy",hash="sha256:{digest}"}} 1'}


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    made = ClusterDir("lab", tmp_path / "lab")
    made.make()
    (made.config / "admission.json").write_text("{}")
    return made


@pytest.fixture
def closed(where: ClusterDir) -> bytes:
    """The content of a guard that keeps one policy."""
    assert guard_policies(where, Loaded(where), [POLICY])
    return guard_file(where).read_bytes()


def test_a_guard_that_the_api_server_has_loaded_is_not_asked_for_again(
    where: ClusterDir, closed: bytes
) -> None:
    api = Loaded(where)
    api.is_silent = True
    assert guard_policies(where, api, [POLICY]) is False
    guard_file(where).write_bytes(NOTHING)
    with pytest.raises(UnreachableError):
        guard_policies(where, api, [POLICY])
    # The file is right again, and nobody has seen that it was loaded.
    assert guard_file(where).read_bytes() == closed
    with pytest.raises(UnreachableError):
        guard_policies(where, api, [POLICY])


def test_after_the_guard_was_open_the_api_server_is_asked_again(where: ClusterDir, closed: bytes) -> None:
    api = Loaded(where)
    with pytest.raises(ZeroDivisionError), released(where, api):
        _ = 1 / 0
    assert guard_file(where).read_bytes() == closed
    api.is_silent = True
    with pytest.raises(UnreachableError):
        guard_policies(where, api, [POLICY])


def test_it_is_open_in_the_block_and_stays_open_when_what_it_guarded_is_gone(
    where: ClusterDir, closed: bytes
) -> None:
    with released(where, Loaded(where)):
        assert guard_file(where).read_bytes() == NOTHING
        assert read_record(where) is not None
        assert restore_guard(where, Loaded(where)) == "", "its own command has it open"
    assert guard_file(where).read_bytes() == NOTHING
    assert restore_guard(where, Loaded(where)) == ""


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_on_every_other_way_out_it_is_closed_as_it_was(
    where: ClusterDir, closed: bytes, error: type[BaseException]
) -> None:
    with pytest.raises(error), released(where, Loaded(where)):
        raise error
    assert guard_file(where).read_bytes() == closed
    assert restore_guard(where, Loaded(where)) == ""


def test_it_is_closed_also_where_the_api_server_does_not_answer_any_more(
    where: ClusterDir, closed: bytes
) -> None:
    api = Loaded(where)

    def lose_it() -> None:
        with released(where, api):
            api.is_silent = True
            raise RuntimeError

    with pytest.raises(RuntimeError):
        lose_it()
    assert guard_file(where).read_bytes() == closed


def test_it_is_closed_where_the_api_server_does_not_take_the_open_one(
    where: ClusterDir, closed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_LOAD_SECONDS", 0.0)
    api = Loaded(where)
    api.create = lambda *_args, **_more: (_ for _ in ()).throw(refusal(closed.decode()))  # type: ignore[method-assign]
    with pytest.raises(Exception, match="did not take the guard"), released(where, api):
        pytest.fail("the block must not run")
    assert guard_file(where).read_bytes() == closed


def test_a_guard_that_somebody_wrote_in_the_meantime_is_not_undone(where: ClusterDir, closed: bytes) -> None:
    other = [POLICY, POLICY | {"metadata": {"name": "q"}}]
    for error in (None, RuntimeError):
        guard_policies(where, Loaded(where), [POLICY])
        try:
            with released(where, Loaded(where)):
                guard_policies(where, Loaded(where), other)
                if error:
                    raise error
        except RuntimeError:
            pass
        assert b'\\"q\\"' in guard_file(where).read_bytes()
        assert restore_guard(where, Loaded(where)) == ""


def open_and_wait(folder: Path, ready: Any) -> None:
    where = ClusterDir("lab", folder)
    with released(where, Loaded(where)):
        ready.set()
        signal.pause()


def test_after_a_kill_the_next_command_closes_it_and_says_so(where: ClusterDir, closed: bytes) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=open_and_wait, args=(where.folder, ready))
    child.start()
    assert ready.wait(30)
    assert restore_guard(where, Loaded(where)) == "", "it still runs"
    assert guard_file(where).read_bytes() == NOTHING
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert "left open by a command that died" in restore_guard(where, Loaded(where))
    assert guard_file(where).read_bytes() == closed
    assert restore_guard(where, Loaded(where)) == ""


DAMAGES = {
    "empty": b"",
    "truncated": b'{"apiVersion": "v1", "items": [{"apiV',
    "no policies": NOTHING,
    "no list": b"{}",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", [*DAMAGES.values(), None], ids=[*DAMAGES, "missing"])
def test_a_damaged_file_is_written_anew_and_that_is_said(
    where: ClusterDir, closed: bytes, content: bytes | None
) -> None:
    guard_file(where).unlink() if content is None else guard_file(where).write_bytes(content)
    assert restore_guard_file(where) == "the guard of the admission policies was damaged; it is restored"
    assert guard_file(where).read_bytes() == closed
    assert guard_file(where).stat().st_mode & 0o777 == 0o600
    assert restore_guard_file(where) == ""


def test_a_silent_api_server_does_not_keep_the_file_from_being_restored(
    where: ClusterDir, closed: bytes
) -> None:
    guard_file(where).write_bytes(b"")
    api = Loaded(where)
    api.is_silent = True
    assert "restored" in restore_guard(where, api)
    assert guard_file(where).read_bytes() == closed


@pytest.mark.parametrize("name", ["empty", "truncated", "no list", "binary"])
def test_where_nothing_says_what_it_must_be_the_damage_is_said(
    where: ClusterDir, closed: bytes, name: str
) -> None:
    record_file(where).unlink()
    assert restore_guard(where, Loaded(where)) == "", "a whole file of an older version"
    guard_file(where).write_bytes(DAMAGES[name])
    assert "may be unguarded" in restore_guard(where, Loaded(where))
    guard_policies(where, Loaded(where), [POLICY])
    assert guard_file(where).read_bytes() == closed, "`up` writes it anew"
    assert restore_guard(where, Loaded(where)) == ""


def test_a_damaged_record_is_no_reason_to_open_the_guard(where: ClusterDir, closed: bytes) -> None:
    for content in (
        b"",
        b"{",
        b"[]",
        json.dumps({"content": "x", "sha256": "y", "pid": 0, "started": 0}).encode(),
    ):
        record_file(where).write_bytes(content)
        assert restore_guard_file(where) == ""
        assert guard_file(where).read_bytes() == closed
    with pytest.raises(RuntimeError), released(where, Loaded(where)):
        raise RuntimeError
    assert guard_file(where).read_bytes() == closed


def test_a_guard_that_was_opened_for_good_stays_open(where: ClusterDir, closed: bytes) -> None:
    assert open_guard(where, Loaded(where))
    assert restore_guard(where, Loaded(where)) == ""
    assert guard_file(where).read_bytes() == NOTHING


def test_the_record_is_nobody_elses_to_read(where: ClusterDir) -> None:
    note_guard(where, NOTHING)
    assert record_file(where).stat().st_mode & 0o777 == 0o600

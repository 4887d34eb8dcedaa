"""The chain of all runs after a power cut, a full disk or a hand that touched it, and when it has grown
long.
"""

from __future__ import annotations

import hashlib
import os
import resource
import threading
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import EvidencePart, open_envelope, sign_statement, statement
from sovereign_ai.errors import UsageError

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_AT = "2026-11-24T12:00:00+00:00"


def _run(log: Path, word: str = "a") -> tuple[dict[str, Any], dict[str, Any]]:
    """Add a run; give its statement and its line."""
    parts = [EvidencePart("report", hashlib.sha256(word.encode()).hexdigest(), {})]
    envelope = sign_statement(
        statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(log)), _KEY
    )
    return open_envelope(envelope, _KEY.public_key())[0], chain.append(log, envelope, _KEY, at=_AT)


def _codes(log: Path, said: dict[str, Any] | None = None) -> list[str]:
    return [problem.code for problem in chain.verify(log, _KEY.public_key(), said)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "lab.jsonl"
    for word in "abc":
        _run(path, word)
    return path


def _cut(log: Path, tail: bytes) -> bytes:
    """Put something else in the last line's place, as a cut-off write leaves it; give what was there."""
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + tail)
    return lines[-1]


@pytest.mark.parametrize(
    "tail", [b'{"at":"2026', b"{", b"\0" * 700, b'{"at":\0\0\0}\n', b'{"at":"2026\n', b"\n"]
)
def test_a_line_that_was_cut_off_is_named_by_verify_and_the_lines_before_it_are_believed(
    log: Path, tail: bytes
) -> None:
    _cut(log, tail)
    [found] = chain.verify(log, _KEY.public_key())
    assert (found.code, found.where.line) == ("torn-log", 3)
    assert f"{len(tail)} bytes" in found.message
    assert "evidence sign" in found.hint


def test_wherever_a_line_was_cut_off_it_is_known_for_cut_off(log: Path) -> None:
    line = _cut(log, b"")
    whole = log.read_bytes()
    for length in range(1, len(line) - 1):
        log.write_bytes(whole + line[:length])
        assert _codes(log) == ["torn-log"]
        assert chain.head(log)["entries"] == 2


@pytest.mark.parametrize("tail", [b'{"at":"2026', b"\0" * 2000, b'{"at":"2026\n'])
def test_the_next_run_sets_aside_what_was_cut_off_and_notes_it_under_its_signature(
    log: Path, tail: bytes
) -> None:
    _cut(log, tail)
    said, entry = _run(log, "d")
    [kept] = log.parent.glob("*torn*")
    assert kept.read_bytes() == tail
    assert kept.stat().st_mode & 0o777 == 0o600
    assert entry["n"] == 2
    assert entry["subjects"][f"torn/{kept.name}"] == hashlib.sha256(tail).hexdigest()
    assert _codes(log, said) == []
    told, problems = chain.list_set_aside(log)
    assert not problems
    assert len(told) == 1
    assert kept.name in told[0]
    _run(log, "e")
    assert _codes(log, said) == []
    assert len(chain.list_set_aside(log)[0]) == 1


def test_what_was_set_aside_and_is_changed_or_gone_is_a_finding(log: Path) -> None:
    _cut(log, b'{"at":"2026')
    _run(log, "d")
    [kept] = log.parent.glob("*torn*")
    kept.write_bytes(b"{")
    assert [(one.code, one.where.line) for one in chain.list_set_aside(log)[1]] == [("wrong-torn", 3)]
    kept.unlink()
    assert [(one.code, one.where.line) for one in chain.list_set_aside(log)[1]] == [("no-torn", 3)]


def test_a_note_that_leads_out_of_the_logs_folder_is_not_followed(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    entry = orjson.loads(lines[-1])
    entry["subjects"]["torn/../../etc/passwd"] = "0" * 64
    log.write_bytes(b"".join(lines[:-1]) + orjson.dumps(entry) + b"\n")
    assert [one.code for one in chain.list_set_aside(log)[1]] == ["no-torn"]


def test_the_evidence_of_the_run_that_was_cut_off_is_still_found_to_be_in_no_log(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    first, _ = _run(log, "a")
    said, _ = _run(log, "b")
    _cut(log, log.read_bytes().splitlines()[-1][:-9])
    assert _codes(log, first) == ["torn-log"]
    assert _codes(log, said) == ["torn-log", "wrong-log"]
    _run(log, "c")
    assert _codes(log, first) == []
    assert _codes(log, said) == ["wrong-log"]


def test_a_line_whose_text_was_changed_stands_for_no_run(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    parts = [EvidencePart("report", hashlib.sha256(b"a").hexdigest(), {})]
    said = statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(log))
    envelope = sign_statement(said, _KEY)
    chain.append(log, envelope, _KEY, at=_AT)
    assert chain.holds(log, envelope)
    # What names the run is as it was.
    log.write_bytes(log.read_bytes().replace(b'"report"', b'"repeat"'))
    assert not chain.holds(log, envelope)


def test_a_whole_line_that_lacks_only_its_end_is_kept(log: Path) -> None:
    last = _cut(log, b"")
    log.write_bytes(log.read_bytes() + last.removesuffix(b"\n"))
    assert _codes(log) == []
    said, entry = _run(log, "d")
    assert entry["n"] == 3
    assert _codes(log, said) == []
    assert last in log.read_bytes()
    assert not list(log.parent.glob("*torn*"))


@pytest.mark.parametrize("line", [b"{}", b"[1]", b'{"n":2}'])
def test_a_last_line_that_can_be_read_and_is_no_entry_is_never_set_aside(log: Path, line: bytes) -> None:
    _cut(log, line + b"\n")
    before = log.read_bytes()
    assert _codes(log) == ["broken-log"]
    with pytest.raises(UsageError, match="broken-log") as error:
        _run(log, "d")
    assert "move" in str(error.value)
    assert log.read_bytes() == before
    assert not list(log.parent.glob("*torn*"))


def test_only_the_last_line_counts_as_cut_off(log: Path) -> None:
    _cut(log, b"{\n{")
    assert _codes(log) == ["broken-log"]
    with pytest.raises(UsageError, match="broken-log"):
        _run(log, "d")


def test_an_append_that_the_disk_refuses_leaves_the_log_as_it_was(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = log.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            _run(log, "d")
    assert log.read_bytes() == before
    assert _codes(log, _run(log, "d")[0]) == []


def test_half_a_line_that_the_system_let_through_is_taken_back(log: Path) -> None:
    before, (soft, hard) = log.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            _run(log, "d")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.read_bytes() == before


def test_a_crash_between_setting_aside_and_adding_is_noted_by_the_run_after(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut(log, b'{"at":"2026')

    def killed(*_words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(chain, "_write_line", killed)
        with pytest.raises(KeyboardInterrupt):
            _run(log, "d")
    log.write_bytes(
        log.read_bytes().removesuffix(b'{"at":"2026')
    )  # as a kill after the log was cut leaves it
    _, entry = _run(log, "e")
    [kept] = log.parent.glob("*torn*")
    assert f"torn/{kept.name}" in entry["subjects"]
    assert _codes(log) == []


def test_runs_at_the_same_time_leave_a_whole_log(tmp_path: Path) -> None:
    log, moved = tmp_path / "lab.jsonl", []

    def work(word: str) -> None:
        for _ in range(5):
            try:
                _run(log, word)
            except UsageError as error:
                moved.append(str(error))

    threads = [threading.Thread(target=work, args=(word,)) for word in "abcd"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert _codes(log) == []
    assert chain.head(log)["entries"] == 20 - len(moved)
    assert all("log-moved" in line for line in moved)
    assert not list(log.parent.glob("*torn*"))


def test_a_log_larger_than_any_other_file_of_ours_is_added_to_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    monkeypatch.setattr(chain, "_MOST_LINE", 1000)
    for word in "abcde":
        said, _ = _run(log, word)
    assert log.stat().st_size > 2000
    assert _codes(log, said) == []
    assert chain.list_set_aside(log) == ([], [])


def test_a_file_without_line_ends_is_no_log_however_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    log.write_bytes(b"x" * 2000)
    monkeypatch.setattr(chain, "_MOST_LINE", 1000)
    with pytest.raises(UsageError, match="too-large"):
        chain.head(log)


@pytest.mark.parametrize(
    "name", ["a" * 300, "a/" * 3_000, "..", ".", "", "\0", "../lab.jsonl", "/etc/hostname", "a\nb", "\x1b[2J"]
)
def test_what_was_set_aside_is_looked_for_beside_the_log_whatever_its_line_calls_it(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "lab.jsonl"
    parts = [EvidencePart("report", "0" * 64, {})]
    envelope = sign_statement(
        statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(path)), _KEY
    )
    chain.append(path, envelope, _KEY, at=_AT, extra={f"torn/{name}": "0" * 64})
    assert [problem.code for problem in chain.list_set_aside(path)[1]] == ["no-torn"]

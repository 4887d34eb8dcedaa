"""The log with its head in a second place: cut, forked and forgotten, as somebody would who has the disk and
not the place.
"""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from datetime import date
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain, witness
from sovereign_ai.attest.evidence import EvidencePart, sign_statement, statement
from sovereign_ai.attest.witness import Head, Witness, witnesses
from sovereign_ai.errors import EnvironmentLacksError, UsageError

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PROGRAM = """
import pathlib, sys
place = pathlib.Path({folder!r}) / sys.argv[2]
if sys.argv[1] == "write":
    place.write_bytes(sys.stdin.buffer.read())
elif place.exists():
    sys.stdout.buffer.write(place.read_bytes())
"""


def run(log: Path, word: str, *places: Witness, at: str = "2026-11-24T12:00:00+00:00") -> None:
    parts = [EvidencePart("report", hashlib.sha256(word.encode()).hexdigest(), {})]
    envelope = sign_statement(
        statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(log)), _KEY
    )
    chain.append(log, envelope, _KEY, at=at, witnesses=places)


def cut(log: Path, lines: int) -> None:
    """Take lines off the end, as somebody would who hides what they record."""
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-lines]))


def codes(log: Path, *places: Witness) -> list[str]:
    problems, _ = chain.compare_witnesses(log, chain.read_log(log, _KEY.public_key()), places)
    return [problem.code for problem in problems]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "lab.jsonl"


@pytest.fixture(params=["folder", "program"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Witness:
    share = tmp_path / "share"
    share.mkdir()
    if request.param == "folder":
        return Witness(str(share))
    program = tmp_path / "heads.py"
    program.write_text(_PROGRAM.format(folder=str(share)))
    return Witness(f"exec:{sys.executable} {program}")


def test_a_log_with_its_head_in_a_second_place_grows_and_both_agree(log: Path, place: Witness) -> None:
    for word in "abc":
        run(log, word, place)
    head = place.read(log)
    assert head is not None
    assert (head.entries, head.head) == (3, chain.head(log)["head"])
    assert codes(log, place) == []


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_lines_that_were_cut_off_stop_the_next_run_and_are_named(
    log: Path, place: Witness, lines: int
) -> None:
    for word in "abc":
        run(log, word, place)
    cut(log, lines)
    before = log.read_bytes()
    assert codes(log, place) == ["witness-ahead"]
    with pytest.raises(UsageError, match="lines were cut off"):
        run(log, "d", place)
    assert log.read_bytes() == before


def test_a_log_that_was_cut_and_grew_again_without_its_second_place_is_refused_at_once(
    log: Path, place: Witness
) -> None:
    for word in "abc":
        run(log, word, place)
    cut(log, 1)
    with pytest.raises(UsageError, match="witness-missing"):
        run(log, "x")


def test_a_fork_of_the_same_length_differs_from_the_second_place(log: Path, place: Witness) -> None:
    for word in "ab":
        run(log, word, place)
    head = place.read(log)
    other = log.with_name("other.jsonl")
    run(other, "a")
    run(other, "forged")
    log.write_bytes(other.read_bytes())
    assert head is not None
    assert codes(log, place) == ["witness-differs"]
    with pytest.raises(UsageError, match="witness-differs"):
        run(log, "c", place)


def test_a_place_that_was_emptied_or_put_back_to_an_older_head_is_refused(log: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    place = Witness(str(share))
    run(log, "a", place)
    old = (share / "lab.jsonl.head").read_bytes()
    run(log, "b", place)
    run(log, "c", place)
    (share / "lab.jsonl.head").write_bytes(old)
    assert codes(log, place) == ["witness-behind"]
    with pytest.raises(UsageError, match="witness-behind"):
        run(log, "d", place)
    (share / "lab.jsonl.head").unlink()
    assert codes(log, place) == ["no-head"]
    with pytest.raises(UsageError, match="witness-missing"):
        run(log, "d", place)


def test_a_crash_between_the_line_and_its_head_is_caught_up_by_the_next_run(
    log: Path, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    place = Witness(str(share))
    run(log, "a", place)
    old = (share / "lab.jsonl.head").read_bytes()
    run(log, "b", place)
    (share / "lab.jsonl.head").write_bytes(old)  # as a kill right after the line leaves it
    assert codes(log, place) == []
    run(log, "c", place)
    head = place.read(log)
    assert head is not None
    assert head.entries == 3


@pytest.mark.parametrize(
    "text", ["/no/such/share", "exec:/no/such/program", f"exec:{sys.executable} -c raise(SystemExit(3))"]
)
def test_a_place_that_does_not_answer_stops_the_run_before_the_log_grows(log: Path, text: str) -> None:
    with pytest.raises(EnvironmentLacksError, match="no-witness"):
        run(log, "a", Witness(text))
    assert log.read_bytes() == b""


def test_a_program_that_prints_without_an_end_is_stopped_at_once(log: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(EnvironmentLacksError, match="it prints more than 4 KiB"):
        Witness("exec:sh -c yes").read(log)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "does",
    [
        "wait",
        "exit 0",
        "exit 1",
        "yes",
        "exec sleep 1000",
        "cat /dev/zero",
        "exec yes",
        "while :; do :; done",
        "trap '' TERM HUP INT; wait",
        "kill -STOP $$",
    ],
)
def test_what_a_program_without_an_answer_started_ends_with_it(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    monkeypatch.setattr(witness, "_PATIENCE_SECONDS", 0.5)
    pipe, program = tmp_path / "held", tmp_path / "heads"
    os.mkfifo(pipe)
    program.write_text(f"#!/bin/sh\nexec 3>{pipe}\nsleep 1000 &\n{does}\n")
    program.chmod(0o700)
    poller = select.poll()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # Told once the program and all that it started have closed it; never, where none had opened it.
        poller.register(reader, select.POLLHUP)
        with pytest.raises(EnvironmentLacksError, match="no-witness"):
            Witness(f"exec:{program}").read(log)
        assert poller.poll(10_000) == [(reader, select.POLLHUP)]
    finally:
        os.close(reader)


def test_a_program_that_reads_nothing_and_ends_well_has_written(log: Path) -> None:
    Witness("exec:true").write(log, Head("0123456789abcdef", 1, "0" * 64))


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{}", b'{"id":"x","entries":"1","head":""}', b'{"id":"x","entries":true,"head":""}', b"\xff"],
)
def test_a_place_that_holds_something_else_is_a_problem_and_no_defect(
    log: Path, tmp_path: Path, content: bytes
) -> None:
    run(log, "a")
    (tmp_path / "lab.jsonl.head").write_bytes(content)
    with pytest.raises((UsageError, EnvironmentLacksError)):
        run(log, "b", Witness(str(tmp_path)))
    assert chain.head(log)["entries"] == 1


def test_a_second_place_is_added_later_and_both_are_needed_from_then_on(log: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    run(log, "a", Witness(str(first)))
    run(log, "b", Witness(str(first)), Witness(str(second)))
    for kept in (first, second):
        with pytest.raises(UsageError, match="witness-missing"):
            run(log, "c", Witness(str(kept)))


@pytest.mark.parametrize("text", ["", "exec:", "exec:   "])
def test_a_name_of_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="bad-witness"):
        witnesses([text])


def test_time_never_runs_backwards_from_line_to_line(log: Path) -> None:
    run(log, "a", at="2026-11-24T12:00:00+00:00")
    before = log.read_bytes()
    with pytest.raises(UsageError, match="time-backwards"):
        run(log, "b", at="2026-11-24T11:58:59+00:00")
    with pytest.raises(UsageError, match="time-backwards"):
        run(log, "b", at="2026-11-24T13:00:00+02:00")
    assert log.read_bytes() == before
    run(log, "b", at="2026-11-24T11:59:30+00:00")  # a clock that is being set, or a command that waited
    assert orjson.loads(log.read_bytes().splitlines()[1])["at"] == "2026-11-24T12:00:00+00:00"


def test_a_reader_names_the_line_from_which_time_ran_backwards(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(log, "a", at="2026-11-24T12:00:00+00:00")
    with monkeypatch.context() as patched:
        patched.setattr(
            chain, "_check_whole", lambda _log, _state, _key, at: at
        )  # as an older version signed it
        run(log, "b", at="2026-11-23T12:00:00+00:00")
    wrong = chain.verify(log, _KEY.public_key())
    assert [(problem.code, problem.where.line) for problem in wrong] == [("time-backwards", 2)]


@pytest.mark.parametrize("line", [0, 1])
def test_nothing_is_added_to_a_log_that_was_changed_anywhere(log: Path, line: int) -> None:
    for word in "abc":
        run(log, word)
    lines = log.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"2026-11-24", b"2026-11-25")
    log.write_bytes(b"".join(lines))
    before = log.read_bytes()
    with pytest.raises(UsageError, match="broken-log"):
        run(log, "d")
    assert log.read_bytes() == before

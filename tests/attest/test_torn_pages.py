"""The last line after a power cut, page by page: each page of it reached the disk or did not, and where it
did not, zeros stand there or whatever was on the disk before.

The same damage by a hand that hides a line is tried beside it: the second place saw that line.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import EvidencePart, sign_statement, statement
from sovereign_ai.attest.witness import Witness
from sovereign_ai.errors import UsageError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
AT = "2026-11-24T12:00:00+00:00"
PAGE = 4096
STALE = {
    "zeros": b"\0" * PAGE,
    "ones": b"\xff" * PAGE,
    "letters": b"0" * PAGE,
    "another file's lines": (b"one line of it\n" * PAGE)[:PAGE],
    "another log's lines": (b'{"n":1,"previous":"000"}\n' * PAGE)[:PAGE],
    "line ends": b"\n" * PAGE,
}
"""What may stand in a page that was not written."""


def run(log: Path, word: str, *places: Witness, parts: int = 1) -> None:
    listed = []
    for number in range(parts):
        digest = hashlib.sha256(f"{word}{number}".encode()).hexdigest()
        listed.append(EvidencePart(f"part-{number:04}", digest, {}))
    said = statement(listed, factory="lab", now=date(2026, 11, 24), previous=chain.head(log))
    chain.append(log, sign_statement(said, KEY), KEY, at=AT, witnesses=places)


def damaged(whole: bytes, begin: int, stale: bytes) -> Iterator[bytes]:
    """Yield a log whose last line, from `begin` on, lost each set of its pages."""
    first, last = begin // PAGE, (len(whole) - 1) // PAGE
    for kept in product((True, False), repeat=last - first + 1):
        text = bytearray(whole)
        for page, is_there in enumerate(kept, first):
            if not is_there:
                # What was in the log before stands on this page already.
                start, end = max(begin, page * PAGE), min(len(whole), (page + 1) * PAGE)
                text[start:end] = stale[: end - start]
        if bytes(text) != whole:
            yield bytes(text)


def codes(log: Path) -> list[str]:
    return [problem.code for problem in chain.verify(log, KEY.public_key())]


@pytest.mark.parametrize("stale", STALE)
def test_whichever_pages_of_a_line_were_lost_the_next_run_sets_it_aside_and_no_hand_hides_one_so(
    stale: str, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    place, log = Witness(str(share)), tmp_path / "lab.jsonl"
    head = share / "lab.jsonl.head"
    for word in "ab":
        run(log, word, place, parts=20)
    before, head_before = log.read_bytes(), head.read_bytes()
    run(log, "lost", place, parts=150)
    whole, head_after = log.read_bytes(), head.read_bytes()
    count = 0
    for text in damaged(whole, len(before), STALE[stale]):
        count += 1
        log.write_bytes(text)
        assert codes(log) in (["torn-log"], ["broken-log"])
        assert chain.head(log)["entries"] == 2
        # A hand that had the log alone: the place saw the line.
        head.write_bytes(head_after)
        with pytest.raises(UsageError, match="witness-ahead"):
            run(log, "c", place)
        assert log.read_bytes() == text
        assert list(tmp_path.glob("*torn*")) == []
        # A power cut: no run called the line written, and the place did not see it.
        head.write_bytes(head_before)
        with pytest.raises(UsageError, match=r"broken-log|witness-missing"):
            run(log, "c")
        run(log, "c", place)
        [kept] = tmp_path.glob("*torn*")
        assert kept.read_bytes() == text.removeprefix(before)
        last = orjson.loads(log.read_bytes().splitlines()[-1])
        assert last["subjects"][f"torn/{kept.name}"] == hashlib.sha256(kept.read_bytes()).hexdigest()
        assert codes(log) == []
        kept.unlink()
    assert count >= 7


def test_a_line_that_was_changed_is_not_set_aside_where_no_second_place_decides(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    for word in "ab":
        run(log, word)
    changed = log.read_bytes()[:-9] + b"0" + log.read_bytes()[-8:]
    log.write_bytes(changed)
    assert codes(log) == ["broken-log"]
    with pytest.raises(UsageError, match="broken-log") as refused:
        run(log, "c")
    assert "second place" in str(refused.value)
    assert log.read_bytes() == changed


def test_no_line_before_a_whole_one_is_set_aside_whatever_the_second_place_saw(tmp_path: Path) -> None:
    place, log = Witness(str(tmp_path)), tmp_path / "lab.jsonl"
    run(log, "a", place)
    head = tmp_path / "lab.jsonl.head"
    head_before = head.read_bytes()
    for word in "bc":
        run(log, word, place)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1].replace(b"2026", b"2025") + lines[2])
    head.write_bytes(head_before)
    with pytest.raises(UsageError, match="broken-log"):
        run(log, "d", place)


def test_a_place_that_the_log_does_not_record_decides_nothing(tmp_path: Path) -> None:
    log, own = tmp_path / "lab.jsonl", tmp_path / "own"
    own.mkdir()
    run(log, "a")
    run(log, "b")
    log.write_bytes(log.read_bytes().replace(b'"n":1', b'"n":7'))
    with pytest.raises(UsageError, match="broken-log"):
        run(log, "c", Witness(str(own)))


def test_more_than_a_line_of_something_else_at_the_end_is_no_end_of_a_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, "a")
    with log.open("ab") as file:
        for _ in range(17):
            file.write(b"\0" * (1 << 20) + b"\n")
    with pytest.raises(UsageError, match="broken-log"):
        run(log, "b")


def test_a_line_end_that_is_missing_is_on_the_disk_before_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, "a")
    line = log.read_bytes()
    log.write_bytes(line.removesuffix(b"\n"))
    sizes: list[int] = []
    wait = os.fsync

    def seen(descriptor: int) -> None:
        sizes.append(log.stat().st_size)
        wait(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    run(log, "b")
    assert len(line) in sizes
    assert codes(log) == []

"""The log and its second places, attacked by who holds the disk, the place, or the key, but not all three.

Each attack stops the next run, or is a problem for who reads; the same log without it grows and is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.attest import chain
from sovereign_ai.attest.entry import make_entry
from sovereign_ai.attest.evidence import EvidencePart, sign_statement, statement
from sovereign_ai.attest.witness import Witness, witnesses
from sovereign_ai.errors import SovereignError, UsageError
from tests.attack.hostile_files import HOSTILE, remove
from tests.attest.test_key_handover import rotate
from tests.test_key_material import OTHER, OWNER

AT = "2026-11-24T12:00:00+00:00"
BEHIND = "something behind it"


@dataclass
class Kept:
    """A log of three runs with its head in a second place.

    Attributes:
        folder: holds all of it.
        log: the log.
        share: the second place.
    """

    folder: Path
    log: Path
    share: Path

    @property
    def place(self) -> Witness:
        return Witness(str(self.share))

    @property
    def head(self) -> Path:
        return self.share / "lab.jsonl.head"

    @property
    def lines(self) -> list[bytes]:
        return self.log.read_bytes().splitlines(keepends=True)

    def write(self, *lines: bytes) -> None:
        self.log.write_bytes(b"".join(lines))

    def state(self, **changes: Any) -> None:
        """Change what the second place holds."""
        self.head.write_bytes(orjson.dumps({**orjson.loads(self.head.read_bytes()), **changes}))


def run(log: Path, word: str, *places: Witness, key: Any = OWNER) -> None:
    parts = [EvidencePart("report", hashlib.sha256(word.encode()).hexdigest(), {})]
    said = statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(log))
    chain.append(log, sign_statement(said, key), key, at=AT, witnesses=places)


def by_hand(kept: Kept, *, key: Any = OWNER, n: int | None = None, previous: str = "", at: str = AT) -> bytes:
    """Return a line that this program would not write, by whoever has a key."""
    last = orjson.loads(kept.lines[-1])
    said = statement([EvidencePart("report", "0" * 64, {})], factory="lab", now=date(2026, 11, 24))
    payload = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    number = last["n"] + 1 if n is None else n
    entry = make_entry(number, previous or last["hash"], at, payload, said, key, {})
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS) + b"\n"


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    whole = Kept(tmp_path, tmp_path / "log" / "lab.jsonl", tmp_path / "share")
    whole.share.mkdir()
    for word in "abc":
        run(whole.log, word, whole.place)
    return whole


def wrong(kept: Kept, *places: Witness) -> list[Any]:
    """Return every problem that a reader is told of."""
    state = chain.read_log(kept.log, OWNER.public_key())
    found = list(state.problems)
    if not state.broken:
        found += chain.compare_witnesses(kept.log, state, places or (kept.place,))[0]
    return found


def _forked(kept: Kept) -> None:
    """Put another log of the same length in its place, made by the same key from the same first line."""
    fork = Kept(kept.folder, kept.folder / "fork" / "lab.jsonl", kept.folder / "other")
    fork.share.mkdir()
    fork.log.parent.mkdir()
    fork.write(kept.lines[0])
    shutil.copy(kept.head, fork.head)
    fork.state(entries=1, head=orjson.loads(kept.lines[0])["hash"])
    run(fork.log, "x", fork.place)
    run(fork.log, "y", fork.place)
    assert len(fork.lines) == len(kept.lines)
    kept.write(*fork.lines)


def _other_log(kept: Kept) -> None:
    kept.log.unlink()
    for word in "abcd":
        run(kept.log, f"other {word}")


LOGS: dict[str, Callable[[Kept], object]] = {
    "its last line cut off": lambda kept: kept.write(*kept.lines[:-1]),
    "its last two lines cut off": lambda kept: kept.write(*kept.lines[:-2]),
    "every line cut off": lambda kept: kept.write(),
    "its first line cut off": lambda kept: kept.write(*kept.lines[1:]),
    "a line in the middle taken out": lambda kept: kept.write(kept.lines[0], kept.lines[2]),
    "two lines exchanged": lambda kept: kept.write(kept.lines[0], kept.lines[2], kept.lines[1]),
    "turned round": lambda kept: kept.write(*reversed(kept.lines)),
    "its last line twice": lambda kept: kept.write(*kept.lines, kept.lines[2]),
    "all of it twice": lambda kept: kept.write(*kept.lines, *kept.lines),
    "a fork of the same length": _forked,
    "a longer log by the same key": _other_log,
    "a line by another key": lambda kept: kept.write(*kept.lines, by_hand(kept, key=OTHER)),
    "a line of another number": lambda kept: kept.write(*kept.lines, by_hand(kept, n=99)),
    "a line of a number below zero": lambda kept: kept.write(*kept.lines, by_hand(kept, n=-1)),
    "a line that follows another": lambda kept: kept.write(*kept.lines, by_hand(kept, previous="0" * 64)),
    "a line of the day before": lambda kept: kept.write(
        *kept.lines, by_hand(kept, at="2026-11-23T12:00:00+00:00")
    ),
    "a line that leaves the second place out": lambda kept: kept.write(*kept.lines, by_hand(kept)),
    "a member twice": lambda kept: kept.write(
        *kept.lines[:2], kept.lines[2].replace(b'{"at"', b'{"n":2,"at"')
    ),
    "a blank more": lambda kept: kept.write(*kept.lines[:2], kept.lines[2].replace(b'{"at"', b'{ "at"')),
    "a line end of another system": lambda kept: kept.write(*kept.lines[:2], kept.lines[2][:-1] + b"\r\n"),
    "a mark of byte order": lambda kept: kept.write(b"\xef\xbb\xbf", *kept.lines),
    "an empty line": lambda kept: kept.write(kept.lines[0], b"\n", *kept.lines[1:]),
    "a signature of another spelling": lambda kept: kept.write(
        *kept.lines[:2], kept.lines[2].replace(b'=="', b'="')
    ),
    "half a line and another": lambda kept: kept.write(kept.lines[0], kept.lines[1][:40] + kept.lines[2]),
    "NaN for its number": lambda kept: kept.write(
        kept.lines[0].replace(b'"n":0', b'"n":NaN'), *kept.lines[1:]
    ),
    "a number without an end": lambda kept: kept.write(
        kept.lines[0].replace(b'"n":0', b'"n":' + b"9" * 400), *kept.lines[1:]
    ),
    "a truth value for its number": lambda kept: kept.write(
        kept.lines[0].replace(b'"n":0', b'"n":false'), *kept.lines[1:]
    ),
    "letters that are none": lambda kept: kept.write(
        kept.lines[0].replace(b"report", b"rep\xffrt"), *kept.lines[1:]
    ),
    "look-alike letters": lambda kept: kept.write(
        kept.lines[0].replace(b"report", "rep\u043ert".encode()), *kept.lines[1:]
    ),
}


@pytest.mark.parametrize("attack", LOGS)
def test_a_log_that_was_touched_stops_the_next_run_and_is_named(attack: str, kept: Kept) -> None:
    assert wrong(kept) == []
    LOGS[attack](kept)
    before = kept.log.read_bytes()
    assert wrong(kept)
    with pytest.raises(SovereignError) as caught:
        run(kept.log, "d", kept.place)
    assert all(problem.hint for problem in [*caught.value.problems, *wrong(kept)])
    assert kept.log.read_bytes() == before


PLACES: dict[str, Callable[[Kept], object]] = {
    "another head": lambda kept: kept.state(head="0" * 64),
    "the head of another line": lambda kept: kept.state(head=orjson.loads(kept.lines[0])["hash"]),
    "more lines": lambda kept: kept.state(entries=4),
    "more lines than there are numbers": lambda kept: kept.state(entries=2**63 - 1),
    "fewer than none": lambda kept: kept.state(entries=-1),
    "fewer than none, counted from the end": lambda kept: kept.state(
        entries=-1, head=orjson.loads(kept.lines[2])["hash"]
    ),
    "an older head": lambda kept: kept.state(entries=1, head=orjson.loads(kept.lines[0])["hash"]),
    "the beginning": lambda kept: kept.state(entries=0, head="0" * 64),
    "another identifier": lambda kept: kept.state(id="f" * 16),
    "an identifier with a path": lambda kept: kept.state(id="../../../../x"),
    "an identifier in capitals": lambda kept: kept.state(id="F" * 16),
    "a number as a text": lambda kept: kept.state(entries="3"),
    "a number with a point": lambda kept: kept.state(entries=3.0),
    "a truth value": lambda kept: kept.state(entries=True),
    "a member more": lambda kept: kept.state(more="x"),
    "the head in capitals": lambda kept: kept.state(
        head=orjson.loads(kept.head.read_bytes())["head"].upper()
    ),
    "no folder": lambda kept: shutil.rmtree(kept.share),
    "a file for the folder": lambda kept: (shutil.rmtree(kept.share), kept.share.write_bytes(b"")),
    "an empty folder": lambda kept: kept.head.unlink(),
}


@pytest.mark.parametrize("attack", PLACES)
def test_a_place_that_was_touched_stops_the_next_run_and_is_named(attack: str, kept: Kept) -> None:
    PLACES[attack](kept)
    before = kept.log.read_bytes()
    assert wrong(kept)
    with pytest.raises(SovereignError) as caught:
        run(kept.log, "d", kept.place)
    assert all(problem.hint for problem in [*caught.value.problems, *wrong(kept)])
    assert kept.log.read_bytes() == before


@pytest.mark.parametrize("name", HOSTILE)
def test_a_head_that_is_no_file_of_one_stops_the_next_run_and_is_named(name: str, kept: Kept) -> None:
    good, before = kept.head.read_bytes(), kept.log.read_bytes()
    kept.head.unlink()
    HOSTILE[name](kept.head, good)
    assert wrong(kept)
    with pytest.raises(SovereignError) as caught:
        run(kept.log, "d", kept.place)
    assert all(problem.hint for problem in caught.value.problems)
    assert kept.log.read_bytes() == before
    remove(kept.head)
    kept.head.write_bytes(good)
    run(kept.log, "d", kept.place)
    assert wrong(kept) == []


@pytest.mark.parametrize("name", sorted({*HOSTILE} - {BEHIND}))
def test_a_log_that_is_no_file_of_one_is_named_and_nothing_is_added(name: str, kept: Kept) -> None:
    good = kept.log.read_bytes()
    kept.log.unlink()
    HOSTILE[name](kept.log, good)
    with pytest.raises(SovereignError) as caught:
        run(kept.log, "d", kept.place)
    assert all(problem.hint for problem in caught.value.problems)
    told: list[Any] = []
    with suppress(SovereignError):
        told = wrong(kept)
        assert told
    assert all(problem.hint for problem in told)
    remove(kept.log)
    kept.log.write_bytes(good)
    run(kept.log, "d", kept.place)


def test_what_stands_behind_all_lines_that_the_place_saw_is_named_and_set_aside_with_a_note(
    kept: Kept,
) -> None:
    good = kept.log.read_bytes()
    HOSTILE[BEHIND](kept.log, good)
    assert [problem.code for problem in wrong(kept)] == ["broken-log"]
    run(kept.log, "d", kept.place)
    assert kept.log.read_bytes().startswith(good)
    [aside] = kept.log.parent.glob("*torn*")
    assert aside.name.encode() in kept.lines[-1]
    assert wrong(kept) == []


def _linked(kept: Kept) -> Witness:
    link = kept.folder / "link"
    link.symlink_to(kept.share)
    return Witness(str(link))


def _copied(kept: Kept) -> Witness:
    shutil.copytree(kept.share, kept.folder / "copy")
    return Witness(str(kept.folder / "copy"))


def _by_program(kept: Kept) -> Witness:
    program = kept.folder / "heads.py"
    program.write_text(
        f"import pathlib, sys\nplace = pathlib.Path({str(kept.share)!r}) / (sys.argv[2] + '.head')\n"
        "if sys.argv[1] == 'write':\n    place.write_bytes(sys.stdin.buffer.read())\n"
        "elif place.exists():\n    sys.stdout.buffer.write(place.read_bytes())\n"
    )
    return Witness(f"exec:{sys.executable} {program}")


SECOND_NAMES: dict[str, Callable[[Kept], Witness]] = {
    "with a slash behind it": lambda kept: Witness(f"{kept.share}/"),
    "with a point in it": lambda kept: Witness(f"{kept.folder}/./share"),
    "by the folder above": lambda kept: Witness(f"{kept.share}/../share"),
    "by a relative path": lambda kept: Witness(os.path.relpath(kept.share)),
    "by a link": _linked,
    "by a program": _by_program,
    "as a copy": _copied,
}


@pytest.mark.parametrize("name", SECOND_NAMES)
def test_one_place_under_two_names_is_not_two_places(name: str, kept: Kept) -> None:
    before = kept.log.read_bytes()
    second = SECOND_NAMES[name](kept)
    with pytest.raises(UsageError, match="witness-twice"):
        run(kept.log, "d", kept.place, second)
    assert {problem.code for problem in wrong(kept, kept.place, second)} == {"witness-twice"}
    assert kept.log.read_bytes() == before
    run(kept.log, "d", kept.place)
    assert wrong(kept) == []


@pytest.mark.parametrize("name", [name for name in SECOND_NAMES if name != "as a copy"])
def test_one_new_place_under_two_names_is_not_recorded_as_two(name: str, kept: Kept) -> None:
    """The log would ask every later run for a place that there is not."""
    kept.log.unlink()
    kept.head.unlink()
    with pytest.raises(UsageError, match="witness-forgets"):
        run(kept.log, "a", kept.place, SECOND_NAMES[name](kept))
    assert kept.log.read_bytes() == b""
    run(kept.log, "a", kept.place)
    run(kept.log, "b", kept.place)
    assert wrong(kept) == []


@pytest.mark.parametrize(
    "program",
    [
        "true",
        "cat /dev/null",
        "sh -c 'cat >/dev/null'",
        """sh -c 'echo {\\"id\\":\\"0123456789abcdef\\",\\"entries\\":0,\\"head\\":\\"0\\"}'""",
        "sh -c 'cat > heads; cat heads heads'",
    ],
)
def test_a_place_that_keeps_nothing_is_not_recorded(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "lab.jsonl"
    for _ in range(2):
        with pytest.raises(SovereignError) as caught:
            run(log, "a", Witness(f"exec:{program}"))
        assert all(problem.hint for problem in caught.value.problems)
        assert log.read_bytes() == b""
    run(log, "a")


@pytest.mark.parametrize(
    "text", ['exec:"heads', "exec:heads --site 'fra1", "exec:heads \\", "exec:'", 'exec:a"b']
)
def test_a_program_that_cannot_be_called_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        witnesses([text])
    [problem] = caught.value.problems
    assert problem.code == "bad-witness"
    assert problem.hint
    assert witnesses([text.removeprefix("exec:")]), "a folder may have any name"
    assert witnesses(["exec:\"the heads\" --site 'fra 1'"])


def test_a_place_of_one_s_own_shows_nothing_about_a_log_that_was_cut(kept: Kept) -> None:
    """Whoever cut the log can write its head anywhere, but into its own place."""
    kept.write(*kept.lines[:2])
    mine = kept.folder / "mine"
    mine.mkdir()
    last = orjson.loads(kept.lines[-1])
    for id_ in ("f" * 16, "0123456789abcdef"):
        held = {"id": id_, "entries": 2, "head": last["hash"]}
        (mine / "lab.jsonl.head").write_bytes(orjson.dumps(held))
        [problem] = wrong(kept, Witness(str(mine)))
        assert problem.code == "witness-unknown"
        assert problem.hint


def test_a_second_place_that_was_not_named_is_told(kept: Kept) -> None:
    other = kept.folder / "second"
    other.mkdir()
    run(kept.log, "d", kept.place, Witness(str(other)))
    state = chain.read_log(kept.log, OWNER.public_key())
    ids = {path: orjson.loads((path / "lab.jsonl.head").read_bytes())["id"] for path in (kept.share, other)}
    for named, left in ((kept.share, other), (other, kept.share)):
        assert chain.compare_witnesses(kept.log, state, [Witness(str(named))]) == ([], frozenset({ids[left]}))
    assert chain.compare_witnesses(kept.log, state, [kept.place, Witness(str(other))]) == ([], frozenset())


def test_two_machines_with_one_key_cannot_both_go_on(kept: Kept) -> None:
    copy = Kept(kept.folder, kept.folder / "machine" / "lab.jsonl", kept.share)
    copy.log.parent.mkdir()
    copy.write(*kept.lines)
    run(kept.log, "here", kept.place)
    with pytest.raises(UsageError, match="witness-ahead"):
        run(copy.log, "there", copy.place)
    run(kept.log, "here again", kept.place)


@pytest.mark.parametrize(
    "id_", ["../../../../etc/passwd", "..", "A" * 64, "0" * 63, "0" * 65, "\u0660" * 64, ""]
)
def test_a_hand_over_to_what_is_no_key_opens_no_file(id_: str, tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, "a")
    parts = [EvidencePart(f"key/{id_}", "0" * 64, {})]
    said = statement(parts, factory="lab", now=date(2026, 11, 24), previous=chain.head(log))
    chain.append(log, sign_statement(said, OWNER), OWNER, at=AT)
    [problem] = chain.verify(log, OWNER.public_key())
    assert problem.code == "bad-handover"
    assert "no key" in problem.message
    assert "/" not in problem.hint.removesuffix(".json").replace(f"key-lab-2-{id_[:16]}", "") or not id_


def test_a_log_without_any_attack_grows_and_is_whole(kept: Kept) -> None:
    run(kept.log, "d", kept.place)
    rotate(kept.folder / "plain.jsonl", OWNER, OTHER)
    assert wrong(kept) == []
    assert datetime.fromisoformat(orjson.loads(kept.lines[-1])["at"]) <= datetime.now(UTC)

"""The log of every run: a JSON object a line, each with the hash of the one before, and each signed.

    {"at":"2026-11-24T12:00:00+00:00","evidence":"<sha256>","hash":"…","n":0,"previous":"000…",…}

Removing, changing or reordering a line breaks the chain at that line, and whoever has no key cannot repair
it. Lines cut off at the end leave a chain that is whole. That is why every piece of evidence states how long
the log was and what its last line was, and why its head may be kept in a second place (`witness.py`). Both
are compared before a line is added, too: nothing is added to a log that is not whole. `at` is the signer's
own clock; it never runs backwards from line to line.

A power cut may leave the last line half written; half of a line is no JSON. The next run puts it, byte for
byte, into a file beside the log and notes that file with its digest under its own signature. So the log goes
on, and no line can be torn off unnoticed.

Where the disk wrote some pages of a line and not others, it may have its line end, other line ends in it, and
be JSON. Somebody who changes a line leaves the same. Then the second places decide: each line that a run
called written is in them, so an end of the log that none of them saw is set aside as well. Without a second
place a line that can be read is never set aside, whatever is wrong with it.

    lab.jsonl.torn-3-9f86d081-60303ae2      the rest of line 3, after the line whose hash begins with 9f86d081
    "subjects":{"torn/lab.jsonl.torn-3-9f86d081-60303ae2":"60303ae2…",…}
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sovereign_ai.attest.entry import (
    FIRST,
    canonical,
    entry_fault,
    is_torn,
    is_whole,
    make_entry,
    read_entry,
    sha256,
    subjects_with_prefix,
)
from sovereign_ai.attest.evidence import read_envelope
from sovereign_ai.attest.key_handover import SigningKeys, read_keys
from sovereign_ai.attest.line_agreement import CLOCK_TOLERANCE, line_problems, refused_differences
from sovereign_ai.attest.signing import Signer, key_id
from sovereign_ai.attest.witness import (
    Head,
    Witness,
    compare_head,
    fresh_id,
    introduce,
    missing_witnesses,
    read_all,
    repeated_witnesses,
    unknown_witness,
)
from sovereign_ai.cluster import write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, UsageError, Where
from sovereign_ai.files import CHAIN, TORN, read, read_lines
from sovereign_ai.files.writing import open_to_append, sync_folder, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import exact_base64
from sovereign_ai.text import counted
from sovereign_ai.toolchain import make_folders

_MOST_LINE = 16 << 20
"""The longest line, in bytes: a run over many objects names each of them."""
_TORN = "torn/"
"""Prefix of the subject of a line that notes what was set aside."""
_WITNESS = "witness/"
"""Prefix of the subject of a line that records a second place for the head."""
_FACTORY = "factory/"
"""Prefix of the subject of a line that names the factory of its statement."""
_NEW_LOG = "check it: evidence verify; to go on, move it away, keep it as it is, and a new log begins"


@frozen_dataclass
class _End:
    """The end of a log.

    Attributes:
        entries: how many lines it has.
        head: hash of the last one.
        size: bytes up to the end of the last line.
        ended: whether that line has its line end.
        torn: what stands after it and is no whole line; empty if there is nothing.
    """

    entries: int = 0
    head: str = FIRST
    size: int = 0
    ended: bool = True
    torn: bytes = b""


def head(log: Path) -> dict[str, Any]:
    """Return how many lines a log has and the hash of the last one; a log that does not exist has none.

    A last line that was cut off while it was written does not count.

    Raises:
        UsageError: its last line is no entry, or the file cannot be read.
    """
    end = _end(log)
    return {"entries": end.entries, "head": end.head}


def entries_of(log: Path) -> Iterator[bytes]:
    """Return the lines of a log, read one by one.

    Raises:
        UsageError: it cannot be read, or a line is longer than any that this program writes.
    """
    return read_lines(log, CHAIN, _MOST_LINE)


def _end(log: Path) -> _End:
    """Return the end of a log: that of the last line whose hash fits its text.

    Raises:
        UsageError: the file cannot be read, or too much stands after that line.
    """
    if not log.exists():
        return _End()
    end, number, size = _End(), 0, 0
    torn = bytearray()
    for line in entries_of(log):
        number += 1
        size += len(line)
        if is_whole(line):
            head = str(orjson.loads(line)["hash"])
            end = _End(number, head, size, line.endswith(b"\n"))
            torn.clear()
            continue
        torn += line
        if len(torn) > TORN.most_bytes:
            message = f"after line {end.entries} more than {TORN.most} follow that are no lines of a log"
            raise UsageError(Problem("broken-log", message, Where(str(log), number), _NEW_LOG))
    return replace(end, torn=bytes(torn))


@dataclass(slots=True)
class LogState:
    """The state of a log after it was read line by line.

    Attributes:
        keys: the key of each line.
        broken: the first line that was changed; nothing after it is read.
        has_damaged_end: whether neither that line nor one after it is whole.
        torn: a last line that was cut off.
        late: lines whose time runs backwards, or whose key had ended.
        hashes: hash before the first line, then that of each line.
        runs: SHA-256 of each line's statement.
        at: time of the last line; empty if there is none.
        witnesses: identifiers of the second places that the last line records.
        factories: each factory that a line names, with the number of its first line, from 1.
        unnamed: how many lines name no factory: those that an earlier version wrote.
    """

    keys: SigningKeys
    broken: list[Problem] = field(default_factory=list)
    has_damaged_end: bool = False
    torn: list[Problem] = field(default_factory=list)
    late: list[Problem] = field(default_factory=list)
    hashes: list[str] = field(default_factory=lambda: [FIRST])
    runs: list[str] = field(default_factory=list)
    at: str = ""
    witnesses: frozenset[str] = frozenset()
    factories: dict[str, int] = field(default_factory=dict)
    unnamed: int = 0

    @property
    def problems(self) -> list[Problem]:
        """Every problem, the cause first."""
        return [*self.broken, *self.torn, *self.late]


@frozen_dataclass
class _Line:
    """A line, as a search for hand-overs reads it."""

    number: int
    evidence: str
    subjects: Mapping[str, str]
    at: str


def append(
    log: Path,
    envelope: Mapping[str, Any],
    key: Signer,
    *,
    at: str,
    witnesses: Sequence[Witness] = (),
    extra: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Add a run to the log, which is created with mode 0600; concurrent runs wait for each other.

    The whole log is verified first, and compared with each second place. The line is on the disk when this
    returns. On a failure the log is as it was. A line that was cut off before it is set aside and noted; so
    is any other end that is not whole, where the log has second places and none of them saw it.

    Args:
        log: the file.
        envelope: the signed evidence of the run.
        key: signs the line; it must be the key in force.
        at: when, in ISO 8601 with an offset; at most a minute before the last line.
        witnesses: the second places that keep the log's head.
        extra: further subjects that the line notes, such as the digest of a time stamp.

    Returns:
        The line.

    Raises:
        EnvironmentLacksError: the file cannot be written, or a second place cannot be reached. If a place
            fails only
            after the line was written, the line stays, and the next run brings the place up to date.
        UsageError: the log has grown since the evidence was made, so that the evidence names another head; it
            is not
            whole; a second place saw other lines; the clock runs backwards; another key is in force; or the
            statement is of another time than the line.
    """
    payload = exact_base64(envelope["payload"])
    statement = orjson.loads(payload)
    try:
        make_folders(log.parent)
        descriptor = open_to_append(log)
    except OSError as error:
        hint = "name a regular file, and no link, in a folder that can be written"
        problem = Problem("no-log", f"{log}: {error.strerror}", hint=hint)
        raise EnvironmentLacksError(problem) from None
    # Without a buffer, so that a write that fails is known here and can be taken back.
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = _end(log)
        # The statement was signed before the lock was held: another run may have come between.
        if statement["predicate"]["log"] != {"entries": end.entries, "head": end.head}:
            where = Where(file=str(log))
            raise UsageError(Problem("log-moved", "another run was added meanwhile", where, "sign again"))
        state = read_log(log, key.public_key())
        if state.has_damaged_end and state.witnesses:
            # The places decide instead: `_read_heads` refuses where one saw more than the whole lines.
            state.broken.clear()
        at = _check_whole(log, state, key, at)
        factory = str(statement["predicate"]["factory"])
        if foreign := other_factories(log, state, factory):
            raise UsageError(foreign)
        if contradictions := refused_differences(statement, at):
            raise UsageError(contradictions)
        heads = _heads_to_write(log, end, _read_heads(log, state, witnesses))
        if end.torn:
            torn_file = log.with_name(f"{_torn_prefix(log, end)}{sha256(end.torn)[:8]}")
            write_private(torn_file, end.torn)
        notes = {**(extra or {}), **_torn_notes(log, end), f"{_FACTORY}{factory}": sha256(factory.encode())}
        for _, head in heads:
            notes[f"{_WITNESS}{head.id}"] = sha256(head.id.encode())
        entry = make_entry(end.entries, end.head, at, payload, statement, key, notes)
        # What is set aside is on the disk before the line that names it, and before it goes from the log.
        sync_folder(log.parent)
        _write_line(file, end, canonical(entry) + b"\n")
        for place, head in heads:
            place.write(log, Head(head.id, end.entries + 1, str(entry["hash"])))
    return entry


def append_with_statement(
    path: Path,
    log: Path,
    envelope: Mapping[str, Any],
    key: Signer,
    *,
    at: str,
    witnesses: Sequence[Witness] = (),
) -> dict[str, Any]:
    """Write a signed statement beside the log, and add its line.

    The statement is on the disk before its line. A crash between both leaves a statement without a line,
    which `verify` reports and the same command replaces. The other order would leave a line without its
    statement.

    Args:
        path: the statement's file.
        log: the log's file.
        envelope: the signed statement.
        key: signs the line.
        at: when, in ISO 8601 with an offset.
        witnesses: the second places that keep the log's head.

    Raises:
        EnvironmentLacksError: as `append`.
        UsageError: as `append`.
    """
    make_folders(log.parent)
    write_json(path, envelope)
    try:
        return append(log, envelope, key, at=at, witnesses=witnesses)
    except BaseException:
        # An interrupt, or a second place that fails, may come after the line was written: then the statement
        # stays.
        if not holds(log, envelope):
            path.unlink(missing_ok=True)
        raise


def _check_whole(log: Path, state: LogState, key: Signer, at: str) -> str:
    """Return the time of a new line, or refuse to add it.

    Nothing is added to a log that is not whole, by a key that is not in force, or before its last line.

    Raises:
        UsageError: every reason.
    """
    problems = [*state.broken, *state.late]
    number = len(state.runs)
    signer, in_force = key_id(key.public_key()), key_id(state.keys.at(number))
    if not problems and in_force != signer:
        message = f"log: key {signer[:12]} signs it no more"
        hint = f"sign with key {in_force[:12]}, to which it was handed over"
        problems.append(Problem("key-superseded", message, Where(str(log)), hint))
    if not problems and state.keys.expired(number, at):
        message = f"log: key {signer[:12]} ended on {state.keys.until(number)}"
        hint = "hand over to a new key, or give this one a later last day: `sovereign-ai evidence rotate`"
        problems.append(Problem("key-expired", message, Where(str(log)), hint))
    if not problems and state.at:
        behind = datetime.fromisoformat(state.at) - datetime.fromisoformat(at)
        if behind > CLOCK_TOLERANCE:
            message = (
                f"log: its last line is of {state.at}, and the clock shows {at}: time does not run backwards"
            )
            hint = (
                "set the clock right; if it was wrong when that line was written, "
                "keep the log as it is and begin a new one"
            )
            problems.append(Problem("time-backwards", message, Where(str(log), number), hint))
        # Within the tolerance the line has the time of the one before.
        if behind > timedelta(0):
            at = state.at
    if problems:
        raise UsageError(problems)
    return at


def _read_heads(
    log: Path, state: LogState, witnesses: Sequence[Witness]
) -> list[tuple[Witness, Head | None]]:
    """Return the second places with their heads; None for a new place.

    Raises:
        EnvironmentLacksError: a place cannot be read.
        UsageError: a place saw other lines, or one that the log records was not named.
    """
    heads, errors = read_all(witnesses, log)
    if errors:
        unread: list[Problem] = []
        for error in errors:
            unread += error.problems
        raise type(errors[0])(unread)
    problems = repeated_witnesses(log, heads)
    for place, head in heads:
        if head is not None:
            problems += compare_head(place, log, head, state.hashes)
    problems += missing_witnesses(log, state.witnesses, [head for _, head in heads])
    if problems:
        raise UsageError(problems)
    return heads


def _heads_to_write(
    log: Path, end: _End, heads: Sequence[tuple[Witness, Head | None]]
) -> list[tuple[Witness, Head]]:
    """Return the second places with the heads that they keep; a new place gets one, with an identifier.

    Raises:
        EnvironmentLacksError: a place cannot be reached.
        UsageError: a new place does not keep what it is given.
    """
    known: list[tuple[Witness, Head]] = []
    new: list[tuple[Witness, Head]] = []
    for place, head in heads:
        if head is None:
            new.append((place, Head(fresh_id(), end.entries, end.head)))
        else:
            known.append((place, head))
    problems = introduce(log, new)
    if problems:
        raise UsageError(problems)
    return [*known, *new]


def compare_witnesses(
    log: Path, state: LogState, witnesses: Sequence[Witness]
) -> tuple[list[Problem], frozenset[str]]:
    """Compare a whole log with the second places, for a reader.

    Args:
        log: the file.
        state: the result of `walk`.
        witnesses: the places.

    Returns:
        The problems, and the identifiers of the places that the log records and nobody named.
    """
    heads, errors = read_all(witnesses, log)
    problems = repeated_witnesses(log, heads)
    unnamed = set(state.witnesses)
    for error in errors:
        problems += error.problems
    for place, head in heads:
        wrong = compare_head(place, log, head, state.hashes)
        if head is not None:
            wrong = wrong or unknown_witness(place, log, head, state.witnesses)
            unnamed.discard(head.id)
        problems += wrong
    return problems, frozenset(unnamed)


def holds(log: Path, envelope: Mapping[str, Any]) -> bool:
    """Return whether the log has the line of a run, by the digest of its signed evidence.

    A log that does not exist has no line, and a line whose text was changed is none.

    Raises:
        UsageError: the file cannot be read.
    """
    digest = sha256(exact_base64(envelope["payload"]))
    if not log.exists():
        return False
    for line in entries_of(log):
        if is_whole(line) and orjson.loads(line)["evidence"] == digest:
            return True
    return False


def _write_line(file: FileIO, end: _End, line: bytes) -> None:
    """Write a line after the last one, in place of what was cut off there, and wait for the disk.

    Where that fails, the line is taken back.
    """
    # A line end that is missing is on the disk before the line. Else a power cut that lost the page with it
    # would leave the line before it as a part of what was cut off.
    pieces = [line] if end.ended else [b"\n", line]
    try:
        if end.torn:
            file.truncate(end.size)
        for piece in pieces:
            rest = memoryview(piece)
            # An unbuffered write may write less than it was given.
            while rest:
                written = file.write(rest)
                rest = rest[written:]
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            file.truncate(end.size)
        raise


def _torn_prefix(log: Path, end: _End) -> str:
    """Return the start of the names of files with what was cut off after the end of a log."""
    return f"{log.name}.torn-{end.entries + 1}-{end.head[:8]}-"


def _torn_notes(log: Path, end: _End) -> dict[str, str]:
    """Return the subjects that note what was set aside after the end of a log, with their digests.

    A run that was killed after it set something aside left a file that no line notes; it is noted now, too.
    """
    pattern = f"{glob.escape(_torn_prefix(log, end))}*"
    notes: dict[str, str] = {}
    for file in sorted(log.parent.glob(pattern)):
        if file.is_file():
            notes[f"{_TORN}{file.name}"] = sha256(read(file, TORN))
    return notes


def verify(log: Path, key: Ed25519PublicKey, statement: Mapping[str, Any] | None = None) -> list[Problem]:
    """Check the whole log, and that it holds the run of a statement; the first changed line comes first.

    Args:
        log: the file.
        key: the public key that must have signed every line.
        statement: a statement that was opened by `evidence.opened`; its run and the head before it must be in
            the
            log.

    Raises:
        UsageError: the file cannot be read.
    """
    state = read_log(log, key)
    if state.broken or statement is None:
        return state.problems
    return state.problems + compare_statement(log, state, statement)


def read_log(log: Path, key: Ed25519PublicKey) -> LogState:
    """Read a log and check every line; it ends at the first line that was changed.

    Args:
        log: the file.
        key: a public key that the reader trusts: any of those that signed the log one after the other.

    Raises:
        UsageError: the file cannot be read.
    """
    keys, wrong = read_keys(log, _handover_lines(log), key)
    state = LogState(keys, broken=wrong)
    if wrong:
        return state
    # The statement of a hand-over names the line before it: the new key vouches for all lines up to there.
    heads = {}
    for step in keys.steps:
        heads[step.number] = step.head
    lines = entries_of(log)
    for number, line in enumerate(lines):
        previous = state.hashes[-1]
        entry = read_entry(line)
        reason = "it is no entry"
        if entry is not None:
            reason = entry_fault(entry, number, previous, keys.at(number))
            if not reason and heads.get(number, previous) != previous:
                reason = "its hand-over names another line"
        if entry is None or reason:
            _note_damage(log, state, number, reason, line, lines)
            return state
        places = frozenset(subjects_with_prefix(entry, _WITNESS))
        state.late += [*_late(log, state, number, entry), *_dropped(log, state, number, places)]
        state.hashes.append(str(entry["hash"]))
        state.runs.append(entry["evidence"])
        state.at = str(entry["at"])
        state.witnesses = places
        named = subjects_with_prefix(entry, _FACTORY)
        for factory in named:
            state.factories.setdefault(factory, number + 1)
        state.unnamed += not named
    return state


def _note_damage(
    log: Path, state: LogState, number: int, reason: str, line: bytes, following: Iterable[bytes]
) -> None:
    """Note what is wrong with the first line that is not as it was written.

    Args:
        log: the file.
        state: is changed.
        number: the line's number, from zero.
        reason: what is wrong with it.
        line: the line.
        following: every line after it.
    """
    count, whole = 0, is_whole(line)
    for other in following:
        count += 1
        whole = whole or is_whole(other)
    where = Where(str(log), number + 1)
    # Only the last line can have been cut off.
    if count == 0 and is_torn(line):
        message = (
            f"log: line {number + 1}: it was cut off while it was written, "
            f"and {len(line)} bytes of it are there"
        )
        hint = (
            "a power cut or a kill left it so; the lines before it are whole; "
            "the next `evidence sign` sets it aside and notes it"
        )
        state.torn = [Problem("torn-log", message, where, hint)]
        return
    hint = "this line, or one before it, was changed, removed or added; nothing after it can be believed"
    if not whole:
        state.has_damaged_end = True
        hint = (
            "somebody changed it, or a power cut left parts of it; if the log has a second place that did "
            "not see it, the next `evidence sign` sets it aside and notes it; if it has none, restore the "
            "log from a copy, or move it away and keep it as it is, and a new log begins"
        )
    state.broken = [Problem("broken-log", f"log: line {number + 1}: {reason}", where, hint)]


def _handover_lines(log: Path) -> Iterator[_Line]:
    """Yield the lines of a log that may hand over to another key, as far as they can be read."""
    if not log.exists():
        return
    for number, line in enumerate(entries_of(log)):
        # A search of the bytes is much faster than reading the JSON of every line.
        if b'"key/' not in line:
            continue
        entry = read_entry(line)
        if entry is not None:
            yield _Line(number, entry["evidence"], entry["subjects"], entry["at"])


def _late(log: Path, state: LogState, number: int, entry: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the time of a line that is whole."""
    where, at = Where(str(log), number + 1), str(entry["at"])
    line = f"log: line {number + 1}"
    if state.at and datetime.fromisoformat(at) < datetime.fromisoformat(state.at):
        message = f"{line}: it is of {at}, and the line before it of {state.at}: time ran backwards"
        hint = "somebody set the clock back, or the line was signed later than its time; ask who signed it"
        return [Problem("time-backwards", message, where, hint)]
    if state.keys.expired(number, at):
        message = f"{line}: its key ended on {state.keys.until(number)}, and it is of {at}"
        hint = "ask the operator which key signs now, and since when"
        return [Problem("key-expired", message, where, hint)]
    return []


def _dropped(log: Path, state: LogState, number: int, places: frozenset[str]) -> list[Problem]:
    """Return a problem for each second place that a line leaves out: no run that this program adds does."""
    problems: list[Problem] = []
    for id_ in sorted(state.witnesses - places):
        message = (
            f"log: line {number + 1}: it leaves out the second place {id_}, which the line before records"
        )
        hint = (
            "somebody wrote this line who could not reach that place: compare it with the head that it keeps"
        )
        problems.append(Problem("witness-dropped", message, Where(str(log), number + 1), hint))
    return problems


def orphans(log: Path, state: LogState, factory: str) -> list[Problem]:
    """Return a problem for each signed statement beside the log without a line in it.

    Its line was cut off, or never written.

    Args:
        log: the file.
        state: the result of `walk`.
        factory: the factory of the statements; several factories may keep theirs in one folder.
    """
    runs = frozenset(state.runs)
    problems: list[Problem] = []
    access = log.parent.glob("access-*.json")
    handovers = log.parent.glob(f"key-{glob.escape(log.stem)}-*.json")
    for path in sorted((*access, *handovers)):
        try:
            payload = exact_base64(read_envelope(path)["payload"])
            owner = orjson.loads(payload)["predicate"]["factory"]
        except (SovereignError, KeyError, TypeError, ValueError):
            # The owner of an unreadable file is unknown, so it is reported for every factory.
            owner, payload = factory, b""
        if owner != factory or sha256(payload) in runs:
            continue
        message = f"log: {path.name}: no line of the log records it"
        hint = (
            "its line was cut off, or the command that wrote it was killed: "
            "repeat that command, or ask the operator"
        )
        problems.append(Problem("orphan", message, Where(str(path)), hint))
    return problems


def other_factories(log: Path, state: LogState, factory: str) -> list[Problem]:
    """Return a problem for each other factory that a line of the log, or a hand-over in it, is of.

    Args:
        log: the file.
        state: the result of `walk`.
        factory: the factory of a statement whose run is in the log, or is to be.
    """
    lines: dict[str, tuple[int, str]] = {}
    for name, number in state.factories.items():
        lines[name] = (number, "it")
    for step in state.keys.steps:
        lines.setdefault(step.factory, (step.number + 1, "its hand-over"))
    problems: list[Problem] = []
    for name, (number, subject) in lines.items():
        if name != factory:
            message = (
                f"log: line {number}: {subject} is of factory {name[:80]!r}, "
                f"and the statement of {factory[:80]!r}"
            )
            hint = (
                "this is the log of another factory, under the name of this one's: restore that from a copy"
            )
            problems.append(Problem("other-factory", message, Where(str(log), number), hint))
    return problems


def list_set_aside(log: Path, whole: int | None = None) -> tuple[list[str], list[Problem]]:
    """Return what of a log was cut off and set aside, and what of that is missing or changed.

    Args:
        log: the file, which `verify` accepted.
        whole: how many lines are whole; left out, all.

    Returns:
        A line for each file that was set aside, and a problem for each that is no longer as it was noted.
    """
    notes: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(islice(entries_of(log), whole), 1):
        where = Where(str(log), number)
        for name, digest in subjects_with_prefix(orjson.loads(line), _TORN).items():
            notes.append(f"log: line {number}: a line before it was cut off and is kept in {name}")
            path = log.parent / name
            # A name with a slash would lead out of the log's folder.
            if Path(name).name != name or not _is_file(path):
                message = f"log: line {number}: {name} is not beside the log"
                hint = "ask the operator for it and put it beside the log"
                problems.append(Problem("no-torn", message, where, hint))
            elif sha256(read(path, TORN)) != digest:
                message = f"log: line {number}: {name} is not what was set aside"
                hint = "it was changed after it was noted; ask the operator for the file as it was"
                problems.append(Problem("wrong-torn", message, where, hint))
    return notes, problems


def _is_file(path: Path) -> bool:
    """Return whether a file is there; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def set_aside_lines(log: Path, entry: Mapping[str, Any]) -> list[str]:
    """Return a line for each file that was set aside when a line was added."""
    lines: list[str] = []
    for name in subjects_with_prefix(entry, _TORN):
        path = log.with_name(name)
        lines.append(f"the line before it was cut off while it was written: set aside as {path}")
    return lines


def compare_statement(log: Path, state: LogState, statement: Mapping[str, Any]) -> list[Problem]:
    """Compare a statement with a log that is whole: its run and the head before it must be in the log.

    Args:
        log: the file.
        state: the result of `walk`.
        statement: a statement that was opened by `evidence.opened`.
    """
    hashes, runs = state.hashes, state.runs
    where = Where(file=str(log))
    head_then = statement["predicate"]["log"]
    number = int(head_then["entries"])
    # Evidence of a first run may state no head at all.
    if number >= len(hashes) or hashes[number] != (head_then["head"] or FIRST):
        message = f"log: the evidence saw {counted(number, 'line')} in it, and they are not these"
        hint = "lines were cut off, or this is another factory's log"
        return [Problem("wrong-log", message, where, hint)]
    digest = sha256(canonical(statement))
    if number >= len(runs) or runs[number] != digest:
        message = f"log: line {number + 1} must be this evidence's own run, and is not"
        hint = "lines were cut off, or the evidence was never logged"
        return [Problem("wrong-log", message, where, hint)]
    entry = orjson.loads(next(islice(entries_of(log), number, None)))
    return line_problems(statement, entry, Where(str(log), number + 1))

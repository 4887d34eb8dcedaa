"""The head of the log in a second place, so that lines cut off at its end are noticed.

Without a second place a log that lost its last lines is whole. A witness keeps the number of lines and the
hash of the last one outside the reach of whoever can write the log. It is a folder (a file share, a mounted
disk) or a program:

    --witness /mnt/share/heads                    the file /mnt/share/heads/<log>.head
    --witness "exec:/usr/local/bin/heads --site fra1"

A program is called as `PROGRAM … read NAME`, and prints the document that it last received for that name, or
nothing; and as `PROGRAM … write NAME`, with the document on standard input. It is not run by a shell.

Each place has an identifier of its own, which every line of the log records. A run that leaves out a place,
or reaches an empty one in its stead, is refused. A place may be one line behind the log, since a crash may
come between both writes.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, UsageError, Where
from sovereign_ai.files import HEAD, parse_json, read
from sovereign_ai.files.writing import require_own_links, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_EXEC = "exec:"
_PATIENCE_SECONDS = 30.0
"""How long a program may take to answer."""
_ID, _HASH = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{64}")
_TYPES = {"id": str, "entries": int, "head": str}


@frozen_dataclass
class Head:
    """The head of a log as a place keeps it.

    Attributes:
        id: identifier of the place for this log, 16 hexadecimal digits.
        entries: number of lines that the log had.
        head: hash of the last of them.
    """

    id: str
    entries: int
    head: str


@frozen_dataclass
class Witness:
    """One place, as the user names it.

    Attributes:
        text: a folder, or `exec:` and a program with its arguments.
    """

    text: str

    def read(self, log: Path) -> Head | None:
        """Return the head of a log that the place keeps; None if it keeps none.

        Raises:
            EnvironmentLacksError: the place cannot be reached.
            UsageError: its content is no head of a log.
        """
        raw = self._run("read", log) if self._command else self._read_file(log)
        if not raw.strip():
            return None
        data = parse_json(raw, self.text, HEAD).data
        if not _is_head(data):
            raise UsageError(Problem("bad-head", f"{self.text}: it holds no head of a log", hint=HEAD.hint))
        return Head(**data)

    def write(self, log: Path, head: Head) -> None:
        """Replace the head of a log that the place keeps.

        Raises:
            EnvironmentLacksError: the place did not accept it.
            UsageError: the way there leads over a link of another user.
        """
        data = orjson.dumps({"id": head.id, "entries": head.entries, "head": head.head}) + b"\n"
        if self._command:
            self._run("write", log, data)
            return
        require_own_links(Path(self.text))
        try:
            write_private(self._file(log), data)
        except OSError as error:
            raise self._unreachable(error.strerror or "it cannot be written") from None

    @property
    def _command(self) -> list[str]:
        """The program and its arguments; empty for a folder."""
        if not self.text.startswith(_EXEC):
            return []
        return shlex.split(self.text.removeprefix(_EXEC))

    def _file(self, log: Path) -> Path:
        """Return the file of a log's head, where the place is a folder."""
        return Path(self.text) / f"{log.name}.head"

    def _read_file(self, log: Path) -> bytes:
        """Return the content of the file; empty where there is none."""
        # A folder that is missing is a share that is not mounted. It must not look like a place that keeps no
        # head.
        if not Path(self.text).is_dir():
            raise self._unreachable("there is no such folder")
        path = self._file(log)
        # A dangling link is no missing file: `read` refuses it.
        if path.is_symlink() or path.exists():
            return read(path, HEAD)
        return b""

    def _run(self, verb: str, log: Path, data: bytes = b"") -> bytes:
        """Return the output of the program."""
        command = [*self._command, verb, log.name]
        try:
            # In a group of its own, so that what it started ends with it.
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise self._unreachable(error.strerror or "it cannot be started") from None
        with process:
            try:
                output = _exchange(process, data)
            except subprocess.TimeoutExpired:
                raise self._unreachable(f"no answer within {_PATIENCE_SECONDS:.0f} s") from None
            finally:
                # One that ended by itself may have left a helper behind for the next call.
                if process.returncode is None:
                    _end_group(process)
        if len(output) > HEAD.most_bytes:
            raise self._unreachable(f"it prints more than {HEAD.most}")
        if process.returncode:
            raise self._unreachable(f"exit code {process.returncode}")
        return output

    def _unreachable(self, reason: str) -> EnvironmentLacksError:
        """Return the error that the place cannot be reached."""
        message = f"the second place {self.text!r}: {reason}"
        hint = "mount it or repair it; a log that has a second place goes on only where that place answers"
        return EnvironmentLacksError(Problem("no-witness", message, hint=hint))


def _exchange(process: subprocess.Popen[bytes], data: bytes) -> bytes:
    """Hand a program its input, and return what it prints until it ends or prints more than a head.

    Raises:
        subprocess.TimeoutExpired: it does neither in time.
    """
    if process.stdin is None or process.stdout is None:
        raise ValueError("the program has no pipes")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    # A head is far smaller than a pipe's buffer. A program that reads nothing may have ended already.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(data)
        process.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(output) <= HEAD.most_bytes:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, _PATIENCE_SECONDS)
            piece = os.read(process.stdout.fileno(), HEAD.most_bytes + 1)
            if not piece:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
                break
            output += piece
    return output


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and everything that it started, but what moved to a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _is_head(data: Any) -> bool:
    """Return whether a place's document is a head: exactly its members, each of its type and form."""
    if not isinstance(data, dict):
        return False
    types = {}
    for name, value in data.items():
        types[name] = type(value)
    if types != _TYPES:
        return False
    return bool(_ID.fullmatch(data["id"]) and _HASH.fullmatch(data["head"]))


def witnesses(places: Iterable[str]) -> tuple[Witness, ...]:
    """Return the places that a user names, each once.

    Raises:
        UsageError: one names nothing, or no program that can be called.
    """
    listed = tuple(dict.fromkeys(places))
    for place in listed:
        if not place.removeprefix(_EXEC).strip():
            message = f"{place!r} names no second place"
            hint = "name a folder, or exec: and a program"
            raise UsageError(Problem("bad-witness", message, Where(field="witness"), hint))
        try:
            shlex.split(place)
        except ValueError:
            message = f"{place!r} has a quotation mark that does not end"
            hint = "write the program and its arguments as a shell has them, each mark twice"
            # A folder may be called so; only a program's line is split into words.
            if place.startswith(_EXEC):
                raise UsageError(Problem("bad-witness", message, Where(field="witness"), hint)) from None
    return tuple(Witness(place) for place in listed)


def compare_head(place: Witness, log: Path, head: Head | None, hashes: Sequence[str]) -> list[Problem]:
    """Compare the head that a place keeps with a whole log.

    Args:
        place: the place.
        log: the log's file.
        head: the head that it keeps; None for none.
        hashes: hash before the first line, then that of each line.
    """
    lines = len(hashes) - 1
    where = Where(str(log))
    restore = (
        "restore the log from a copy that has every line; "
        "if the place is wrong, keep both, and begin a new log with a new place"
    )
    named = f"the second place {place.text!r}"
    if head is None:
        return [Problem("no-head", f"log: {named} knows nothing of it", where, restore)]
    if head.entries > lines or head.entries < 0:
        message = f"log: it has {counted(lines, 'line')}, and {named} saw {head.entries}: lines were cut off"
        return [Problem("witness-ahead", message, where, restore)]
    if hashes[head.entries] != head.head:
        message = f"log: line {head.entries} is not the one that {named} saw"
        return [Problem("witness-differs", message, where, restore)]
    # One line behind is what a crash between both writes leaves.
    if head.entries < lines - 1:
        message = f"log: it has {counted(lines, 'line')}, and {named} saw only {head.entries}"
        return [Problem("witness-behind", message, where, restore)]
    return []


def introduce(log: Path, places: Iterable[tuple[Witness, Head]]) -> list[Problem]:
    """Write the head of now to new places, before a line records them, and return what they do not keep.

    A place that forgets, or that is another one under a second name, would hold every later run up: the log
    would record a place that nobody can name.

    Args:
        log: the log's file.
        places: the new places, each with the head that it is to keep.

    Raises:
        EnvironmentLacksError: a place cannot be reached.
    """
    new = list(places)
    for place, head in new:
        place.write(log, head)
    problems: list[Problem] = []
    for place, head in new:
        if place.read(log) != head:
            message = f"the second place {place.text!r} does not keep what was just written to it"
            hint = "name a place that keeps what it is given, and each place by one name only"
            problems.append(Problem("witness-forgets", message, Where(str(log)), hint))
    return problems


def repeated_witnesses(log: Path, heads: Iterable[tuple[Witness, Head | None]]) -> list[Problem]:
    """Return a problem for each place that is one of those before it under another name."""
    names: dict[str, str] = {}
    problems: list[Problem] = []
    for place, head in heads:
        if head is None:
            continue
        if head.id in names:
            message = f"the second places {names[head.id]!r} and {place.text!r} are one, or one was copied"
            hint = "name each place once, and none that was made by copying another"
            problems.append(Problem("witness-twice", message, Where(str(log)), hint))
        names.setdefault(head.id, place.text)
    return problems


def unknown_witness(place: Witness, log: Path, head: Head, recorded: Collection[str]) -> list[Problem]:
    """Return the problem that a place is none of those that a log records, although it knows its head."""
    if head.id in recorded:
        return []
    listed = ", ".join(sorted(recorded)) or "none"
    message = f"log: the second place {place.text!r} ({head.id}) is none that the log records ({listed})"
    hint = "name the place that the runs of this log named: anybody can write a head into another"
    return [Problem("witness-unknown", message, Where(str(log)), hint)]


def missing_witnesses(log: Path, recorded: Collection[str], heads: Iterable[Head | None]) -> list[Problem]:
    """Return a problem for each recorded place that this run does not name.

    Args:
        log: the log's file.
        recorded: identifiers of the places that the log's last line records.
        heads: the heads that the places of this run keep.
    """
    present = set()
    for head in heads:
        if head is not None:
            present.add(head.id)
    hint = "name it with --witness or SOVEREIGN_AI_WITNESS, as in the run before"
    problems: list[Problem] = []
    for id_ in sorted(set(recorded) - present):
        message = f"log: its head is kept in a second place ({id_}), which was not named"
        problems.append(Problem("witness-missing", message, Where(str(log)), hint))
    return problems


def fresh_id() -> str:
    """Return an identifier for a new place."""
    return secrets.token_hex(8)


def read_all(
    places: Iterable[Witness], log: Path
) -> tuple[list[tuple[Witness, Head | None]], list[SovereignError]]:
    """Return each place with the head that it keeps, and the errors of places that cannot be read.

    Every place is read, so that one run reports all that are not reachable.
    """
    heads: list[tuple[Witness, Head | None]] = []
    errors: list[SovereignError] = []
    for place in places:
        try:
            heads.append((place, place.read(log)))
        except SovereignError as error:
            errors.append(error)
    return heads, errors

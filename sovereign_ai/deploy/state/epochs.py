"""The manifest of written states: each has a number and a digest, so that a loss or a rollback is noticed.

Before a checkpoint is put into place, a copy of it is written to the disk, and then the manifest that records
it. After a crash in between, the manifest names a checkpoint that is not in place yet, and the copy is put
there. A checkpoint that is not in the manifest was written by a plain `pulumi up`, or is damaged, or is
older. Pulumi writes the time into each, and the manifest has the digest of every older state of this tool.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from sovereign_ai import __version__
from sovereign_ai.deploy.state.checkpoint import Checkpoint, DamagedCheckpointError, parse
from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.files import StackFiles, unpacked
from sovereign_ai.deploy.state.kept_files import content_if_whole, content_of, record_from
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import CHECKPOINT
from sovereign_ai.frozen_dataclass import frozen_dataclass

_FORMAT = 1
_KEPT_COPIES = 5
_KEPT_EPOCHS = 200
"""Digests that are kept: about 50 KB. An older state than these is recognised by the time in it alone."""


@frozen_dataclass
class Epoch:
    """One state that was written.

    Attributes:
        number: counts from one.
        digest: SHA-256 of the checkpoint; empty where the stack was removed.
        size: length of the checkpoint in bytes.
        made: when the engine wrote the checkpoint, by its own clock.
        written: when it was recorded.
        kind: what wrote it: `up`, `destroy`, …; `pulumi` for a plain Pulumi, `adopted` for one from before
            there were records.
        tool: version of sovereign-ai that recorded it.
        fence: number of the hold on the stack in which it was recorded.
        done: whether the checkpoint was put into place.
    """

    number: int
    digest: str
    size: int
    made: str
    written: str
    kind: str
    tool: str
    fence: int
    done: bool

    @property
    def is_removal(self) -> bool:
        """Whether it records that the stack was removed."""
        return not self.digest

    def __str__(self) -> str:
        """Return its number, kind and time, for a person."""
        return f"epoch {self.number} ({self.kind}, {self.written})"


@frozen_dataclass
class Copy:
    """A good copy of a checkpoint.

    Attributes:
        path: its file.
        checkpoint: its content.
        name: its name for a person.
    """

    path: Path
    checkpoint: Checkpoint
    name: str


class Manifest:
    """The record of the states of one stack that were written."""

    def __init__(self, files: StackFiles) -> None:
        """Read the manifest; a stack without one has no epochs yet.

        Raises:
            EnvironmentLacksError: it is damaged, or a newer version of sovereign-ai wrote it.
            OSError: it cannot be read.
        """
        self._files = files
        self.epochs: tuple[Epoch, ...] = tuple(_read(files))
        self._require_version()

    @property
    def last(self) -> Epoch | None:
        """The newest epoch."""
        return self.epochs[-1] if self.epochs else None

    @property
    def before(self) -> Epoch | None:
        """The epoch before the newest."""
        return self.epochs[-2] if len(self.epochs) > 1 else None

    @property
    def fence(self) -> int:
        """The largest fence under which anything was written."""
        return max((epoch.fence for epoch in self.epochs), default=0)

    def holds(self, digest: str) -> Epoch | None:
        """Return the newest epoch with a digest; None where there is none."""
        for epoch in reversed(self.epochs):
            if epoch.digest == digest:
                return epoch
        return None

    def begin(self, checkpoint: Checkpoint | None, kind: str, fence: int) -> None:
        """Record a state that is about to be put into place, with its copy; None records a removal.

        Raises:
            OSError: a file cannot be written; nothing is recorded then.
        """
        number = self.last.number + 1 if self.last else 1
        made, digest, size = datetime.now(UTC).isoformat(), "", 0
        if checkpoint is not None:
            # The copy before the record: a recorded state can always be put into place.
            write_durably(make_folder(self._files.copies) / f"{number}.json", checkpoint.data)
            made, digest, size = checkpoint.time.isoformat(), checkpoint.digest, len(checkpoint.data)
        written = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        epoch = Epoch(number, digest, size, made, written, kind, __version__, fence, done=False)
        self._write((*self.epochs, epoch)[-_KEPT_EPOCHS:])

    def finish(self) -> None:
        """Record that the newest state is in place, and remove all copies but the last five.

        Raises:
            OSError: the record cannot be written.
        """
        if self.last is None or self.last.done:
            return
        self._write((*self.epochs[:-1], replace(self.last, done=True)))
        keep = {f"{epoch.number}.json" for epoch in self.epochs[-_KEPT_COPIES:]}
        for path in self._files.copies.glob("*"):
            if path.name not in keep:
                # An additional copy does no harm.
                with contextlib.suppress(OSError):
                    path.unlink()

    def drop_unfinished(self) -> None:
        """Drop the record of a state that was never put into place, since a later one is there.

        Raises:
            OSError: the record cannot be written.
        """
        if self.last is not None and not self.last.done:
            self._write(self.epochs[:-1])

    def copy_of(self, epoch: Epoch) -> Copy | None:
        """Return the good copy of an epoch; None if there is none, or it is damaged."""
        path = self._files.copies / f"{epoch.number}.json"
        copy = _copy(path, self._files, str(epoch))
        return copy if copy is not None and copy.checkpoint.digest == epoch.digest else None

    def copies(self) -> list[Copy]:
        """Return every good copy, the newest first: this tool's own, and behind them Pulumi's."""
        own: list[Copy] = []
        known: set[str] = set()
        for epoch in reversed(self.epochs):
            copy = None if epoch.is_removal else self.copy_of(epoch)
            if copy is not None:
                own.append(copy)
                known.add(copy.checkpoint.digest)
        others = [copy for copy in _pulumi_copies(self._files) if copy.checkpoint.digest not in known]
        return own + sorted(others, key=lambda copy: copy.checkpoint.time, reverse=True)

    def _write(self, epochs: tuple[Epoch, ...]) -> None:
        """Write the manifest."""
        data = {
            "format": _FORMAT,
            "project": self._files.project,
            "stack": self._files.stack,
            "epochs": [asdict(epoch) for epoch in epochs],
        }
        make_folder(self._files.records)
        content = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        write_durably(self._files.manifest, content)
        self.epochs = epochs

    def _require_version(self) -> None:
        """Refuse a manifest of a newer version, which may have a meaning that this one does not know.

        Raises:
            EnvironmentLacksError: a newer version wrote it.
        """
        if self.last is not None and _release(self.last.tool) > _release(__version__):
            raise EnvironmentLacksError(_newer(self._files, f"sovereign-ai {self.last.tool}"))


def _read(files: StackFiles) -> Iterator[Epoch]:
    """Yield the manifest's epochs."""
    text = content_of(files.manifest)
    if text is None:
        return
    try:
        data = orjson.loads(text)
        format_number, entries = data["format"], data["epochs"]
        if isinstance(format_number, int) and format_number > _FORMAT:
            raise EnvironmentLacksError(_newer(files, f"a newer sovereign-ai (format {format_number})"))
        for entry in entries:
            epoch = record_from(Epoch, entry)
            # Compared with checkpoints later: a damaged time is refused here, with all other damage.
            datetime.fromisoformat(epoch.made)
            yield epoch
    except (ValueError, TypeError, KeyError):
        message = "the record of the states that were written cannot be read"
        hint = (
            f"`sovereign-ai state check {files.arguments}` reports what is there, "
            f"`sovereign-ai state repair {files.arguments}` writes it anew"
        )
        problem = Problem("state-records-damaged", message, Where(str(files.manifest)), hint)
        raise EnvironmentLacksError(problem) from None


def _newer(files: StackFiles, writer: str) -> Problem:
    """Return the problem that a newer version wrote the state."""
    message = (
        f"the state was written by {writer}, and this is sovereign-ai {__version__}; nothing was changed"
    )
    return Problem("state-newer", message, Where(str(files.manifest)), "use that version, or a later one")


def _release(version: str) -> tuple[int, ...]:
    """Return a version's numbers, for comparing.

    >>> _release("0.10.1") > _release("0.9")
    True
    """
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _pulumi_copies(files: StackFiles) -> Iterator[Copy]:
    """Yield a plain Pulumi's good copies: beside the checkpoint, its backups, and its history."""
    beside = files.checkpoint.with_name(f"{files.checkpoint.name}.bak")
    named = [(beside, "Pulumi's copy of the state before its last write")]
    # The names hold the time: in reverse order the newest comes first.
    for path in sorted(files.backups.glob("*.json*"), reverse=True):
        named += [(path, "Pulumi's backup")]
    for path in sorted(files.history.glob("*.checkpoint.json*"), reverse=True):
        named += [(path, "Pulumi's history")]
    seen: set[str] = set()
    for path, name in named:
        copy = _copy(path, files, name) if path.suffix != ".attrs" else None
        if copy is not None and copy.checkpoint.digest not in seen:
            seen.add(copy.checkpoint.digest)
            yield copy


def _copy(path: Path, files: StackFiles, name: str) -> Copy | None:
    """Return a good copy; None if the file does not exist or is no checkpoint of the stack."""
    data = content_if_whole(path, CHECKPOINT)
    if data is None:
        return None
    try:
        return Copy(path, parse(unpacked(data), files.project, files.stack), name)
    except DamagedCheckpointError:
        return None

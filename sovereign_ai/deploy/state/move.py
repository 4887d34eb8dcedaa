"""Move a stack's state to another state home: copy, read back and compare, and only then remove."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sovereign_ai.deploy.state.durable import make_folder, remove_durably, write_durably
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import META, StackFiles
from sovereign_ai.deploy.state.moved_state import note_move
from sovereign_ai.deploy.state.pulumi_environment import KEY_FILE, state_dir
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_lock import StackLock
from sovereign_ai.deploy.state.stack_record import record_path
from sovereign_ai.deploy.state.store import settle_state
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files import CHECKPOINT, STATE_KEY, read

_KEY = "state.key"


def move(files: StackFiles, home: Path, progress: Callable[[str], object]) -> StackFiles:
    """Move a stack's state with its records to another state home.

    Args:
        files: the stack's files.
        home: the folder that XDG_STATE_HOME names from now on.
        progress: called with a line for each step.

    Returns:
        The stack's files where they are now.

    Raises:
        UsageError: the state is in that state home already.
        EnvironmentLacksError: another command works on the stack, the state cannot be used, or the state home
            has another state of the stack, or another key.
        OSError: a file cannot be read or written; the old place is unchanged then.
    """
    target = replace(files, folder=home.absolute() / "sovereign-ai" / files.folder.name)
    if target.folder.resolve() == files.folder.resolve():
        message = f"the state is in {home} already"
        raise UsageError(Problem("state-is-there", message, hint="name another folder"))
    with hold_stack(files, "state move", progress) as hold:
        checkpoint = settle_state(hold, Manifest(files), progress)
        if checkpoint is None:
            message = f"there is no state of the stack {files.stack!r}"
            raise EnvironmentLacksError(Problem("no-state", message))
        # Both places are locked: a command under the new state home must wait for the move, too.
        make_folder(target.records)
        lock = StackLock(target, "state move")
        try:
            _require_free(target, checkpoint.data)
            _bring_key(target)
            target.moved.unlink(missing_ok=True)
            for path in _content(files):
                _copy(path, target.folder / path.relative_to(files.folder))
            write_durably(target.meta, META)
            progress(f"copied to {target.folder}")
        finally:
            lock.release()
        # From here on commands refuse the old place: a crash leaves two copies, but only one is used.
        note_move(files, str(home.absolute()))
        # The checkpoint first, so that a plain Pulumi finds no state here from now on.
        for path in reversed(list(_content(files))):
            remove_durably(path)
    return target


def _content(files: StackFiles) -> Iterator[Path]:
    """Yield the files that make up a state; the checkpoint last, so that an interrupted copy has none."""
    for folder in (files.copies, files.history, files.backups):
        yield from sorted(folder.glob("*"))
    backup = files.checkpoint.with_name(f"{files.checkpoint.name}.bak")
    # Without its record the stack would not notice another cluster, nor go on where a run was cut short.
    record = record_path(files.folder, files.project, files.stack)
    for path in (files.salt, record, backup, files.manifest, *files.variants):
        if path.is_file():
            yield path


def _require_free(target: StackFiles, data: bytes) -> None:
    """Refuse a state home that has another state of the stack; an equal one is that of an interrupted move.

    Raises:
        EnvironmentLacksError: it has another one.
    """
    existing = target.read()
    if existing is not None and existing != data:
        message = f"another state of the stack {target.stack!r} is there; nothing was changed"
        hint = "name another folder, or remove that stack first"
        raise EnvironmentLacksError(Problem("state-exists", message, Where(str(target.current())), hint))


def _bring_key(target: StackFiles) -> None:
    """Copy the key file, unless the user placed it elsewhere; secrets in the state are encrypted under it.

    Raises:
        EnvironmentLacksError: the state home has another key.
    """
    key = state_dir() / _KEY
    if os.environ.get(KEY_FILE) or not key.is_file():
        return
    new_key = target.folder.parent / _KEY
    if not new_key.exists():
        write_durably(new_key, read(key, STATE_KEY))
    elif read(new_key, STATE_KEY).strip() != read(key, STATE_KEY).strip():
        message = f"another key is there, which does not open secrets that were encrypted under {key}"
        hint = f"name another folder; or place the key elsewhere for both by {KEY_FILE}"
        raise EnvironmentLacksError(Problem("key-differs", message, Where(str(new_key)), hint))


def _copy(path: Path, to: Path) -> None:
    """Copy a file, and compare the copy with it.

    Raises:
        OSError: it cannot be copied.
        EnvironmentLacksError: the copy differs.
    """
    data = read(path, CHECKPOINT)
    make_folder(to.parent)
    write_durably(to, data)
    # The original is removed next, so that a bad disk must be noticed now.
    if read(to, CHECKPOINT) != data:
        message = "the copy differs from the file; nothing was removed"
        raise EnvironmentLacksError(
            Problem("copy-differs", message, Where(str(to)), f"look at the disk, and compare with {path}")
        )

"""The backend folder of one run of the engine: a copy of the stack's checkpoint that no other process uses.

The engine of a run never writes the state itself. A killed engine leaves no lock in the state's folder, and
one that was stopped and resumes after its stack was taken over writes into its own copy. Other stacks of the
backend are symbolic links, so that a program's stack references find them.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import asdict
from pathlib import Path

import orjson

from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.files import META, StackFiles
from sovereign_ai.deploy.state.kept_files import content_if_whole, record_from
from sovereign_ai.deploy.state.process_table import ProcessId, boot_id, kill_all, marked, this_process
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files.writing import create
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import wait_until

_RECORD = "run.json"
_LEAST_ROOM = 256 * 1024
_COPIES_AT_ONCE = 4
"""Copies that exist at once: the engine's checkpoint and its backup, this tool's copy, and the new state."""


@frozen_dataclass
class WorkingCopy:
    """The backend folder of one run.

    Attributes:
        folder: the folder.
        base: digest of the checkpoint that it started with; empty for a new stack.
        verb: the command of the run.
        fence: number of the command's hold on the stack; 0 for a run that changes nothing.
        owner: process of the command.
    """

    folder: Path
    base: str
    verb: str
    fence: int
    owner: ProcessId

    @property
    def variable(self) -> str:
        """The folder's URL for `PULUMI_BACKEND_URL`; every process of the run has it in its environment."""
        return f"file://{self.folder}"

    def environment(self) -> dict[str, str]:
        """Return the environment in which the engine uses this copy, without history and backups in it."""
        return {
            "PULUMI_BACKEND_URL": self.variable,
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_DIY_BACKEND_RETAIN_CHECKPOINTS": "false",
            "PULUMI_DIY_BACKEND_GZIP": "false",
            "PULUMI_DIY_BACKEND_ZSTD": "false",
        }

    def files(self, of: StackFiles) -> StackFiles:
        """Return the stack's files in this copy."""
        return StackFiles(self.folder, of.project, of.stack, of.arguments)

    def processes(self) -> list[int]:
        """Return every process of the run's engine: itself, its language host, providers and program."""
        return marked(f"PULUMI_BACKEND_URL={self.variable}".encode())

    def note(self) -> None:
        """Write the run's record, for the command that cleans the folder up when this one is dead.

        Raises:
            OSError: it cannot be written.
        """
        # `default`, since orjson does not serialise paths.
        write_durably(self.folder / _RECORD, orjson.dumps(asdict(self), default=str))

    def remove(self) -> None:
        """Remove the folder; a later run removes what cannot be removed now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def make_copy(files: StackFiles, checkpoint: Checkpoint | None, verb: str, fence: int) -> WorkingCopy:
    """Create a working copy.

    Args:
        files: the stack's files.
        checkpoint: its state; None for a new stack.
        verb: the command of the run.
        fence: number of the command's hold on the stack; 0 for a run that changes nothing.

    Raises:
        EnvironmentLacksError: the disk has no room for a run.
        OSError: a file cannot be written.
    """
    _require_room(files, len(checkpoint.data) if checkpoint else 0)
    me = this_process()
    folder = make_folder(files.runs) / f"{fence}-{me.pid}-{me.started}-{uuid.uuid4().hex[:8]}"
    base = checkpoint.digest if checkpoint else ""
    copy = WorkingCopy(folder, base, verb, fence, me)
    copied = copy.files(files)
    try:
        make_folder(copied.checkpoint.parent)
        copy.note()
        _write(copied.meta, META)
        if checkpoint is not None:
            _write(copied.checkpoint, checkpoint.data)
        _link_others(files, copied)
    except BaseException:
        copy.remove()
        raise
    return copy


def _write(path: Path, data: bytes) -> None:
    """Write a file of mode 0600, without flushing it to the disk: it does not outlive the run."""
    create(path, data, mode=0o600, durable=False)


def _link_others(files: StackFiles, copied: StackFiles) -> None:
    """Link every other stack of the backend.

    The engine writes only its own, and a write would replace the link.
    """
    for path in files.checkpoint.parent.parent.glob("*/*.json*"):
        link = copied.checkpoint.parent.parent / path.parent.name / path.name
        if path not in files.variants and path.suffix in {".json", ".gz", ".zst"}:
            make_folder(link.parent)
            link.symlink_to(path)


def _require_room(files: StackFiles, size: int) -> None:
    """Refuse a run whose state could not be saved.

    Raises:
        EnvironmentLacksError: the disk has no room for it.
    """
    folder = make_folder(files.records)
    need = _COPIES_AT_ONCE * size + _LEAST_ROOM
    free = shutil.disk_usage(folder).free
    if free < need:
        message = (
            f"the disk has {free // 1024:,} KiB left, and saving the state may need {need // 1024:,} KiB; "
            "nothing was changed"
        )
        hint = "free some space and run the command again; XDG_STATE_HOME places the state folder elsewhere"
        raise EnvironmentLacksError(Problem("state-disk-full", message, Where(str(folder)), hint))


def left_behind(files: StackFiles) -> list[WorkingCopy]:
    """Return the working copies whose commands are dead, the latest hold first."""
    dead = [copy for copy in runs_of(files) if not copy.owner.is_running]
    return sorted(dead, key=lambda copy: copy.fence, reverse=True)


def runs_of(files: StackFiles) -> list[WorkingCopy]:
    """Return the working copies of a stack, also those of dead commands."""
    try:
        folders = sorted(files.runs.iterdir())
    except FileNotFoundError:
        return []
    return [_read_copy(folder) for folder in folders]


def _read_copy(folder: Path) -> WorkingCopy:
    """Return the working copy in a folder, from its record or else from the folder's name."""
    try:
        data = orjson.loads(content_if_whole(folder / _RECORD) or b"")
        owner = record_from(ProcessId, data["owner"])
        return WorkingCopy(folder, str(data["base"]), str(data["verb"]), int(data["fence"]), owner)
    except (ValueError, KeyError, TypeError):
        # The name is FENCE-PID-STARTED-RANDOM, as `make_copy` writes it.
        numbers = [int(part) if part.isdigit() else 0 for part in folder.name.split("-")]
        pid, started = (*numbers, 0, 0, 0)[1:3]
        return WorkingCopy(folder, "", "", 0, ProcessId(pid, started, boot_id()))


def end_engine(copy: WorkingCopy, patience: float) -> int:
    """End the engine of a run whose command is dead, and return how many processes had to be killed.

    Args:
        copy: the run's working copy.
        patience: seconds that its supervisor still has for a clean end.
    """
    if not copy.processes() or wait_until(lambda: not copy.processes(), patience):
        return 0
    return len(kill_all(copy.processes))

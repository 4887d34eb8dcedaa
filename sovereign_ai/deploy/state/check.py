"""Inspect a stack's state as a whole, and restore the last good copy; neither needs the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.state.checkpoint import Checkpoint, DamagedCheckpointError, parse
from sovereign_ai.deploy.state.classification import Judgement, StateKind, classify
from sovereign_ai.deploy.state.epochs import Copy, Epoch, Manifest
from sovereign_ai.deploy.state.files import StackFiles, unpacked
from sovereign_ai.deploy.state.kept_files import content_if_whole
from sovereign_ai.deploy.state.moved_state import moved_to
from sovereign_ai.deploy.state.pulumi_lock import PulumiLock, read_locks
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_lock import LockOwner, is_locked, owner_of
from sovereign_ai.deploy.state.working_copy import left_behind
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files import CHECKPOINT
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted


@frozen_dataclass
class StateReport:
    """Everything about a stack's state.

    Attributes:
        files: its files.
        kind: what the checkpoint on disk is.
        checkpoint: the state that counts; None if there is none.
        last: the newest epoch.
        copies: the good copies, the newest first.
        owner: the process that works on the stack, or did last.
        is_locked: whether a process works on it now.
        pulumi_locks: the locks of a plain Pulumi.
        left: processes of dead commands that still run.
        moved: the state home to which the state was moved; empty if it was not.
        problems: why the state cannot be used as it is.
    """

    files: StackFiles
    kind: StateKind
    checkpoint: Checkpoint | None
    last: Epoch | None
    copies: tuple[Copy, ...]
    owner: LockOwner | None
    is_locked: bool
    pulumi_locks: tuple[PulumiLock, ...]
    left: tuple[int, ...]
    moved: str
    problems: tuple[Problem, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        # A dict keeps its order in the JSON, so that each key is set in its place.
        data: dict[str, Any] = {
            "project": self.files.project,
            "stack": self.files.stack,
            "file": str(self.files.current()),
            "state": str(self.kind),
        }
        data.update(_checkpoint_data(self.checkpoint))
        data["epoch"] = _epoch_data(self.last)
        data["copies"] = [_copy_data(copy) for copy in self.copies]
        data["locked"] = self.is_locked
        data["owner"] = self.owner.to_data() if self.owner else None
        data["pulumi_locks"] = [_lock_data(lock) for lock in self.pulumi_locks]
        data["left_processes"] = list(self.left)
        data["moved_to"] = self.moved or None
        return data


def _checkpoint_data(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Return the plain data of the state that counts."""
    if checkpoint is None:
        return {"bytes": 0, "digest": None, "resources": 0, "objects": 0, "pending_operations": []}
    return {
        "bytes": len(checkpoint.data),
        "digest": checkpoint.digest,
        "resources": len(checkpoint.resources),
        "objects": checkpoint.objects,
        "pending_operations": [_pending_data(item) for item in checkpoint.pending],
    }


def _pending_data(item: Any) -> dict[str, str]:
    """Return the plain data of an operation whose end the engine did not record."""
    resource = item.get("resource")
    urn = str(resource.get("urn", "")) if isinstance(resource, dict) else ""
    return {"op": str(item.get("type", "")), "resource": urn.rsplit("::", 1)[-1]}


def _epoch_data(epoch: Epoch | None) -> dict[str, Any] | None:
    """Return the plain data of an epoch."""
    if epoch is None:
        return None
    return {"number": epoch.number, "kind": epoch.kind, "written": epoch.written, "tool": epoch.tool}


def _copy_data(copy: Copy) -> dict[str, Any]:
    """Return the plain data of a good copy."""
    return {"name": copy.name, "file": str(copy.path), "resources": len(copy.checkpoint.resources)}


def _lock_data(lock: PulumiLock) -> dict[str, Any]:
    """Return the plain data of a lock of a plain Pulumi."""
    # The next command removes a lock whose owner is dead or that cannot be read.
    is_dead = lock.is_left_behind or not lock.is_readable
    return {"file": str(lock.path), "owner": str(lock), "dead": is_dead}


def inspect_state(files: StackFiles) -> StateReport:
    """Inspect a stack's state without changing anything.

    Raises:
        OSError: a file cannot be read.
    """
    problems: list[Problem] = []
    manifest = None
    judgement = Judgement(StateKind.REFUSED)
    try:
        manifest = Manifest(files)
        judgement = classify(files, manifest)
        if judgement.problem:
            problems.append(judgement.problem)
    except EnvironmentLacksError as error:
        # The report is complete all the same: what can be read helps to find out what happened.
        problems += error.problems
    left: list[int] = []
    for copy in left_behind(files):
        left += copy.processes()
    return StateReport(
        files,
        judgement.kind,
        judgement.checkpoint,
        manifest.last if manifest else None,
        tuple(manifest.copies()) if manifest else (),
        owner_of(files),
        is_locked(files),
        tuple(read_locks(files.pulumi_locks)),
        tuple(left),
        moved_to(files),
        tuple(problems),
    )


@frozen_dataclass
class Repair:
    """A planned repair.

    Attributes:
        text: what it does, for a person.
        checkpoint: the state that is put into place; None if the stack is removed from the state.
        kind: its name in the records.
        sets_records_aside: whether records that cannot be read are renamed first.
    """

    text: str
    checkpoint: Checkpoint | None
    kind: str
    sets_records_aside: bool = False


def plan_repair(files: StackFiles, epoch: int | None = None, *, accept: bool = False) -> Repair | None:
    """Return the repair that a state needs; None if there is nothing to repair.

    Args:
        files: the stack's files.
        epoch: number of the copy to restore; left out, the newest good one, and only if the state cannot be
            used.
        accept: continue with the checkpoint on disk, even if it is older than the newest state, or gone.

    Raises:
        EnvironmentLacksError: there is no good copy, a newer version wrote the state, or the checkpoint is
            damaged.
        UsageError: there is no copy of that number.
        OSError: a file cannot be read.
    """
    try:
        manifest = Manifest(files)
    except EnvironmentLacksError as error:
        if any(problem.code != "state-records-damaged" for problem in error.problems):
            raise
        return _without_records(files)
    if epoch is not None:
        return _restore(_copy_of_number(manifest, epoch))
    judgement = classify(files, manifest)
    if judgement.problem is None:
        return None
    copies = manifest.copies()
    if accept:
        return _accept(files, judgement.problem, has_copy=bool(copies))
    if copies:
        return _restore(copies[0])
    raise EnvironmentLacksError(judgement.problem)


def _copy_of_number(manifest: Manifest, number: int) -> Copy:
    """Return the good copy of an epoch.

    Raises:
        UsageError: there is none.
    """
    for epoch in manifest.epochs:
        if epoch.number == number and (copy := manifest.copy_of(epoch)) is not None:
            return copy
    numbers = ", ".join(str(epoch.number) for epoch in manifest.epochs if manifest.copy_of(epoch))
    message = f"there is no good copy of epoch {number}"
    raise UsageError(Problem("no-copy", message, hint=f"there are: {numbers or 'none'}"))


def _restore(copy: Copy) -> Repair:
    """Plan to restore a copy."""
    held = counted(len(copy.checkpoint.resources), "resource")
    return Repair(f"put {copy.name} back, from {copy.path} ({held})", copy.checkpoint, "repair")


def _accept(files: StackFiles, problem: Problem, *, has_copy: bool) -> Repair:
    """Plan to continue with the checkpoint on disk.

    Raises:
        EnvironmentLacksError: it is damaged, and a good copy can be restored in its place.
    """
    data = files.read()
    if data is None:
        return Repair("record that the stack is gone", None, "accepted")
    try:
        checkpoint = parse(data, files.project, files.stack)
    except DamagedCheckpointError:
        # Only without any copy: else a damaged file would cost a state that can be restored.
        if has_copy:
            raise EnvironmentLacksError(problem) from None
        return Repair("remove the damaged state, and record that the stack is gone", None, "accepted")
    text = f"record the state that is there as the newest ({counted(len(checkpoint.resources), 'resource')})"
    return Repair(text, checkpoint, "accepted")


def _without_records(files: StackFiles) -> Repair:
    """Plan the repair of records that cannot be read: the state on disk counts, else the newest good copy.

    Raises:
        EnvironmentLacksError: neither can be used.
    """
    candidates = [files.current(), *sorted(files.copies.glob("*.json"), key=_number, reverse=True)]
    for path in candidates:
        checkpoint = _readable(path, files)
        if checkpoint is not None:
            resources_text = counted(len(checkpoint.resources), "resource")
            text = f"write the records anew, with the state of {path} ({resources_text})"
            return Repair(text, checkpoint, "repair", sets_records_aside=True)
    message = "the records cannot be read, and there is neither a state nor a good copy"
    hint = (
        f"put both back from a backup, or remove {files.records} to begin anew; "
        "`up` takes over what is in the cluster"
    )
    raise EnvironmentLacksError(Problem("state-damaged", message, Where(str(files.manifest)), hint))


def _number(path: Path) -> int:
    """Return the number of a copy; 0 for a file of another name."""
    return int(path.stem) if path.stem.isdigit() else 0


def _readable(path: Path, files: StackFiles) -> Checkpoint | None:
    """Return a file's checkpoint; None if the file does not exist or is damaged."""
    data = content_if_whole(path, CHECKPOINT)
    if data is None:
        return None
    try:
        return parse(unpacked(data), files.project, files.stack)
    except DamagedCheckpointError:
        return None


def repair(files: StackFiles, planned: Repair, progress: Callable[[str], object]) -> None:
    """Put a state into place, as a new epoch.

    Args:
        files: the stack's files.
        planned: the repair that `plan_repair` returned.
        progress: called with a line for each further thing that is repaired on the way.

    Raises:
        EnvironmentLacksError: another command works on the stack.
        OSError: a file cannot be written.
    """
    with hold_stack(files, "state repair", progress) as hold:
        if planned.sets_records_aside:
            files.manifest.replace(files.manifest.with_name(f"{files.manifest.name}.damaged"))
        manifest = Manifest(files)
        manifest.drop_unfinished()
        hold.write(manifest, planned.checkpoint, planned.kind)

"""Classify the checkpoint on disk: the newest state, a later one that Pulumi wrote, an older one, or none.

Nothing is written here; `state_store.py` acts on the classification.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sovereign_ai.deploy.state.checkpoint import Checkpoint, DamagedCheckpointError, digest_of, parse
from sovereign_ai.deploy.state.epochs import Copy, Epoch, Manifest
from sovereign_ai.deploy.state.files import StackFiles, unpacked
from sovereign_ai.deploy.state.kept_files import content_if_whole
from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import CHECKPOINT
from sovereign_ai.frozen_dataclass import frozen_dataclass


class StateKind(StrEnum):
    """What the checkpoint on disk is."""

    NONE = "none"
    """There is no stack, and no record of one."""
    CURRENT = "current"
    """The newest state that was recorded."""
    ARRIVED = "arrived"
    """The newest state, put into place by a run that was killed before it recorded that."""
    UNFINISHED = "unfinished"
    """The state before the newest: a run recorded the newest, and was killed before it put it into place."""
    ADOPTED = "adopted"
    """A state from before there were records."""
    PULUMI = "pulumi"
    """A later state that a plain Pulumi wrote, or its removal of the stack."""
    REFUSED = "refused"
    """Damaged, older than the newest, or lost."""


@frozen_dataclass
class Judgement:
    """The classification of the checkpoint on disk.

    Attributes:
        kind: what it is.
        checkpoint: the state that counts; None if there is no stack, or it is refused.
        problem: why it is refused; None if it is not.
    """

    kind: StateKind
    checkpoint: Checkpoint | None = None
    problem: Problem | None = None


def classify(files: StackFiles, manifest: Manifest) -> Judgement:
    """Classify the checkpoint of a stack.

    Args:
        files: the stack's files.
        manifest: the record of the states that were written.

    Raises:
        EnvironmentLacksError: it is compressed in a way that only Pulumi reads.
        OSError: it cannot be read.
    """
    data = files.read()
    damage = ""
    checkpoint = None
    try:
        checkpoint = parse(data, files.project, files.stack) if data is not None else None
    except DamagedCheckpointError as error:
        damage = str(error)
    last = manifest.last
    # A run records a state, puts it into place and marks it as done: it was killed between two of these
    # steps.
    if last is not None and not last.done:
        if _matches(last, checkpoint, damage):
            return Judgement(StateKind.ARRIVED, checkpoint)
        if damage or _matches(manifest.before, checkpoint, damage):
            copy = None if last.is_removal else manifest.copy_of(last)
            if copy is not None or (last.is_removal and not damage):
                return Judgement(StateKind.UNFINISHED, copy.checkpoint if copy else None)
    if damage:
        return _refused(files, manifest, "state-damaged", f"the state cannot be used: {damage}")
    if checkpoint is None:
        return _absent(files, manifest)
    return _present(files, manifest, checkpoint)


def _matches(epoch: Epoch | None, checkpoint: Checkpoint | None, damage: str) -> bool:
    """Return whether the checkpoint on disk is what an epoch recorded.

    No epoch at all matches no checkpoint.
    """
    if damage:
        return False
    recorded = epoch.digest if epoch is not None else ""
    return recorded == (checkpoint.digest if checkpoint is not None else "")


def _absent(files: StackFiles, manifest: Manifest) -> Judgement:
    """Classify that there is no checkpoint."""
    last = manifest.last
    if last is None or last.is_removal:
        return Judgement(StateKind.NONE)
    copy = manifest.copy_of(last)
    # `pulumi stack rm` refuses a stack that owns something; with --force it leaves a copy of the state beside
    # it.
    is_empty = copy is not None and not copy.checkpoint.owned
    if is_empty or _digest_of_backup(files) == last.digest:
        return Judgement(StateKind.PULUMI)
    return _refused(files, manifest, "state-lost", f"the state is gone; {last} was the last that was written")


def _digest_of_backup(files: StackFiles) -> str:
    """Return the digest of the copy that `pulumi stack rm --force` leaves; empty if there is none."""
    backup = files.checkpoint.with_name(f"{files.checkpoint.name}.bak")
    data = content_if_whole(backup, CHECKPOINT)
    return "" if data is None else digest_of(unpacked(data))


def _present(files: StackFiles, manifest: Manifest, checkpoint: Checkpoint) -> Judgement:
    """Classify a checkpoint where no run was cut short."""
    last = manifest.last
    if last is None:
        return Judgement(StateKind.ADOPTED, checkpoint)
    if checkpoint.digest == last.digest:
        return Judgement(StateKind.CURRENT, checkpoint)
    if older := manifest.holds(checkpoint.digest):
        message = f"the state is that of {older}; {last} was written after it"
        return _refused(files, manifest, "state-rolled-back", message)
    # The engine's own time decides, and not the file's: a restored file may have any. A clock that was set
    # back is no rollback. Pulumi's history shows the difference: this tool's runs write none, so a state in
    # it came after the last epoch.
    if checkpoint.time >= datetime.fromisoformat(last.made) or checkpoint.digest in _pulumi_history(files):
        return Judgement(StateKind.PULUMI, checkpoint)
    made = f"{checkpoint.time:%Y-%m-%d %H:%M:%S} UTC"
    message = f"the state was made at {made}; {last} was written after it"
    return _refused(files, manifest, "state-rolled-back", message)


def _pulumi_history(files: StackFiles) -> set[str]:
    """Return the digests of the checkpoints in Pulumi's history."""
    digests = set()
    for path in files.history.glob("*.checkpoint.json*"):
        data = content_if_whole(path, CHECKPOINT)
        if data is not None:
            digests.add(digest_of(unpacked(data)))
    return digests


def _refused(files: StackFiles, manifest: Manifest, code: str, message: str) -> Judgement:
    """Refuse the checkpoint on disk, and name the last good copy."""
    copies = manifest.copies()
    file = Where(str(files.current()))
    problem = Problem(code, f"{message}; nothing was changed", file, _repair_hint(files, copies))
    return Judgement(StateKind.REFUSED, None, problem)


def _repair_hint(files: StackFiles, copies: list[Copy]) -> str:
    """Return how to continue after a refusal."""
    repair = f"`sovereign-ai state repair {files.arguments}`"
    if not copies:
        gone = f"{repair} --accept goes on without it; `up` then takes over what is in the cluster"
        return f"there is no good copy here; put one back from a backup of {files.folder}, or {gone}"
    return f"the last good copy is {copies[0].name} in {copies[0].path}: {repair} puts it back"

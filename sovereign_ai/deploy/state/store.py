"""The state of a stack, held by one command, with writes that survive a crash.

    with hold_state(files, "up", progress) as state:
        run the engine in state.copy.environment()
        state.commit("up")

`hold_state` refuses a second command and names the first, ends the processes of a dead command, finishes a
write that a crash interrupted, and takes over the checkpoint that the engine of a killed command still saved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sovereign_ai.deploy.state.checkpoint import Checkpoint, DamagedCheckpointError, digest_of, parse
from sovereign_ai.deploy.state.classification import StateKind, classify
from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.kept_resources import with_dropped
from sovereign_ai.deploy.state.moved_state import require_unmoved
from sovereign_ai.deploy.state.partial_checkpoint import completed, set_aside
from sovereign_ai.deploy.state.stack_hold import PATIENCE_SECONDS, StackHold, hold_stack, stack_lost
from sovereign_ai.deploy.state.working_copy import WorkingCopy, left_behind, make_copy
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

Progress = Callable[[str], object]


class CommandState:
    """A stack's state, and the copy of it on which one command's engine works.

    Attributes:
        files: the stack's files.
        checkpoint: the state; None if there is no stack yet.
        copy: the backend folder for the command's engine.
    """

    def __init__(
        self,
        files: StackFiles,
        manifest: Manifest,
        checkpoint: Checkpoint | None,
        copy: WorkingCopy,
        hold: StackHold | None = None,
    ) -> None:
        """Wrap what `hold_state` or `view_state` has prepared; without a hold nothing is ever committed."""
        self.files, self.checkpoint, self.copy = files, checkpoint, copy
        self._manifest, self._hold = manifest, hold

    @property
    def watched(self) -> Path | None:
        """The file that exists as long as this command holds the stack.

        None for a command that changes nothing.
        """
        return self._hold.pulumi.path if self._hold else None

    def reduce(self, urns: Collection[str]) -> None:
        """Reduce the engine's copy to some resources and those that they need; `commit` restores the others.

        Args:
            urns: the resources that the run registers.

        Raises:
            OSError: a file of the working copy cannot be written.
        """
        if self.checkpoint is not None:
            set_aside(self.copy.folder, self.copy.files(self.files).checkpoint, self.checkpoint, urns)

    def saved(self) -> Checkpoint | None:
        """Return the checkpoint that the engine saved in the copy; None if there is no stack in it.

        Raises:
            EnvironmentLacksError: it is damaged.
            OSError: it cannot be read.
        """
        copied = self.copy.files(self.files)
        data = copied.read()
        if data is None:
            return None
        try:
            return parse(data, self.files.project, self.files.stack)
        except DamagedCheckpointError as error:
            message = f"what the engine saved cannot be used: {error}; the state is as it was before"
            file = Where(str(copied.checkpoint))
            problem = Problem("state-not-saved", message, file, "run the command again")
            raise EnvironmentLacksError(problem) from None

    def commit(self, kind: str) -> None:
        """Write the checkpoint that the engine saved as the stack's state, unless it is the state already.

        Args:
            kind: the engine's command, such as `up`.

        Raises:
            EnvironmentLacksError: the stack was taken over, or the checkpoint is damaged; the state is
                unchanged.
            OSError: a file cannot be written; the state is unchanged.
        """
        if self._hold is None:
            return
        saved = _completed(self.checkpoint, self.saved(), self.copy, kind, self.files)
        changed = saved is not None and saved.digest != self.copy.base
        try:
            self._require_held()
        except EnvironmentLacksError as error:
            if saved is None or not changed:
                raise
            # The cluster has changed, and the state of the command that took over does not have that: keep
            # it.
            kept = make_folder(self.files.records / "lost") / f"{self.copy.fence}.json"
            write_durably(kept, saved.data)
            message = "what this command did is not in the state; what its engine saved is kept apart"
            problem = Problem("state-kept-apart", message, Where(str(kept)))
            raise EnvironmentLacksError([*error.problems, problem]) from None
        if saved is not None and changed:
            self._hold.write(self._manifest, saved, kind)
            self.checkpoint = saved
            # What the engine saves from now on builds on this state: a later command must know that to take
            # it over.
            self.copy = replace(self.copy, base=saved.digest)
            self.copy.note()

    def rewrite(self, content: bytes, kind: str) -> None:
        """Put a content in place of the state; a command that changes nothing has it in its own copy only.

        Args:
            content: the checkpoint.
            kind: what is done to the state, such as `drop`.

        Raises:
            EnvironmentLacksError: the stack was taken over; the state is unchanged.
            OSError: a file cannot be written; the state is unchanged.
        """
        write_durably(self.copy.files(self.files).checkpoint, content)
        self.commit(kind)
        if self._hold is None:
            self.checkpoint = self.saved()

    def remove(self) -> None:
        """Remove the stack from the state; its last copies stay.

        Raises:
            EnvironmentLacksError: the stack was taken over.
            OSError: a file cannot be removed.
        """
        self._require_held()
        if self._hold is not None:
            self._hold.write(self._manifest, None, "remove")
        self.checkpoint = None
        for path in self.copy.files(self.files).variants:
            path.unlink(missing_ok=True)

    def require_hold(self) -> None:
        """Check that this command still holds the stack, before a write to a cluster without the engine.

        Raises:
            EnvironmentLacksError: another command took it over while this process was stopped.
        """
        if self._hold is not None:
            self._hold.require_held()

    def _require_held(self) -> None:
        """Check that no other process took the stack over or wrote its state while this command was stopped.

        Raises:
            EnvironmentLacksError: one did.
        """
        if self._hold is None:
            return
        self._hold.require_held()
        data = self.files.read()
        expected = self.checkpoint.digest if self.checkpoint else ""
        digest = digest_of(data) if data is not None else ""
        if digest != expected:
            reason = "its state was written by somebody else meanwhile"
            raise EnvironmentLacksError(stack_lost(self.files, reason))


@contextmanager
def hold_state(
    files: StackFiles, verb: str, progress: Progress, patience: float = PATIENCE_SECONDS
) -> Iterator[CommandState]:
    """Hold a stack's state until the block ends.

    Args:
        files: the stack's files.
        verb: the command, such as `up`.
        progress: called with a line for each thing that is repaired.
        patience: seconds that the engine of a dead command has for a clean end.

    Raises:
        EnvironmentLacksError: another command works on the stack, or its state cannot be used.
        OSError: a file cannot be read or written.
    """
    with hold_stack(files, verb, progress, patience) as hold:
        manifest = Manifest(files)
        checkpoint = settle_state(hold, manifest, progress)
        copy = make_copy(files, checkpoint, verb, hold.fence)
        try:
            hold.lock.note(run=str(copy.folder))
            yield CommandState(files, manifest, checkpoint, copy, hold)
        finally:
            copy.remove()


@contextmanager
def view_state(files: StackFiles, verb: str) -> Iterator[CommandState]:
    """Copy a stack's state until the block ends, for a command that changes nothing.

    Such a command holds no lock: it may run beside one that changes the stack.

    Args:
        files: the stack's files.
        verb: the command, such as `preview`.

    Raises:
        EnvironmentLacksError: the state cannot be used.
        OSError: a file cannot be read, or the copy cannot be written.
    """
    manifest, checkpoint = _usable(files)
    copy = make_copy(files, checkpoint, verb, 0)
    try:
        yield CommandState(files, manifest, checkpoint, copy)
    finally:
        copy.remove()


def read_state(files: StackFiles) -> Checkpoint | None:
    """Return a stack's state; None if there is no stack.

    Raises:
        EnvironmentLacksError: the state cannot be used.
        OSError: a file cannot be read.
    """
    return _usable(files)[1]


def _usable(files: StackFiles) -> tuple[Manifest, Checkpoint | None]:
    """Return the manifest and the state, if it can be used."""
    require_unmoved(files)
    manifest = Manifest(files)
    judgement = classify(files, manifest)
    if judgement.problem is not None:
        raise EnvironmentLacksError(judgement.problem)
    return manifest, judgement.checkpoint


def settle_state(hold: StackHold, manifest: Manifest, progress: Progress) -> Checkpoint | None:
    """Bring records and checkpoint into agreement, as after a clean end of a run, and return the state.

    Raises:
        EnvironmentLacksError: the state cannot be used.
        OSError: a file cannot be written.
    """
    judgement = classify(hold.files, manifest)
    if judgement.problem is not None:
        raise EnvironmentLacksError(judgement.problem)
    checkpoint = judgement.checkpoint
    if judgement.kind is StateKind.ARRIVED:
        manifest.finish()
    elif judgement.kind is StateKind.UNFINISHED:
        progress(f"finishing a write of the state that was cut short: {manifest.last}")
        hold.place(manifest, checkpoint)
    elif judgement.kind in (StateKind.ADOPTED, StateKind.PULUMI):
        if judgement.kind is StateKind.PULUMI:
            progress("the state was written by a plain `pulumi` since; it is recorded")
        # An unfinished write is out of date: Pulumi has written a later state.
        manifest.drop_unfinished()
        manifest.begin(checkpoint, str(judgement.kind), hold.fence)
        manifest.finish()
    return _take_over(hold, manifest, checkpoint, progress)


def _take_over(
    hold: StackHold, manifest: Manifest, checkpoint: Checkpoint | None, progress: Progress
) -> Checkpoint | None:
    """Take over what the engine of a killed command saved, if the state was not written since.

    Remove its copy.
    """
    base = checkpoint.digest if checkpoint else ""
    for copy in left_behind(hold.files):
        try:
            saved = _completed(checkpoint, _saved(copy, hold.files), copy, copy.verb, hold.files)
        except (EnvironmentLacksError, DamagedCheckpointError):
            # What a dead command left is used only if it is whole; the state itself is intact.
            saved = None
        if copy.fence and copy.base == base and saved is not None and saved.digest != base:
            progress(f"taking over what a killed `{copy.verb}` had saved")
            hold.write(manifest, saved, copy.verb)
            checkpoint, base = saved, saved.digest
        copy.remove()
    return checkpoint


def _completed(
    before: Checkpoint | None, saved: Checkpoint | None, copy: WorkingCopy, verb: str, files: StackFiles
) -> Checkpoint | None:
    """Return what an engine saved, with existing resources that it could not see or has dropped."""
    if before is None or saved is None:
        return saved
    data = completed(copy.folder, before, saved)
    if data == before.data:
        return before
    whole = saved if data == saved.data else parse(data, files.project, files.stack)
    if verb != "destroy":
        return whole
    data = with_dropped(before, whole)
    return whole if data == whole.data else parse(data, files.project, files.stack)


def _saved(copy: WorkingCopy, files: StackFiles) -> Checkpoint | None:
    """Return what the engine of a dead command saved; None if it saved nothing usable."""
    try:
        data = copy.files(files).read()
        return parse(data, files.project, files.stack) if data is not None else None
    except (OSError, EnvironmentLacksError, DamagedCheckpointError):
        return None

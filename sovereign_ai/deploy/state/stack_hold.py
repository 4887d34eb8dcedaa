"""Hold a stack for one command: this tool's lock, Pulumi's lock, and no process of a dead command left.

While it holds the stack, a command may write its state; each write survives a crash at any moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.durable import make_folder, remove_durably, write_durably
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import META, StackFiles
from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.deploy.state.moved_state import require_unmoved
from sovereign_ai.deploy.state.pulumi_lock import HeldPulumiLock, PulumiLock, break_dead, new_name
from sovereign_ai.deploy.state.stack_lock import StackLock
from sovereign_ai.deploy.state.working_copy import end_engine, left_behind
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.text import counted

Progress = Callable[[str], object]
PATIENCE_SECONDS = 5.0
"""How long to wait for the engine of a dead command: somewhat longer than its supervisor waits."""


class StackHold:
    """This process's hold on a stack.

    Attributes:
        files: the stack's files.
        lock: this tool's lock.
        pulumi: the lock that keeps a plain Pulumi away.
    """

    def __init__(self, files: StackFiles, lock: StackLock, pulumi: HeldPulumiLock) -> None:
        """Wrap the locks that `hold_stack` has acquired."""
        self.files, self.lock, self.pulumi = files, lock, pulumi

    @property
    def fence(self) -> int:
        """Number of this hold; every later one has a larger number."""
        return self.lock.owner.fence

    def require_held(self) -> None:
        """Check that no other command has taken the stack over, as one may while this process is stopped.

        Raises:
            EnvironmentLacksError: one has.
        """
        if not self.lock.is_held:
            raise EnvironmentLacksError(stack_lost(self.files, "another command has taken it over"))
        if not self.pulumi.is_held:
            reason = "its lock was removed, as `pulumi cancel` does"
            raise EnvironmentLacksError(stack_lost(self.files, reason))

    def write(self, manifest: Manifest, checkpoint: Checkpoint | None, kind: str) -> None:
        """Record a state and put it into place; None removes the stack.

        Raises:
            EnvironmentLacksError: another command took the stack over; nothing is written.
            OSError: a file cannot be written; the state is either the old or the new one.
        """
        self.require_held()
        manifest.begin(checkpoint, kind, self.fence)
        self.place(manifest, checkpoint)

    def place(self, manifest: Manifest, checkpoint: Checkpoint | None) -> None:
        """Put the newest recorded state into place.

        Raises:
            OSError: a file cannot be written.
        """
        plain, *compressed = self.files.variants
        if checkpoint is None:
            remove_durably(plain)
            for path in self.files.history.glob("*"):
                path.unlink(missing_ok=True)
        else:
            make_folder(plain.parent)
            write_durably(plain, checkpoint.data, scratch=self.files.records)
        # After the plain file is written: Pulumi reads the newest of the variants.
        for path in compressed:
            remove_durably(path)
        # The backend's attributes of a file that it wrote itself, such as its MD5, do not match the new file.
        plain.with_name(f"{plain.name}.attrs").unlink(missing_ok=True)
        manifest.finish()


def stack_lost(files: StackFiles, why: str) -> Problem:
    """Return the problem that this command does not hold the stack any more."""
    message = f"the stack {files.stack!r} is no longer this command's: {why}; its state was left alone"
    hint = "run the command again: it resumes from the current state"
    return Problem("stack-lost", message, Where(str(files.current())), hint)


@contextmanager
def hold_stack(
    files: StackFiles, verb: str, progress: Progress, patience: float = PATIENCE_SECONDS
) -> Iterator[StackHold]:
    """Hold a stack until the block ends; end the processes of dead commands, and remove their locks.

    Args:
        files: the stack's files.
        verb: the command, such as `up`.
        progress: called with a line for each process that is ended and each lock that is removed.
        patience: seconds that the engine of a dead command has for a clean end.

    Raises:
        EnvironmentLacksError: another command works on the stack, or its state was moved.
        OSError: a file cannot be read or written.
    """
    require_unmoved(files)
    lock = StackLock(files, verb, _fence(files))
    try:
        for copy in left_behind(files):
            if killed := end_engine(copy, patience):
                processes_text = counted(killed, "process", "processes")
                progress(f"ended {processes_text} that a dead `{copy.verb or 'run'}` had left at work")
        pulumi = _keep_pulumi_away(files, lock, progress)
        try:
            _require_layout(files, progress)
            yield StackHold(files, lock, pulumi)
        finally:
            # A lock that stays is removed by the next command, which knows it by this command's record.
            with contextlib.suppress(OSError):
                pulumi.release()
    finally:
        lock.release()


def _fence(files: StackFiles) -> int:
    """Return the largest fence in the manifest.

    One that cannot be read is refused later, where it is needed.
    """
    try:
        return Manifest(files).fence
    except EnvironmentLacksError:
        return 0


def _keep_pulumi_away(files: StackFiles, lock: StackLock, progress: Progress) -> HeldPulumiLock:
    """Take Pulumi's lock as Pulumi does: look for other locks, write one, and look a second time.

    Raises:
        EnvironmentLacksError: a plain Pulumi works on the stack.
    """
    earlier = frozenset({lock.before.pulumi_lock} if lock.before else ())
    name = new_name()
    # The record names the lock before it exists: after a crash at any moment its owner is known.
    lock.note(pulumi_lock=name)
    if others := break_dead(files.pulumi_locks, progress, earlier):
        raise EnvironmentLacksError(_busy_problems(files, others))
    pulumi = HeldPulumiLock(files.pulumi_locks, files.records, name)
    # A plain Pulumi may have written its lock at the same time: then both give way.
    if rivals := list(pulumi.others()):
        pulumi.release()
        raise EnvironmentLacksError(_busy_problems(files, rivals))
    return pulumi


def _busy_problems(files: StackFiles, locks: Iterable[PulumiLock]) -> list[Problem]:
    """Return a problem for each plain Pulumi that works on the stack."""
    return [_busy(files, lock) for lock in locks]


def _busy(files: StackFiles, lock: PulumiLock) -> Problem:
    """Return the problem that a plain Pulumi works on the stack."""
    message = f"a plain `pulumi` works on the stack {files.stack!r}: {lock}; nothing was changed"
    unlock = f"`sovereign-ai state unlock {files.arguments}"
    if lock.is_here:
        unlock += " --end-owner` ends it"
    else:
        unlock += f" --other-host` removes its lock, once you know that nothing runs on {lock.host}"
    hint = f"wait for it to end and run the command again; {unlock}"
    return Problem("stack-busy", message, Where(str(lock.path)), hint)


def _require_layout(files: StackFiles, progress: Progress) -> None:
    """Check the layout version in Pulumi's `meta.yaml`; a file that is lost or damaged is written anew.

    Raises:
        EnvironmentLacksError: it names another layout, or cannot be read.
        OSError: it cannot be written.
    """
    content = content_of(files.meta) or b""
    if content.strip() == META.strip():
        return
    if content.strip().startswith(b"version:") and content.split(b":", 1)[1].strip().isdigit():
        layout = content.decode().strip()
        message = f"the state has another layout than this version of Pulumi reads: {layout!r}"
        hint = "use the version of Pulumi that wrote it"
        raise EnvironmentLacksError(Problem("state-newer", message, Where(str(files.meta)), hint))
    # Without a file and without a state, the stack is new: that is nothing to report.
    if content or files.exists:
        damage = "damaged" if content else "lost or empty"
        progress(f"writing {files.meta} anew, which was {damage}")
    make_folder(files.meta.parent)
    write_durably(files.meta, META, scratch=files.records)

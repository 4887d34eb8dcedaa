"""A stack's state for one command: whole, fenced, and written so that each write survives a crash."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.checkpoint import Checkpoint, parse
from sovereign_ai.deploy.state.classification import StateKind, classify
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.store import CommandState, hold_state, read_state, view_state
from sovereign_ai.deploy.state.working_copy import runs_of
from sovereign_ai.errors import EnvironmentLacksError
from tests.support.small_engine import checkpoint

MINUTES = [f"2026-01-01T00:{minute:02}:00Z" for minute in range(60)]


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path / "pulumi", "lab", "lab", "stacks/lab")


def engine_saves(state: CommandState, objects: int, minute: int | None = None) -> None:
    """Do what the engine does at its end: write the checkpoint into the working copy."""
    path = state.copy.files(state.files).checkpoint
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(checkpoint(objects, time=MINUTES[objects if minute is None else minute]))


def run(files: StackFiles, objects: int, progress: Callable[[str], object] = pytest.fail) -> None:
    with hold_state(files, "up", progress) as state:
        engine_saves(state, objects)
        state.commit("up")


def objects_in(checkpoint: Checkpoint | None) -> int | None:
    return checkpoint.objects if checkpoint else None


def test_what_the_engine_saved_becomes_the_state_with_a_number_and_a_copy(files: StackFiles) -> None:
    assert read_state(files) is None
    for objects in (1, 2):
        run(files, objects)
        assert objects_in(read_state(files)) == objects
    assert [(one.number, one.kind, one.done) for one in Manifest(files).epochs] == [
        (1, "up", True),
        (2, "up", True),
    ]
    assert runs_of(files) == []


def test_a_run_that_saved_nothing_new_writes_nothing(files: StackFiles) -> None:
    run(files, 1)
    before = files.checkpoint.stat()
    with hold_state(files, "up", pytest.fail) as state:
        state.commit("up")
    assert files.checkpoint.stat() == before
    assert len(Manifest(files).epochs) == 1


def test_what_a_damaged_engine_saved_is_refused_and_the_state_stays(files: StackFiles) -> None:
    run(files, 1)
    with hold_state(files, "up", pytest.fail) as state:
        state.copy.files(files).checkpoint.write_bytes(b"{")
        with pytest.raises(EnvironmentLacksError, match="state-not-saved"):
            state.commit("up")
    assert objects_in(read_state(files)) == 1


@pytest.mark.parametrize("how", ["a rival wrote", "lock taken away", "our lock taken away", "state removed"])
def test_a_command_that_lost_the_stack_keeps_what_it_did_apart_and_leaves_the_state_alone(
    files: StackFiles, how: str
) -> None:
    run(files, 1)
    theirs = checkpoint(5, time=MINUTES[50])
    with hold_state(files, "up", pytest.fail) as state:
        engine_saves(state, 2)
        if how == "a rival wrote":
            files.checkpoint.write_bytes(theirs)
        elif how == "lock taken away":
            (files.pulumi_locks / next(files.pulumi_locks.iterdir()).name).unlink()
        elif how == "our lock taken away":
            (files.records / "lock").unlink()
        else:
            files.checkpoint.unlink()
        before = files.read()
        with pytest.raises(EnvironmentLacksError, match="stack-lost") as refused:
            state.commit("up")
    assert files.read() == before
    assert len(Manifest(files).epochs) == 1
    kept = Path(
        next(one.where.file or "" for one in refused.value.problems if one.code == "state-kept-apart")
    )
    assert parse(kept.read_bytes(), "lab", "lab").objects == 2


def test_a_view_works_beside_a_command_that_holds_the_stack_and_never_writes(files: StackFiles) -> None:
    run(files, 1)
    with hold_state(files, "up", pytest.fail) as state, view_state(files, "preview") as view:
        engine_saves(view, 9)
        view.commit("preview")
        assert objects_in(view.checkpoint) == 1
        engine_saves(state, 2)
        state.commit("up")
    assert objects_in(read_state(files)) == 2


def test_a_removed_stack_is_gone_and_its_copies_stay(files: StackFiles) -> None:
    run(files, 1)
    with hold_state(files, "down", pytest.fail) as state:
        state.remove()
        assert state.checkpoint is None
    assert (read_state(files), files.exists) == (None, False)
    assert [objects_in(copy.checkpoint) for copy in Manifest(files).copies()] == [1]
    run(files, 3)
    assert objects_in(read_state(files)) == 3


def test_a_state_from_before_is_adopted_without_a_question_or_a_line(files: StackFiles) -> None:
    files.checkpoint.parent.mkdir(parents=True)
    files.meta.write_bytes(b"version: 1\n")
    files.checkpoint.write_bytes(checkpoint(4))
    assert objects_in(read_state(files)) == 4
    with hold_state(files, "up", pytest.fail) as state:
        assert objects_in(state.checkpoint) == 4
    assert [one.kind for one in Manifest(files).epochs] == ["adopted"]


def test_what_a_plain_pulumi_wrote_since_is_recorded_with_a_line(files: StackFiles) -> None:
    run(files, 1)
    files.checkpoint.write_bytes(checkpoint(7, time=MINUTES[50]))
    said: list[str] = []
    with hold_state(files, "up", said.append) as state:
        assert objects_in(state.checkpoint) == 7
    assert [one.kind for one in Manifest(files).epochs] == ["up", "pulumi"]
    assert len(said) == 1
    run(files, 51)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"{", checkpoint(1, time=MINUTES[1])],
    ids=["empty", "mapping", "cut", "rolled back"],
)
def test_a_state_that_cannot_be_used_is_refused_by_whoever_reads_it(
    files: StackFiles, content: bytes
) -> None:
    run(files, 1)
    run(files, 2)
    files.checkpoint.write_bytes(content)
    readers: list[Callable[[], object]] = [
        lambda: read_state(files),
        lambda: view_state(files, "preview").__enter__(),
        lambda: hold_state(files, "up", pytest.fail).__enter__(),
    ]
    for read in readers:
        with pytest.raises(EnvironmentLacksError, match=r"2\.json"):
            read()
    assert files.read() == content


def in_child(work: Callable[[], None]) -> int:
    """Run work in a process of its own, and return its exit code.

    Nothing of it is cleaned up if it ends early.
    """
    child = os.fork()
    if not child:
        code = 1
        with suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def ending_at(step: int, calls: tuple[str, ...] = ("fsync", "replace", "unlink", "open", "mkdir")) -> None:
    """Let this process end, as by SIGKILL, just before a call of the system that changes a disk."""
    left = [step]

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            left[0] -= 1
            if not left[0]:
                os._exit(9)
            return real(*arguments, **options)

        setattr(os, name, call)

    for name in calls:
        counted(name)


@pytest.mark.parametrize("what", ["first", "second", "removal", "after pulumi"])
def test_a_crash_before_any_call_of_the_system_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, what: str
) -> None:
    """Walk every write of a run: end there, look, and run once more."""
    for step in range(1, 200):
        files = StackFiles(tmp_path / str(step), "lab", "lab", "stacks/lab")
        if what != "first":
            run(files, 1)
        if what == "after pulumi":
            files.checkpoint.write_bytes(checkpoint(2, time=MINUTES[2]))

        def work(files: StackFiles = files, step: int = step) -> None:
            ending_at(step)
            with hold_state(files, "up", print) as state:
                if what == "removal":
                    state.remove()
                else:
                    engine_saves(state, 3)
                    state.commit("up")

        ended = in_child(work)
        old, new = {"first": (None, 3), "second": (1, 3), "removal": (1, None), "after pulumi": (2, 3)}[what]
        assert objects_in(classify(files, Manifest(files)).checkpoint) in (old, new), f"step {step}"
        said: list[str] = []
        with hold_state(files, "up", said.append) as state:
            settled = objects_in(state.checkpoint)
            # What the engine had saved before the crash is never lost.
            assert settled in (old, new), f"step {step}: {said}"
            engine_saves(state, 4)
            state.commit("up")
        assert classify(files, Manifest(files)).kind is StateKind.CURRENT
        assert (objects_in(read_state(files)), runs_of(files)) == (4, [])
        if ended == 0:
            assert step > 15, "fewer calls than there are writes"
            assert settled == new
            return
        assert ended == 9
    pytest.fail("the walk did not come to its end")


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_a_disk_that_fails_at_any_call_names_a_file_and_once_it_works_the_next_run_does(
    tmp_path: Path, call: str
) -> None:
    for step in range(1, 60):
        files = StackFiles(tmp_path / str(step), "lab", "lab", "stacks/lab")
        run(files, 1)
        code = in_child(lambda files=files, step=step: _failing(files, call, step))
        assert code in (0, 7), f"step {step}: an error without the name of a file"
        with hold_state(files, "up", print) as state:
            assert objects_in(state.checkpoint) in (1, 3)
            engine_saves(state, 4)
            state.commit("up")
        assert objects_in(read_state(files)) == 4
        if code == 0:
            assert step > 5
            return
    pytest.fail("the walk did not come to its end")


def _failing(files: StackFiles, name: str, step: int) -> None:
    """Run with a disk that fails once at a call; end with 7 for an error that names a file."""
    real, left = getattr(os, name), [step]

    def call(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    if name == "write":
        import io

        real_write = io.BufferedWriter.write

        class Writer(io.BufferedWriter):
            def write(self, data: object) -> int:
                left[0] -= 1
                if not left[0]:
                    raise OSError(28, "No space left on device")
                return real_write(self, data)  # type: ignore[arg-type]

        def opened(descriptor: int, mode: str = "r", *_more: object, **_options: object) -> Writer:
            assert mode == "wb"
            return Writer(io.FileIO(descriptor, "wb"))

        os.fdopen = opened  # type: ignore[assignment]
    else:
        setattr(os, name, call)
    try:
        run(files, 3, print)
    except OSError as error:
        os._exit(7 if error.filename else 8)


@pytest.mark.parametrize("fits", [True, False])
def test_what_a_killed_commands_engine_saved_is_taken_over_unless_somebody_wrote_since(
    files: StackFiles, fits: bool
) -> None:
    run(files, 1)

    def killed() -> None:
        with hold_state(files, "destroy", print) as state:
            engine_saves(state, 2)
            os._exit(9)

    assert in_child(killed) == 9
    if not fits:
        files.checkpoint.write_bytes(checkpoint(5, time=MINUTES[50]))
    said: list[str] = []
    with hold_state(files, "up", said.append) as state:
        assert objects_in(state.checkpoint) == (2 if fits else 5)
    assert ("taking over what a killed `destroy` had saved" in said) is fits
    assert [one.kind for one in Manifest(files).epochs] == ["up", "destroy" if fits else "pulumi"]


def test_what_a_killed_preview_left_is_removed_and_never_taken_over(files: StackFiles) -> None:
    run(files, 1)

    def killed() -> None:
        with view_state(files, "preview") as state:
            engine_saves(state, 2)
            os._exit(9)

    assert in_child(killed) == 9
    assert len(runs_of(files)) == 1
    with hold_state(files, "up", pytest.fail) as state:
        assert objects_in(state.checkpoint) == 1
    assert runs_of(files) == []


def test_two_stacks_of_one_folder_do_not_disturb_each_other(files: StackFiles) -> None:
    other = replace(files, project="other")
    with hold_state(files, "up", pytest.fail) as state, hold_state(other, "up", pytest.fail):
        engine_saves(state, 1)
        state.commit("up")
    assert (objects_in(read_state(files)), read_state(other)) == (1, None)


def test_holding_a_state_of_a_thousand_objects_takes_a_fraction_of_a_second(files: StackFiles) -> None:
    """The engine takes seconds for as many; the figure is generous, for machines under load."""
    data = checkpoint(1000, time=MINUTES[1], metadata={"filler": "x" * 8_000_000})
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(data)
    with hold_state(files, "up", print):
        pass
    spent = []
    for _ in range(3):
        began = time.process_time()
        with hold_state(files, "up", pytest.fail) as state:
            state.commit("up")
        spent.append(time.process_time() - began)
    assert min(spent) < 0.5

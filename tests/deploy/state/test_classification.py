"""What lies there: the newest state, a later one of Pulumi's, an older one, or none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.checkpoint import parse
from sovereign_ai.deploy.state.classification import Judgement, StateKind, classify
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from tests.support.small_engine import checkpoint

TIMES = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 8)]


class Stack:
    """A stack with epochs one to three, the third in its place; it held one, two and three objects."""

    def __init__(self, folder: Path) -> None:
        self.files = StackFiles(folder, "lab", "lab", "stacks/lab")
        self.manifest = Manifest(self.files)
        self.files.checkpoint.parent.mkdir(parents=True)
        for objects in (1, 2, 3):
            self.begin(objects)
            self.put(self.at(objects))
            self.manifest.finish()

    def at(self, objects: int, day: int | None = None) -> bytes:
        return checkpoint(objects, time=TIMES[(day or objects) - 1])

    def begin(self, objects: int) -> None:
        self.manifest.begin(parse(self.at(objects), "lab", "lab"), "up", objects)

    def put(self, data: bytes | None) -> None:
        if data is None:
            self.files.checkpoint.unlink(missing_ok=True)
        else:
            self.files.checkpoint.write_bytes(data)

    def judged(self) -> Judgement:
        return classify(self.files, Manifest(self.files))

    def remove(self) -> None:
        self.manifest.begin(None, "remove", 4)
        self.put(None)
        self.manifest.finish()


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


def test_the_newest_state_is_the_current_one(stack: Stack) -> None:
    found = stack.judged()
    assert found.kind is StateKind.CURRENT
    assert found.checkpoint is not None
    assert found.checkpoint.objects == 3


def test_without_records_a_state_from_before_is_adopted_and_none_at_all_is_none(tmp_path: Path) -> None:
    files = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    assert classify(files, Manifest(files)).kind is StateKind.NONE
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(checkpoint(2))
    assert classify(files, Manifest(files)).kind is StateKind.ADOPTED


@pytest.mark.parametrize("day", [3, 4])
def test_a_later_state_was_written_by_a_plain_pulumi(stack: Stack, day: int) -> None:
    stack.put(stack.at(5, day))
    found = stack.judged()
    assert found.kind is StateKind.PULUMI
    assert found.checkpoint is not None
    assert found.checkpoint.objects == 5


def test_after_a_step_of_the_clock_pulumis_history_shows_that_it_wrote_last(stack: Stack) -> None:
    stack.put(stack.at(5, 1))
    assert stack.judged().kind is StateKind.REFUSED
    stack.files.history.mkdir(parents=True)
    (stack.files.history / "lab-1.checkpoint.json").write_bytes(stack.at(5, 1))
    assert stack.judged().kind is StateKind.PULUMI


@pytest.mark.parametrize(
    ("objects", "day", "words"),
    [(1, 1, "that of epoch 1"), (2, 2, "that of epoch 2"), (7, 2, "made at 2026-01-02 00:00:00 UTC")],
    ids=["the first", "the one before", "one that is not recorded"],
)
def test_an_older_state_is_refused_with_what_was_written_after_it(
    stack: Stack, objects: int, day: int, words: str
) -> None:
    stack.put(stack.at(objects, day))
    problem = stack.judged().problem
    assert problem is not None
    assert problem.code == "state-rolled-back"
    assert words in problem.message
    assert "epoch 3 (up" in problem.message
    assert problem.where.file == str(stack.files.checkpoint)
    assert "epoch 3 (up" in problem.hint
    assert str(stack.files.copies / "3.json") in problem.hint


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"{", checkpoint(3)[:-7], checkpoint(3, stack="other")], ids=str
)
def test_a_damaged_state_is_refused_with_file_reason_and_the_last_good_copy(
    stack: Stack, content: bytes
) -> None:
    stack.put(content)
    problem = stack.judged().problem
    assert problem is not None
    assert (problem.code, problem.where.file) == ("state-damaged", str(stack.files.checkpoint))
    assert str(stack.files.copies / "3.json") in problem.hint
    (stack.files.copies / "3.json").write_bytes(b"{}")
    problem = stack.judged().problem
    assert problem is not None
    assert str(stack.files.copies / "2.json") in problem.hint


def test_a_damaged_state_without_any_copy_says_how_to_go_on(tmp_path: Path) -> None:
    files = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(b"{}")
    problem = classify(files, Manifest(files)).problem
    assert problem is not None
    assert "no good copy" in problem.hint
    assert "--accept" in problem.hint


def test_a_state_that_is_gone_is_lost_unless_pulumi_removed_the_stack(stack: Stack) -> None:
    stack.put(None)
    lost = stack.judged()
    assert lost.problem is not None
    assert lost.problem.code == "state-lost"
    beside = stack.files.checkpoint.with_name("lab.json.bak")
    beside.write_bytes(stack.at(2))
    assert stack.judged().kind is StateKind.REFUSED
    beside.write_bytes(stack.at(3))
    assert stack.judged() == Judgement(StateKind.PULUMI)


def test_a_stack_that_owned_nothing_may_be_gone(stack: Stack) -> None:
    empty = checkpoint(0, time=TIMES[5])
    stack.manifest.begin(parse(empty, "lab", "lab"), "destroy", 4)
    stack.manifest.finish()
    stack.put(None)
    assert stack.judged() == Judgement(StateKind.PULUMI)


def test_after_a_removal_nothing_is_right_a_new_stack_is_pulumis_and_an_old_state_is_refused(
    stack: Stack,
) -> None:
    stack.remove()
    assert stack.judged().kind is StateKind.NONE
    stack.put(checkpoint(1, time="2999-01-01T00:00:00Z"))
    assert stack.judged().kind is StateKind.PULUMI
    for old in (stack.at(3), stack.at(7, 2)):
        stack.put(old)
        assert stack.judged().kind is StateKind.REFUSED


@pytest.mark.parametrize("content", ["before", "damaged", "next"])
def test_a_write_that_was_cut_short_is_finished_from_its_copy(stack: Stack, content: str) -> None:
    stack.begin(4)
    stack.put({"before": stack.at(3), "damaged": b"{", "next": stack.at(4)}[content])
    found = stack.judged()
    assert found.kind is (StateKind.ARRIVED if content == "next" else StateKind.UNFINISHED)
    assert found.checkpoint is not None
    assert found.checkpoint.objects == 4


def test_a_first_write_and_a_removal_that_were_cut_short_are_finished_too(
    tmp_path: Path, stack: Stack
) -> None:
    new = StackFiles(tmp_path, "lab", "new", "stacks/lab")
    manifest = Manifest(new)
    manifest.begin(parse(checkpoint(1, stack="new"), "lab", "new"), "up", 1)
    assert classify(new, manifest).kind is StateKind.UNFINISHED
    stack.manifest.begin(None, "remove", 4)
    assert stack.judged() == Judgement(StateKind.UNFINISHED)
    stack.put(None)
    assert stack.judged() == Judgement(StateKind.ARRIVED)


def test_a_cut_short_write_after_which_pulumi_wrote_gives_way_to_it(stack: Stack) -> None:
    stack.begin(4)
    stack.put(stack.at(6))
    found = stack.judged()
    assert found.kind is StateKind.PULUMI
    assert found.checkpoint is not None
    assert found.checkpoint.objects == 6


def test_a_cut_short_write_whose_copy_is_damaged_keeps_what_lies_there_from_being_taken_for_it(
    stack: Stack,
) -> None:
    stack.begin(4)
    (stack.files.copies / "4.json").write_bytes(b"")
    found = stack.judged()
    assert found.problem is not None
    assert found.problem.code == "state-rolled-back"


def test_a_state_that_was_put_back_by_a_repair_is_the_current_one(stack: Stack) -> None:
    stack.begin(2)
    stack.put(stack.at(2))
    stack.manifest.finish()
    assert stack.judged().kind is StateKind.CURRENT
    assert json.loads(stack.files.manifest.read_text())["epochs"][-1]["number"] == 4


def test_the_problem_names_the_command_of_this_stack(stack: Stack) -> None:
    files = replace(stack.files, arguments="'my lab' --stack lab --cluster kind")
    files.checkpoint.write_bytes(b"{}")
    problem = classify(files, Manifest(files)).problem
    assert problem is not None
    assert "`sovereign-ai state repair 'my lab' --stack lab --cluster kind`" in problem.hint

"""A backend folder for one run of the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sovereign_ai.deploy.state import working_copy
from sovereign_ai.deploy.state.checkpoint import Checkpoint, parse
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.process_table import this_process
from sovereign_ai.deploy.state.working_copy import end_engine, left_behind, make_copy, runs_of
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.waiting import wait_until
from tests.support.small_engine import checkpoint


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path / "pulumi", "lab", "lab", "stacks/lab")


@pytest.fixture
def state() -> Checkpoint:
    return parse(checkpoint(2), "lab", "lab")


def test_a_copy_holds_the_stack_alone_and_nobody_else_reads_it(files: StackFiles, state: Checkpoint) -> None:
    copy = make_copy(files, state, "up", 7)
    mine = copy.files(files)
    assert (mine.read(), mine.meta.read_bytes()) == (state.data, b"version: 1\n")
    assert copy.folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in copy.folder.rglob("*"))
    assert copy.environment()["PULUMI_BACKEND_URL"] == f"file://{copy.folder}"
    assert (copy.base, copy.fence, copy.owner) == (state.digest, 7, this_process())
    copy.remove()
    assert runs_of(files) == []


def test_other_stacks_are_links_and_what_is_written_over_them_stays_in_the_copy(
    files: StackFiles, state: Checkpoint
) -> None:
    other = files.folder / ".pulumi" / "stacks" / "other" / "main.json"
    for path in (
        other,
        files.checkpoint,
        files.checkpoint.with_name("second.json"),
        files.checkpoint.with_name("lab.json.bak"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    copy = make_copy(files, state, "up", 1)
    stacks = copy.folder / ".pulumi" / "stacks"
    links = sorted(str(path.relative_to(stacks)) for path in stacks.rglob("*") if path.is_symlink())
    assert links == ["lab/second.json", "other/main.json"]
    fresh = stacks / "other" / "fresh"
    fresh.write_bytes(b"mine")
    fresh.replace(stacks / "other" / "main.json")
    assert other.read_bytes() == b"theirs"
    copy.remove()
    assert other.read_bytes() == b"theirs"


def test_a_new_stack_begins_with_an_empty_backend(files: StackFiles) -> None:
    copy = make_copy(files, None, "init", 1)
    assert (copy.base, copy.files(files).exists) == ("", False)


def test_without_room_for_saving_nothing_is_begun(
    files: StackFiles, state: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    with pytest.raises(EnvironmentLacksError, match=r"0 KiB left.*state-disk-full") as refused:
        make_copy(files, state, "up", 1)
    assert refused.value.problems[0].where.file == str(files.records)
    assert runs_of(files) == []


def test_a_copy_that_cannot_be_made_whole_is_removed(
    files: StackFiles, state: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(working_copy, "_link_others", refuse)
    with pytest.raises(OSError, match="No space"):
        make_copy(files, state, "up", 1)
    assert runs_of(files) == []


def test_copies_of_living_commands_stay_and_those_of_dead_ones_are_known_the_newest_turn_first(
    files: StackFiles, state: Checkpoint
) -> None:
    code = (
        "import sys; from pathlib import Path; from sovereign_ai.deploy.state.files import StackFiles;"
        "from sovereign_ai.deploy.state.working_copy import make_copy; files = StackFiles(Path(sys.argv[1]), 'lab', 'lab', '');"  # noqa: E501 - one literal text
        "[make_copy(files, None, 'up', fence) for fence in (3, 12, 5)]"
    )
    subprocess.run([sys.executable, "-c", code, files.folder], check=True, cwd=Path(__file__).parents[3])
    mine = make_copy(files, state, "preview", 0)
    assert [copy.fence for copy in left_behind(files)] == [12, 5, 3]
    assert mine.folder not in [copy.folder for copy in left_behind(files)]


@pytest.mark.parametrize("damage", ["no record", "damaged record"])
def test_a_copy_that_is_just_being_made_belongs_to_its_living_command(files: StackFiles, damage: str) -> None:
    copy = make_copy(files, None, "up", 1)
    record = copy.folder / "run.json"
    record.unlink() if damage == "no record" else record.write_text("{")
    assert left_behind(files) == []
    foreign = files.runs / "not-a-run"
    foreign.mkdir()
    assert [one.folder for one in left_behind(files)] == [foreign]


def test_the_engine_of_a_dead_command_is_given_its_time_and_then_killed(
    files: StackFiles, state: Checkpoint
) -> None:
    copy = make_copy(files, state, "up", 1)
    environ = {"PATH": "/usr/bin:/bin", **copy.environment()}
    with subprocess.Popen(["sleep", "0.3"], env=environ):
        assert wait_until(lambda: len(copy.processes()) == 1, 5)
        assert end_engine(copy, 10) == 0
    with subprocess.Popen(["sleep", "30"], env=environ), subprocess.Popen(["sleep", "30"], env=environ):
        assert wait_until(lambda: len(copy.processes()) == 2, 5)
        began = time.monotonic()
        assert end_engine(copy, 0.2) == 2
        assert time.monotonic() - began < 5
    assert os.getpid() not in copy.processes()

"""Files that a user named: whole or not at all, and a problem in words where the system refuses one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.file_errors import find_file_problem
from sovereign_ai.cli.main import app
from sovereign_ai.files.writing import write

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    file.chmod(0o640)
    write(file, "new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_older_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed_and_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    write(link, "new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")
    write(Path("/dev/null"), "new")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("command", "where", "code"),
    [
        (("plan", LAB, "--output"), "/dev/full", "space"),
        (("plan", LAB, "--output"), "{folder}", "name a file"),
        (("schema", "--output"), "{folder}/none/schema.json", "make the folder first"),
        (("render", LAB, "--output"), "{file}", "name another folder"),
        (("check", LAB, "--format", "sarif", "--output"), "{file}/check.sarif", "name another place"),
        (("init",), "{file}/lab", "name another folder"),
        (("report", LAB, "--output"), "{folder}/none/report.html", "make the folder first"),
    ],
)
def test_what_the_system_refuses_is_a_problem_with_a_next_step_and_no_defect(
    command: tuple[str, ...], where: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    place = where.format(folder=tmp_path, file=tmp_path / "file")
    done = CliRunner().invoke(app, [*command, place, "--json"])
    assert done.exit_code == 3, done.output
    [problem] = orjson.loads(done.stdout)["problems"]
    assert (problem["code"], code in problem["hint"]) == ("file-refused", True), problem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_what_no_user_can_mend_stays_a_defect_and_the_state_folder_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find_file_problem(OSError(errno.EBADF, "Bad file descriptor")) is None
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    found = find_file_problem(
        PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/somewhere/sovereign-ai/pulumi")
    )
    assert found is not None
    assert "XDG_STATE_HOME" in found.problems[0].hint
    assert found.problems[0].where.file == "/somewhere/sovereign-ai/pulumi"


def test_what_is_not_there_has_the_next_step_of_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hint(name: str | None) -> str:
        error = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        error.filename = name
        found = find_file_problem(error)
        assert found is not None
        return found.problems[0].hint

    assert hint(str(tmp_path / "none" / "x")) == "make the folder first, or name another place"
    # `/proc` takes no files, and says that there is none.
    assert hint("/proc/x") == "it is gone, or its folder takes no files; name another place"
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert hint("x") == "it is gone, or its folder takes no files; name another place"
    gone.rmdir()
    for name in (None, "x", "none/x"):
        assert hint(name) == "the folder that this shell is in was removed; go to another one"

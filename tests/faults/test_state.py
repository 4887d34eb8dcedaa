"""Faults of the files that a deployment keeps: each file, in each way it can be damaged, read by each
command.

All of it runs on the small engine, which needs no cluster.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from sovereign_ai.cli.command import run_command
from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.deploy.state.check import plan_repair, repair
from sovereign_ai.deploy.state.checkpoint import parse
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.store import read_state
from tests.support.small_engine import checkpoint, write_engine, write_project


@dataclass
class Deployed:
    """A stack with three objects, after two runs of the small engine in this process."""

    folder: Path
    files: StackFiles
    capture: pytest.CaptureFixture[str]

    def run(self, verb: str) -> tuple[int, str]:
        """Run a verb as the command line does; return exit code and words."""
        code = 0
        self.capture.readouterr()
        try:
            run_command(
                verb,
                as_json=False,
                work=lambda output: getattr(Engine(self.folder, "lab", None, output.progress), verb)(),
            )
        except typer.Exit as left:
            code = left.exit_code
        return code, self.capture.readouterr().err

    def fine(self, verb: str = "up") -> str:
        code, words = self.run(verb)
        assert code == 0, words
        return words

    @property
    def objects(self) -> int:
        held = read_state(self.files)
        return held.objects if held else -1

    def paths(self) -> dict[str, Path]:
        """Every file that a run reads, by what it is."""
        return {
            "checkpoint": self.files.checkpoint,
            "layout": self.files.meta,
            "salt": self.files.salt,
            "lock": self.files.records / "lock",
            "owner": self.files.records / "owner.json",
            "manifest": self.files.manifest,
            "newest copy": self.files.copies / "3.json",
            "older copy": self.files.copies / "1.json",
            "settings": self.folder / "Pulumi.lab.yaml",
            "project": self.folder / "Pulumi.yaml",
            "log": self.files.folder.parent / "lab.up.log",
        }


FILES = [
    "checkpoint",
    "layout",
    "salt",
    "lock",
    "owner",
    "manifest",
    "newest copy",
    "older copy",
    "settings",
    "project",
    "log",
]


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deployed:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = write_engine(tmp_path / "engine")
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    files = StackFiles(tmp_path / "state" / "sovereign-ai" / "pulumi", "lab", "lab", "lab")
    made = Deployed(write_project(tmp_path / "lab"), files, capsys)
    made.fine()
    (program.parent / "objects").write_text("2")
    made.fine()
    (program.parent / "objects").write_text("3")
    return made


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


DAMAGES: dict[str, Callable[[Path, bytes], object]] = {
    "gone": lambda _path, _data: None,
    "empty": lambda path, _data: path.write_bytes(b""),
    "{}": lambda path, _data: path.write_bytes(b"{}"),
    "cut short": lambda path, data: path.write_bytes(data[: len(data) // 2]),
    "zeros": lambda path, data: path.write_bytes(bytes(max(len(data), 16))),
    "a folder": lambda path, _data: _folder(path),
    "a link to nothing": lambda path, _data: path.symlink_to(path.parent / "nothing"),
    "a link to itself": lambda path, _data: path.symlink_to(path),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_each_damaged_file_is_set_right_or_named_and_never_called_a_defect(
    deployed: Deployed, file: str, damage: str
) -> None:
    path = deployed.paths()[file]
    assert path.is_file(), "a file that a run does not make is none to damage"
    data = path.read_bytes()
    path.unlink()
    DAMAGES[damage](path, data)
    seen = []
    for verb in ("preview", "exists", "up"):
        code, words = deployed.run(verb)
        assert code in (0, 2, 3), words
        assert "defect" not in words
        assert "Traceback" not in words
        if code:
            assert str(path) in words, "the file is not named"
            assert "\n    " in words, "nothing says what to do"
        seen.append(code)
    if 0 in seen and seen[-1]:
        assert file in ("lock", "owner", "layout", "newest copy", "log", "settings"), (
            "only who runs the engine needs these"
        )
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
    if seen[-1]:
        path.write_bytes(data)
    elif file in ("checkpoint", "project"):
        pytest.fail("a run went on without it")
    deployed.fine()
    assert deployed.objects == 3


@pytest.mark.parametrize("damage", ["empty", "{}", "cut short", "rolled back", "gone"])
def test_a_state_that_cannot_be_used_names_file_reason_and_copy_and_a_repair_brings_it_back(
    deployed: Deployed, damage: str
) -> None:
    path = deployed.files.checkpoint
    data = path.read_bytes()
    old = (deployed.files.copies / "2.json").read_bytes()
    path.unlink()
    {"rolled back": lambda: path.write_bytes(old)}.get(damage, lambda: DAMAGES[damage](path, data))()
    for verb in ("up", "preview", "destroy", "forget"):
        code, words = deployed.run(verb)
        assert code == 3
        code_of = {"rolled back": "state-rolled-back", "gone": "state-lost"}.get(damage, "state-damaged")
        assert f"[{code_of}]" in words
        assert str(path) in words
        assert "the last good copy is epoch 3 (up" in words
        assert str(deployed.files.copies / "3.json") in words
        assert "sovereign-ai state repair" in words
    planned = plan_repair(deployed.files)
    assert planned is not None
    repair(deployed.files, planned, print)
    assert path.read_bytes() == data
    deployed.fine()
    assert deployed.objects == 3


def test_a_state_of_an_older_version_goes_on_without_a_question(deployed: Deployed) -> None:
    """What a version without records left: checkpoint, note on the layout, salt, settings, history and
    backups.
    """
    shutil.rmtree(deployed.files.records.parent.parent)
    data = deployed.files.checkpoint.read_bytes()
    for folder, name in (
        (deployed.files.history, "lab-1.checkpoint.json"),
        (deployed.files.backups, "lab.1.json"),
    ):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)
    words = deployed.fine()
    assert "record" not in words
    assert [one.kind for one in Manifest(deployed.files).epochs] == ["adopted", "up"]
    deployed.fine("destroy")
    assert not deployed.files.exists


def test_a_state_of_an_older_version_without_a_salt_of_its_own_takes_the_one_beside_it(
    deployed: Deployed,
) -> None:
    salt = deployed.files.salt.read_text().split()[1]
    for path in (deployed.folder / "Pulumi.lab.yaml", deployed.files.salt):
        path.unlink()
    words = deployed.run("up")[1]
    assert "passphrase" not in words
    assert f"encryptionsalt: {salt}" in (deployed.folder / "Pulumi.lab.yaml").read_text()


def test_two_projects_with_a_stack_of_one_name_keep_their_salts(deployed: Deployed, tmp_path: Path) -> None:
    other = Deployed(
        write_project(tmp_path / "other", "other"),
        StackFiles(deployed.files.folder, "other", "lab", ""),
        deployed.capture,
    )
    other.fine()
    (deployed.folder / "Pulumi.lab.yaml").unlink()
    deployed.fine()
    other.fine("destroy")
    deployed.fine()
    assert deployed.objects == 3


def test_a_state_that_a_newer_version_wrote_is_refused_and_left_alone(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovereign_ai.deploy.state import epochs

    before = deployed.files.read()
    with monkeypatch.context() as older:
        older.setattr(epochs, "__version__", "0.0.9")
        for verb in ("up", "preview", "destroy", "forget"):
            code, words = deployed.run(verb)
            assert (code, "[state-newer]" in words) == (3, True)
    assert deployed.files.read() == before
    deployed.fine()


def test_bytes_do_not_pile_up_over_many_runs(deployed: Deployed) -> None:
    def size() -> int:
        return sum(path.stat().st_size for path in deployed.files.folder.rglob("*") if path.is_file())

    (deployed.folder.parent / "engine" / "objects").write_text("300")
    for _ in range(5):
        deployed.fine()
    before = size()
    for _ in range(6):
        deployed.fine()
    assert len(deployed.files.read() or b"") > 30_000
    assert size() < before + 6 * 400, "of a state there are five copies, however many runs there were"
    assert not deployed.files.history.exists()
    assert not deployed.files.backups.exists()


def test_what_a_plain_pulumi_wrote_between_two_runs_counts(deployed: Deployed) -> None:
    later = checkpoint(
        9, time="2999-01-01T00:00:00Z", salt=parse(deployed.files.read() or b"", "lab", "lab").salt
    )
    deployed.files.checkpoint.write_bytes(later)
    words = deployed.fine("preview")
    assert "delete object-8" in words
    assert deployed.files.read() == later

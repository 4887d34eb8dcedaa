"""What was written of a stack: numbers, digests and copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.state import epochs
from sovereign_ai.deploy.state.checkpoint import Checkpoint, parse
from sovereign_ai.deploy.state.epochs import Manifest
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from tests.support.small_engine import checkpoint


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    return StackFiles(tmp_path, "lab", "lab", "stacks/lab")


def state(objects: int) -> Checkpoint:
    return parse(checkpoint(objects), "lab", "lab")


def write(manifest: Manifest, objects: int) -> None:
    manifest.begin(state(objects), "up", objects)
    manifest.finish()


def test_epochs_are_numbered_and_read_back_and_the_copy_is_there_before_the_record(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = epochs.write_durably
    monkeypatch.setattr(
        epochs, "write_durably", lambda path, data: (order.append(path.name), real(path, data))
    )
    manifest = Manifest(files)
    manifest.begin(state(1), "up", 7)
    assert order == ["1.json", "epoch.json"]
    assert [(one.number, one.kind, one.done) for one in Manifest(files).epochs] == [(1, "up", False)]
    manifest.finish()
    manifest.begin(None, "remove", 8)
    manifest.finish()
    back = Manifest(files)
    assert [(one.number, one.kind, one.done, one.is_removal) for one in back.epochs] == [
        (1, "up", True, False),
        (2, "remove", True, True),
    ]
    assert (back.fence, Manifest(StackFiles(files.folder, "lab", "other", "")).fence) == (8, 0)


def test_the_last_five_copies_stay_and_digests_of_the_last_two_hundred(files: StackFiles) -> None:
    manifest = Manifest(files)
    for number in range(1, 9):
        write(manifest, number)
    assert sorted(path.name for path in files.copies.iterdir()) == [
        "4.json",
        "5.json",
        "6.json",
        "7.json",
        "8.json",
    ]
    assert [copy.checkpoint.objects for copy in manifest.copies()] == [8, 7, 6, 5, 4]
    first = state(1).digest
    assert (known := manifest.holds(first)) is not None
    assert known.number == 1
    manifest.epochs = manifest.epochs[:1] * 300
    manifest.begin(state(9), "up", 9)
    assert len(Manifest(files).epochs) == 200


def test_a_damaged_copy_does_not_count(files: StackFiles) -> None:
    manifest = Manifest(files)
    for number in (1, 2, 3):
        write(manifest, number)
    (files.copies / "3.json").write_bytes(checkpoint(3)[:-1])
    (files.copies / "2.json").write_bytes(checkpoint(1))
    assert [copy.checkpoint.objects for copy in manifest.copies()] == [1]


def test_copies_of_a_plain_pulumi_come_behind_our_own_the_newest_first(files: StackFiles) -> None:
    places = {
        files.checkpoint.with_name("lab.json.bak"): (5, "2026-01-05T00:00:00Z"),
        files.backups / "lab.17.json": (6, "2026-01-06T00:00:00Z"),
        files.history / "lab-18.checkpoint.json": (4, "2026-01-04T00:00:00Z"),
        files.history / "lab-19.checkpoint.json": (6, "2026-01-06T00:00:00Z"),
        files.backups / "lab.20.json": (0, "damaged"),
    }
    for path, (objects, time) in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(checkpoint(objects, time=time))
        path.with_name(f"{path.name}.attrs").write_text("{}")
    manifest = Manifest(files)
    write(manifest, 1)
    assert [copy.checkpoint.objects for copy in manifest.copies()] == [1, 6, 5, 4]


@pytest.mark.parametrize(
    ("change", "writer"), [({"tool": "99.0.0"}, "sovereign-ai 99.0.0"), ({"format": 2}, "format 2")]
)
def test_what_a_newer_version_wrote_is_refused(
    files: StackFiles, change: dict[str, Any], writer: str
) -> None:
    write(Manifest(files), 1)
    data = json.loads(files.manifest.read_text())
    if "format" in change:
        data |= change
    else:
        data["epochs"][-1] |= change
    files.manifest.write_text(json.dumps(data))
    with pytest.raises(EnvironmentLacksError, match=writer) as refused:
        Manifest(files)
    assert (refused.value.problems[0].code, refused.value.exit_code) == ("state-newer", ExitCode.ENVIRONMENT)


def test_what_an_older_or_the_same_version_wrote_is_read(
    files: StackFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epochs, "__version__", "0.1.0")
    write(Manifest(files), 1)
    for version in ("0.1.0", "0.1.1", "0.10.0", "1.0.0rc1"):
        monkeypatch.setattr(epochs, "__version__", version)
        assert len(Manifest(files).epochs) == 1
    monkeypatch.setattr(epochs, "__version__", "0.0.9")
    with pytest.raises(EnvironmentLacksError, match="state-newer"):
        Manifest(files)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b"null", b'{"format": 1, "epochs": [{}]}', b'{"format": 1, "epochs": 3}'],
)
def test_a_damaged_record_is_refused_by_name_with_the_way_out(files: StackFiles, content: bytes) -> None:
    write(Manifest(files), 1)
    files.manifest.write_bytes(content)
    with pytest.raises(EnvironmentLacksError, match="state-records-damaged") as refused:
        Manifest(files)
    (problem,) = refused.value.problems
    assert problem.where.file == str(files.manifest)
    assert "state repair stacks/lab" in problem.hint

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.guard_record import (
    damaged_record,
    guard_file,
    is_readable,
    note_guard,
    read_record,
    record_file,
    write_guard_file,
)
from sovereign_ai.cluster.state import ClusterDir


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    return place


def test_a_guard_that_equals_its_record_is_whole(cluster_dir: ClusterDir) -> None:
    note_guard(cluster_dir, b'{"items": []}')
    guard_file(cluster_dir).write_bytes(b'{"items": []}')
    assert damaged_record(cluster_dir) is None


@pytest.mark.parametrize("content", [b"", b'{"items": [1]}', None])
def test_a_guard_that_differs_from_its_record_is_damaged(
    cluster_dir: ClusterDir, content: bytes | None
) -> None:
    note_guard(cluster_dir, b'{"items": []}')
    if content is not None:
        guard_file(cluster_dir).write_bytes(content)
    record = damaged_record(cluster_dir)
    assert record is not None
    assert record.content == b'{"items": []}'


def test_a_guard_that_this_process_holds_open_is_not_damaged(cluster_dir: ClusterDir) -> None:
    note_guard(cluster_dir, b"{}", opened=True)
    assert damaged_record(cluster_dir) is None


def test_a_damaged_record_restores_nothing(cluster_dir: ClusterDir) -> None:
    note_guard(cluster_dir, b"{}")
    record_file(cluster_dir).write_bytes(record_file(cluster_dir).read_bytes().replace(b"{}", b"[]"))
    assert read_record(cluster_dir) is None
    assert damaged_record(cluster_dir) is None


def test_without_a_record_only_a_list_of_policies_is_readable(cluster_dir: ClusterDir) -> None:
    assert is_readable(cluster_dir), "no file, no guard"
    guard_file(cluster_dir).write_text("{")
    assert not is_readable(cluster_dir)
    guard_file(cluster_dir).write_text('{"items": []}')
    assert is_readable(cluster_dir)


def test_only_the_whole_file_is_ever_seen_in_the_folder_that_the_api_server_watches(
    cluster_dir: ClusterDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The API server compiles the whole guard anew at each change of the folder.
    folder = guard_file(cluster_dir).parent
    moved = Path.replace
    before_move: list[list[str]] = []

    def spied(source: Path, target: Path) -> Path:
        before_move.append(sorted(path.name for path in folder.iterdir()))
        return moved(source, target)

    monkeypatch.setattr(Path, "replace", spied)
    write_guard_file(cluster_dir, b"first")
    write_guard_file(cluster_dir, b"second")
    assert before_move == [[], ["guard.json"]]
    assert guard_file(cluster_dir).read_bytes() == b"second"
    assert guard_file(cluster_dir).stat().st_mode & 0o777 == 0o600

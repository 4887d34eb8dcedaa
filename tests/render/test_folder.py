"""A folder that is written again and again: what an earlier run left goes, and nobody else's file is
touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.errors import UsageError
from sovereign_ai.render.folder import WrittenFolder, remove, write

OLD = {"cables.csv": b"old", "a/one.conf": b"1", "a/b/two.conf": b"2"}
NEW = {"cables.csv": b"new", "c/three.conf": b"3"}
LIST = ".sovereign-ai-fabric-render"


def _write(folder: Path, files: dict[str, bytes], what: str = "fabric render") -> WrittenFolder:
    return write(folder, what, files.items, lambda _line: None)


def _held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".sovereign-ai-")
    }


def test_what_an_earlier_run_wrote_and_this_one_does_not_goes_with_folders_that_are_empty_then(
    tmp_path: Path,
):
    assert _write(tmp_path, OLD) == WrittenFolder(files=3, size=5, removed=0)
    assert _write(tmp_path, NEW) == WrittenFolder(files=2, size=4, removed=2)
    assert _held(tmp_path) == NEW
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST, "c", "cables.csv"]


def test_a_file_of_somebody_elses_stays_and_so_does_its_folder(tmp_path: Path):
    _write(tmp_path, OLD)
    (tmp_path / "a" / "notes.txt").write_bytes(b"mine")
    assert _write(tmp_path, NEW).removed == 2
    assert _held(tmp_path) == NEW | {"a/notes.txt": b"mine"}
    assert not (tmp_path / "a" / "b").exists()


def test_a_file_of_somebody_elses_under_a_name_of_ours_is_refused_before_anything_is_written(tmp_path: Path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "three.conf").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"c/three\.conf: no earlier run wrote it here"):
        _write(tmp_path, NEW)
    assert _held(tmp_path) == {"c/three.conf": b"mine"}
    assert not (tmp_path / LIST).exists()


def test_many_files_in_the_way_are_counted_and_the_first_of_them_named(tmp_path: Path):
    files = {f"{number:02d}.conf": b"" for number in range(25)}
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        _write(tmp_path, files)
    assert len(caught.value.problems) == 11
    assert "and 15 more" in str(caught.value)


def test_a_file_where_a_folder_is_to_be_is_refused(tmp_path: Path):
    (tmp_path / "c").write_bytes(b"mine")
    with pytest.raises(UsageError, match="c: no earlier run wrote it here"):
        _write(tmp_path, NEW)
    assert _held(tmp_path) == {"c": b"mine"}


def test_no_link_is_followed_whether_by_a_file_or_by_a_folder_on_its_way(tmp_path: Path):
    folder, outside = tmp_path / "in", tmp_path / "out"
    outside.mkdir()
    (outside / "three.conf").write_bytes(b"mine")
    _write(folder, OLD)
    (folder / "c").symlink_to(outside)
    with pytest.raises(UsageError, match="c: no earlier run wrote it here"):
        _write(folder, NEW)
    (folder / "c").unlink()
    (folder / "cables.csv").unlink()
    (folder / "cables.csv").symlink_to(outside / "three.conf")
    with pytest.raises(UsageError, match=r"cables\.csv: no earlier run wrote it here"):
        _write(folder, NEW)
    assert _held(outside) == {"three.conf": b"mine"}


def test_a_list_that_somebody_changed_leads_to_nothing_outside(tmp_path: Path):
    folder, outside = tmp_path / "in", tmp_path / "out.conf"
    outside.write_bytes(b"mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "one.conf").write_bytes(b"mine")
    _write(folder, OLD)
    (folder / "link").symlink_to(tmp_path / "other")
    with (folder / LIST).open("a") as notes:
        notes.write(f"../out.conf\n{outside}\nlink/one.conf\nlink\na/../../out.conf\n.\n\0\n")
    assert _write(folder, NEW).removed == 2
    assert _held(folder) == NEW
    assert (folder / "link").is_symlink()
    assert _held(tmp_path / "other") == {"one.conf": b"mine"}
    assert outside.read_bytes() == b"mine"


def test_a_list_that_is_a_link_is_refused_and_not_written_through(tmp_path: Path):
    folder, outside = tmp_path / "in", tmp_path / "precious"
    folder.mkdir()
    outside.write_bytes(b"mine")
    (folder / LIST).symlink_to(outside)
    with pytest.raises(UsageError, match="fabric-render: no earlier run wrote it here"):
        _write(folder, NEW)
    assert outside.read_bytes() == b"mine"


def test_what_a_killed_run_wrote_is_known_to_the_next(tmp_path: Path):
    def broken() -> Iterator[tuple[str, bytes]]:
        yield "c/three.conf", b"3"
        raise KeyboardInterrupt

    _write(tmp_path, OLD)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, "fabric render", broken, lambda _line: None)
    assert _held(tmp_path) == OLD | {"c/three.conf": b"3"}
    _write(tmp_path, {"cables.csv": b"last"})
    assert _held(tmp_path) == {"cables.csv": b"last"}


def test_two_commands_share_a_folder_and_neither_removes_what_the_other_wrote(tmp_path: Path):
    _write(tmp_path, OLD)
    _write(tmp_path, {"index.json": b"{}"}, "inventory simulate")
    _write(tmp_path, NEW)
    assert _held(tmp_path) == NEW | {"index.json": b"{}"}
    with pytest.raises(UsageError, match="not-ours"):
        _write(tmp_path, {"cables.csv": b""}, "inventory simulate")


def test_the_list_is_sorted_and_the_same_whatever_was_there_before(tmp_path: Path):
    _write(tmp_path / "one", dict(reversed(OLD.items())))
    _write(tmp_path / "two", NEW)
    _write(tmp_path / "two", OLD)
    texts = [(tmp_path / name / LIST).read_text().splitlines() for name in ("one", "two")]
    assert texts[0] == texts[1]
    assert texts[0][1:] == sorted(OLD)


@given(st.text(st.sampled_from("./ab\0")))
def test_whatever_a_name_says_nothing_outside_is_removed(tmp_path_factory: pytest.TempPathFactory, name: str):
    base = tmp_path_factory.mktemp("names")
    folder = base / "in"
    folder.mkdir()
    for outside in ("a", "b", "ab"):
        (base / outside).touch()
    remove(folder, [name, f"../{name}", str(base / name.replace("\0", ""))])
    assert {path.name for path in base.iterdir()} == {"in", "a", "b", "ab"}
    assert folder.is_dir()

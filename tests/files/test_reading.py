"""A path is opened only where a regular, bounded file is behind it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sovereign_ai.errors import Problem, SovereignError, SpecError, UsageError, Where
from sovereign_ai.files import kinds
from sovereign_ai.files.kinds import CLUSTER, FIGURES, KINDS, PASSWORD, RESULTS, TOOL, FileKind
from sovereign_ai.files.reading import end_of, files_in, package_file, pieces, read, read_lines
from tests.hostile.special import SPECIAL


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert read(tmp_path / "a", RESULTS) == b"x" * 3_000_000


def test_a_link_to_a_regular_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to("a")
    assert read(tmp_path / "b", FIGURES) == b"x"


@pytest.mark.parametrize("name", sorted(set(SPECIAL) - {"unreadable"}))  # the tests may run as root
def test_what_is_no_regular_file_is_one_problem_with_the_path(name: str, tmp_path: Path) -> None:
    SPECIAL[name](tmp_path / "a")
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "a", FIGURES)
    (problem,) = caught.value.problems
    assert problem.where.file == str(tmp_path / "a")
    assert problem.hint


def test_a_pipe_is_told_how_to_become_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(SpecError, match=r"it is a pipe.*\n.*write what it gives into a file"):
        read(tmp_path / "a", FIGURES)


@pytest.mark.parametrize("size", [0, 1])
def test_the_limit_is_exact(size: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (FIGURES.most_bytes + size))
    if not size:
        assert len(read(tmp_path / "a", FIGURES)) == FIGURES.most_bytes
        return
    with pytest.raises(SpecError, match="more than 1 MiB"):
        read(tmp_path / "a", FIGURES)


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o620, True), (0o601, True)],
)
def test_a_password_that_others_may_touch_is_refused(mode: int, is_open: bool, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    file.chmod(mode)
    if not is_open:
        assert read(file, PASSWORD) == b"x"
        return
    with pytest.raises(SpecError, match="chmod 600"):
        read(file, PASSWORD)


def test_problems_name_the_place_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "a", PASSWORD, Where("endpoints.yaml", 3, 1, "password_file"))
    assert caught.value.problems[0].where == Where("endpoints.yaml", 3, 1, "password_file")


def refusals(path: Path, kind: FileKind) -> tuple[Problem, ...]:
    """Return why a path is not read as a kind of file; nothing where it is."""
    try:
        read(path, kind)
    except SovereignError as error:
        return tuple(error.problems)
    return ()


def test_a_file_that_stands_before_the_message_is_not_named_in_it_again(tmp_path: Path) -> None:
    folder, file, nothing = (tmp_path / name for name in ("folder", "file", "nothing"))
    folder.mkdir()
    file.write_text("x")
    file.chmod(0o644)
    told: list[str] = []
    for kind in KINDS:
        for path in (folder, file, nothing):
            told += [problem.message for problem in refusals(path, kind)]
    assert len(told) >= 2 * len(KINDS)
    assert [message for message in told if str(tmp_path) in message] == []


def test_lines_are_bounded_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345\n123456\n")
    lines = read_lines(tmp_path / "a", RESULTS, 6)
    assert next(lines) == b"12345\n"
    with pytest.raises(UsageError, match=r"a:2: the line has more than 6 bytes"):
        next(lines)


def test_a_folder_of_more_files_than_the_limit_is_refused(tmp_path: Path) -> None:
    for name in "bca":
        (tmp_path / name).touch()
    assert [path.name for path in files_in(tmp_path, RESULTS, 3)] == ["a", "b", "c"]
    with pytest.raises(UsageError, match="more than 2 files"):
        files_in(tmp_path, RESULTS, 2)


def test_a_path_with_a_null_character_is_a_problem() -> None:
    with pytest.raises(SpecError, match="it is no path"):
        read(Path("a\0b"), FIGURES)


def test_each_kind_has_a_limit_a_noun_and_a_next_step() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert 0 < kind.most_bytes <= 1 << 30, kind.name
        assert kind.noun, kind.name
        assert kind.hint, kind.name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "let this user read it"),
        (errno.ENOTDIR, "a part of the path is a file"),
        (errno.ENAMETOOLONG, "no file has so long a name"),
        (errno.ELOOP, "its links lead in a circle"),
    ],
)
def test_the_next_step_is_that_of_the_system_s_error(
    number: int, hint: str, kind: FileKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else could be named helps nobody whose file is there and cannot be read."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SovereignError) as caught:
        read(tmp_path / "a", kind)
    (problem,) = caught.value.problems
    assert problem.hint.startswith(hint)


def test_of_a_link_it_is_said_what_is_missing_behind_it(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(SpecError, match="it is a link to nowhere, which does not exist"):
        read(tmp_path / "a", FIGURES)


def test_a_file_that_only_this_program_writes_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to("a")
    assert read(tmp_path / "a", CLUSTER) == b"x"
    with pytest.raises(SovereignError, match=r"it is a link.*\n.*cluster down"):
        read(tmp_path / "b", CLUSTER)


def test_a_large_file_is_read_piece_by_piece_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    read_pieces = list(pieces(tmp_path / "a", TOOL))
    assert b"".join(read_pieces) == b"x" * 3_000_000
    assert len(read_pieces) == 3
    (tmp_path / "b").write_bytes(bytes(FIGURES.most_bytes + 1))
    with pytest.raises(SpecError, match="more than 1 MiB"):
        list(pieces(tmp_path / "b", FIGURES))


@pytest.mark.parametrize("name", sorted(set(SPECIAL) - {"unreadable", "sparse-tebibyte"}))
def test_the_end_of_a_log_is_empty_where_no_file_is(name: str, tmp_path: Path) -> None:
    SPECIAL[name](tmp_path / "a")
    assert end_of(tmp_path / "a", 10) == b""


def test_the_end_of_a_log_is_read_whatever_its_size(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    assert end_of(tmp_path / "a", 7) == b"the end"
    (tmp_path / "b").write_text("short")
    assert end_of(tmp_path / "b", 7) == b"short"


def test_a_file_of_the_package_is_one_of_its_folder_alone(tmp_path: Path) -> None:
    assert b"FileKind" in package_file(Path(kinds.__file__))
    (tmp_path / "a").write_text("x")
    with pytest.raises(ValueError, match="no file of this package"):
        package_file(tmp_path / "a")

"""Where a stack's state lies, and the project's name."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.runs import ready
from sovereign_ai.deploy.state.files import StackFiles, project_of, unpacked
from sovereign_ai.errors import EnvironmentLacksError, SpecError


@pytest.fixture
def files(tmp_path: Path) -> StackFiles:
    made = StackFiles(tmp_path, "lab", "main", "stacks/lab")
    made.checkpoint.parent.mkdir(parents=True)
    return made


def test_a_state_is_read_as_pulumi_reads_it_plain_or_packed_and_of_several_the_newest(
    files: StackFiles,
) -> None:
    assert (files.exists, files.read()) == (False, None)
    plain, packed, _ = files.variants
    plain.write_bytes(b"plain")
    assert files.read() == b"plain"
    packed.write_bytes(gzip.compress(b"packed"))
    os.utime(packed, ns=(0, plain.stat().st_mtime_ns + 1))
    assert files.read() == b"packed"
    os.utime(packed, ns=(0, plain.stat().st_mtime_ns - 1))
    assert files.read() == b"plain"


def test_a_state_that_only_pulumi_can_unpack_is_refused_by_name(files: StackFiles) -> None:
    files.variants[2].write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(EnvironmentLacksError, match=r"main\.json\.zst.*zstd") as refused:
        files.read()
    assert "PULUMI_DIY_BACKEND_ZSTD" in refused.value.problems[0].hint


def test_what_is_packed_and_cut_short_stays_as_it_is_for_its_reader_to_refuse() -> None:
    whole = gzip.compress(b"x" * 1000)
    assert unpacked(whole) == b"x" * 1000
    assert unpacked(whole[:-5]) == whole[:-5]


@pytest.mark.parametrize(
    ("text", "name"),
    [("name: lab\nruntime: python\n", "lab"), ('name: "a.b-c_D"\n', "a.b-c_D")],
)
def test_a_project_has_the_name_that_its_file_says(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert project_of(tmp_path) == name


@pytest.mark.parametrize(
    "text", ["", "{}", "name:", "name: 1", "name: a/b", "name: ..", "- name", "name: [", "\x00", None]
)
def test_a_file_that_names_no_project_is_a_problem_with_its_place(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"no-project|yaml-syntax|hidden-character") as refused:
        project_of(tmp_path)
    assert refused.value.problems[0].where.file == str(tmp_path / "Pulumi.yaml")


def test_a_folder_without_a_project_is_told_as_up_tells_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as by_state:
        project_of(tmp_path)
    with pytest.raises(SpecError) as by_up:
        ready(tmp_path)
    assert by_state.value.problems == by_up.value.problems

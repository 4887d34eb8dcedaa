"""Formats: how files are recognised, folders, and every problem of several files at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.adopt.formats import FORMATS, read_site
from sovereign_ai.errors import SovereignError, UsageError

TREE = "SwitchName=leaf Nodes=n[1-2]\n"
MODEL = "switches: {}\nblocks: [{nodes: [n1]}]\n"


def codes(paths: list[Path], form: str = "") -> list[str]:
    with pytest.raises(SovereignError) as caught:
        read_site(paths, form)
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("topology.conf", TREE, "slurm"),
        ("lyon-topology.conf", TREE, "slurm"),
        ("topograph.yaml", MODEL, "topograph"),
        ("x.clab.yml", "topology: {nodes: {n1: }}\n", "containerlab"),
        ("net.txt", 'Ca\t1 "H-1"\t# "n1 mlx5_0"\n', "ibnetdiscover"),
    ],
)
def test_a_format_is_recognised_by_the_name_of_a_file_and_of_a_folders_file(
    name: str, text: str, form: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    for path in (file, tmp_path):
        seen = read_site([path])
        assert (seen.format.name, seen.files) == (form, (str(file),))
        assert "n1" in seen.site.devices


def test_a_file_of_another_name_is_read_as_the_named_format(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text(MODEL, encoding="utf-8")
    assert codes([file]) == ["unknown-format"]
    assert read_site([file], "topograph").site.devices.keys() == {"n1"}
    assert codes([file], "topgraph") == ["unknown-format"]


def test_a_path_that_leads_nowhere_is_no_table_of_netbox(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file or folder") as caught:
        read_site([tmp_path / "slurm", tmp_path / "netbox"])
    assert [problem.code for problem in caught.value.problems] == ["no-file", "no-file"]


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "topology.conf").write_text(TREE, encoding="utf-8")
    (tmp_path / "topograph.yaml").write_text(MODEL, encoding="utf-8")
    assert codes([tmp_path]) == ["two-formats"]
    assert read_site([tmp_path], "slurm").format.name == "slurm"


def test_a_folder_without_a_file_of_a_format_is_a_problem(tmp_path: Path) -> None:
    assert codes([tmp_path]) == ["no-table"]
    for form in FORMATS.values():
        assert codes([tmp_path], form.name) == [form.kind.code]


def test_problems_of_several_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "topology.conf").write_text(TREE + "SwitchName=leaf Nodes=n3\n", encoding="utf-8")
    (tmp_path / "topology.yaml").write_text("a: [\n", encoding="utf-8")
    (tmp_path / "nodes.conf").write_bytes(b"NodeName=\xff\n")
    assert codes([tmp_path]) == ["not-utf8", "switch-twice", "yaml-syntax"]


def test_each_format_states_what_it_cannot_say() -> None:
    for form in FORMATS.values():
        assert any("power" in text for text in form.cannot_say)
        assert len(set(form.cannot_say)) == len(form.cannot_say)


def test_each_file_is_reported_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "topology.conf"
    file.write_text(TREE, encoding="utf-8")
    lines: list[str] = []
    read_site([file], progress=lines.append)
    assert lines == [f"reading {file}"]


@pytest.mark.parametrize("form", FORMATS)
def test_of_a_file_that_is_not_there_that_alone_is_told(form: str, tmp_path: Path) -> None:
    with pytest.raises(SovereignError) as error:
        read_site([tmp_path / "absent"], form)
    (problem,) = error.value.problems
    assert "No such file" in problem.message

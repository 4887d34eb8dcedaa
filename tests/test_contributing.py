"""CONTRIBUTING.md is complete: a file that it lists exists, and a file that enumerates a kind is listed.

A file that names every rule, every command or every protocol is one that a new rule, command or protocol has
to be added to. So a list that is begun somewhere else, or a table that forgets a file, fails here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from sovereign_ai.attest.report.html_page import SECTIONS
from sovereign_ai.catalog.system import systems
from sovereign_ai.catalog.vendors import vendors
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.control_plane import LocalBackend
from sovereign_ai.design.candidates import SHAPES
from sovereign_ai.rules.registry import registry_data
from sovereign_ai.spec import StorageProtocol

ROOT = Path(__file__).resolve().parents[1]
TABLES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The usual changes")[2]
_ROW = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)
_HARDWARE = "A GPU system, its vendor, or another row of hardware"
_FOLDERS = ("sovereign_ai", "stacks", "tests", "docs", "playbooks", "policies", "benchmarks")
_SUFFIXES = frozenset({".py", ".json", ".md", ".yaml", ".yml", ".txt", ".go"})


@dataclass(frozen=True, slots=True)
class Enumeration:
    """What there is of one kind.

    Attributes:
        heading: the heading of its table.
        names: how a file names each of them.
        home: a file that names them all.
    """

    heading: str
    names: tuple[str, ...]
    home: str


ENUMERATIONS = {
    "system": Enumeration(_HARDWARE, tuple(row.name for row in systems()), "stacks/lab/factory.schema.json"),
    "vendor": Enumeration(
        _HARDWARE, tuple(row.name for row in vendors()), "sovereign_ai/catalog/data/vendors.json"
    ),
    "rule": Enumeration("A rule", tuple(str(row["id"]) for row in registry_data()), "docs/controls.md"),
    "command": Enumeration("A command", tuple(get_command(app).commands), "README.md"),  # type: ignore[attr-defined]
    "protocol": Enumeration("A storage protocol", tuple(StorageProtocol), "sovereign_ai/spec/storage.py"),
    # Their names are words of English too, so that only the members count.
    "control plane": Enumeration(
        "A control plane",
        tuple(f"LocalBackend.{backend.name}" for backend in LocalBackend),
        "sovereign_ai/cluster/backends.py",
    ),
    "section": Enumeration(
        "A section of the report", tuple(SECTIONS), "sovereign_ai/attest/report/html_page.py"
    ),
    "shape": Enumeration(
        "A shape of fabric that design tries", tuple(SHAPES), "sovereign_ai/design/candidates.py"
    ),
}


def listed_files(text: str) -> list[str]:
    """Return the files in the first columns of the tables."""
    names: list[str] = []
    for cell in _ROW.findall(text):
        names += re.findall(r"`([^`]+)`", cell)
    return names


def matches(name: str) -> list[Path]:
    """Return the files that a name means; a placeholder such as `<topic>` stands for anything."""
    pattern = re.sub(r"<[^>]+>", "*", name)
    return list(ROOT.glob(pattern.rstrip("/")))


def test_the_tables_are_read() -> None:
    assert len(re.findall("^### ", TABLES, re.MULTILINE)) >= 7
    assert len(listed_files(TABLES)) > 25
    assert listed_files("| `a/<b>.py`, `c.py` | what `d` is |\n") == ["a/<b>.py", "c.py"]


@pytest.mark.parametrize("name", listed_files(TABLES))
def test_a_listed_file_exists(name: str) -> None:
    assert matches(name), f"CONTRIBUTING.md lists {name}"


@pytest.mark.parametrize("name", ["sovereign_ai/nothing.py", "sovereign_ai/nothing/<topic>.py"])
def test_a_file_that_does_not_exist_is_noticed(name: str) -> None:
    assert not matches(name)


@cache
def texts() -> Mapping[str, str]:
    """Return the content of every text file of the project by its path; the changelog is no list."""
    paths = [ROOT / "README.md"]
    for folder in _FOLDERS:
        paths += sorted((ROOT / folder).rglob("*"))
    contents: dict[str, str] = {}
    for path in paths:
        if path.suffix in _SUFFIXES and path.is_file():
            contents[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8", errors="replace")
    return contents


def naming_all(names: Iterable[str], contents: Mapping[str, str]) -> list[str]:
    """Return the files in which every name occurs, and not only as a part of another name."""
    patterns = {name: re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])") for name in names}
    files = []
    for file, text in contents.items():
        # The plain search is quick, and decides nearly every file.
        if all(name in text for name in patterns) and all(map(_searched(text), patterns.values())):
            files.append(file)
    return files


def _searched(text: str) -> Callable[[re.Pattern[str]], object]:
    """Return a function from a pattern to its first match in a text."""
    return lambda pattern: pattern.search(text)


@cache
def files_that_name_all(kind: str) -> tuple[str, ...]:
    """Return the files of the project that name everything of a kind."""
    return tuple(naming_all(ENUMERATIONS[kind].names, texts()))


def section_of(heading: str) -> str:
    """Return the text below a heading of the usual changes."""
    return TABLES.partition(f"### {heading}\n")[2].partition("\n### ")[0]


def covered(heading: str) -> Iterator[Path]:
    """Yield the files and folders that the table below a heading lists."""
    for name in listed_files(section_of(heading)):
        yield from matches(name)


@pytest.mark.parametrize("kind", ENUMERATIONS)
def test_a_file_that_names_everything_of_a_kind_is_in_its_table(kind: str) -> None:
    heading = ENUMERATIONS[kind].heading
    listed = list(covered(heading))
    assert listed, f"CONTRIBUTING.md has no table {heading!r}"
    missing = []
    for name in files_that_name_all(kind):
        path = ROOT / name
        if not any(path == entry or entry in path.parents for entry in listed):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("kind", ENUMERATIONS)
def test_the_search_sees_the_file_that_a_kind_is_listed_in(kind: str) -> None:
    assert ENUMERATIONS[kind].home in files_that_name_all(kind)


def test_a_name_within_another_name_is_not_seen() -> None:
    contents = {"a": "nfs, block", "b": "nfs4, block", "c": "nfs, block-storage"}
    assert naming_all(["nfs", "block"], contents) == ["a"]

"""The YAML of the pages is taken by the reader that a user would give it to.

An excerpt lacks fields, and names what stands elsewhere; every field and value that it shows is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest

from sovereign_ai.assess.fit.workload_file import read_workload
from sovereign_ai.errors import SovereignError
from sovereign_ai.operate.repair.policies import read_policies
from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.evidence import read_evidence
from sovereign_ai.spec import AIFactory
from sovereign_ai.spec.reader import load
from sovereign_ai.verify.redfish.endpoints import read_endpoints

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
ELSEWHERE = {"missing-field", "unknown-name", "no-file", "no-key", "no-ca", "no-password"}
"""What an excerpt may lack: the rest of its description, and files beside it."""


def blocks() -> Iterator[tuple[str, str]]:
    """Yield each block of YAML with the page and line where it begins."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{page.relative_to(ROOT)}:{line}", _completed(found[1])


def _completed(block: str) -> str:
    """Return a block without the marks of what it leaves out."""
    for mark, stands_for in (
        ("sha256:…", f"sha256:{'1' * 64}"),
        (", …", ""),
        (": …", ": {}"),
        ("\n…\n", "\n"),
    ):
        block = block.replace(mark, stands_for)
    return block


BLOCKS = dict(blocks())


def _lab() -> AIFactory:
    return load(ROOT / "stacks" / "lab")


def _described(block: str, fields: set[str], file: Path) -> None:
    """Read a part of a description, or of one of its sites or fabrics."""
    if not fields:
        block = f"fabrics:\n{block}"
    elif fields <= {"power", "halls"}:
        block = f"sites:\n- name: fra1\n  country: DE\n{indent(block, '  ')}"
    file.write_text(block, encoding="utf-8")
    load(file)


def _policies(file: Path) -> object:
    planned = plan(_lab())
    return read_policies(file, planned, planned.clusters[0].name)


READERS: dict[str, Callable[[Path], object]] = {
    "kind": lambda file: read_workload(file, _lab()),
    "groups": _policies,
    "answers": read_evidence,
    "endpoints": read_endpoints,
}
"""By a field that no description has at its top."""


def problems_of(block: str, folder: Path) -> list[str]:
    """Return what the reader of a block refuses in it, besides what an excerpt lacks."""
    fields = {*re.findall(r"^(\w+):", block, re.MULTILINE)}
    file = folder / "factory.yaml"
    readers = [read for field, read in READERS.items() if field in fields]
    try:
        if readers:
            file.write_text(block, encoding="utf-8")
            readers[0](file)
        else:
            _described(block, fields, file)
    except SovereignError as error:
        return [line for each in error.problems if each.code not in ELSEWHERE for line in each.lines]
    return []


@pytest.mark.parametrize("place", [place for place, text in BLOCKS.items() if "runtime: yaml" not in text])
def test_the_yaml_of_a_page_is_what_its_reader_takes(place: str, tmp_path: Path) -> None:
    assert problems_of(BLOCKS[place], tmp_path) == []


def test_a_field_that_is_not_known_and_a_wrong_unit_in_an_excerpt_are_found(tmp_path: Path) -> None:
    assert any("unknown-field" in line for line in problems_of("power: {it_buget: 3 MW}\n", tmp_path))
    assert any("it_budget" in line for line in problems_of("power: {it_budget: 3 kg}\n", tmp_path))
    assert any("reset" in line for line in problems_of("groups: [{name: a, reset: 5 kg}]\n", tmp_path))

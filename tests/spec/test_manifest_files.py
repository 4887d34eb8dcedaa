"""Files of manifests beside a description: flattened, placed, bounded, and part of the digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

ROOT = Path(__file__).resolve().parents[2]
LAB = (ROOT / "stacks" / "lab" / "factory.yaml").read_text(encoding="utf-8")
PLATFORM = """
platform:
  queueing: kueue
  controllers:
    - name: kueue
      manifests: {entries}
"""
NESTED = """# a list in a list, and an empty document
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: List
    items: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}]
---
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
"""


def read(folder: Path, entries: str, **files: str) -> AIFactory:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "factory.yaml").write_text(LAB + PLATFORM.format(entries=entries), encoding="utf-8")
    return load(folder)


def refusal(folder: Path, entries: str, **files: str) -> list[tuple[str, str, int | None]]:
    """Return code, file and line of each problem."""
    with pytest.raises(SpecError) as caught:
        read(folder, entries, **files)
    problems = caught.value.problems
    return [(problem.code, Path(problem.where.file or "").name, problem.where.line) for problem in problems]


def test_lists_are_taken_apart_and_the_digest_is_that_of_the_objects(tmp_path: Path) -> None:
    factory = read(tmp_path, "[one.yaml]", one=NESTED)
    assert factory.platform is not None
    objects = factory.platform.controllers[0].manifests
    assert [obj["kind"] for obj in objects] == ["ServiceAccount", "ConfigMap"]
    assert read(tmp_path, "[two.yaml]", two=NESTED).digest == factory.digest
    assert read(tmp_path, "[two.yaml]", two=NESTED.replace("name: b", "name: c")).digest != factory.digest


def test_an_object_is_placed_at_its_own_file_and_line_whatever_stands_before_it(tmp_path: Path) -> None:
    entries = "[one.yaml, {apiVersion: v1, kind: ConfigMap, metadata: {name: own}}, two.yaml]"
    right = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    wrong = f"{right}---\n{right.replace('ConfigMap', 'Pod')}"
    assert refusal(tmp_path, entries, one=NESTED, two=wrong) == [("refused-manifest", "two.yaml", 4)]


def test_every_problem_of_every_file_is_reported_with_those_of_the_description(tmp_path: Path) -> None:
    found = refusal(
        tmp_path, "[one.yaml, ../two.yaml, three.yaml, four.yaml]", one="a: [", four="# nothing\n"
    )
    assert {(code, name) for code, name, _ in found} == {
        ("yaml-syntax", "one.yaml"),
        ("no-file", "factory.yaml"),
        ("no-objects", "factory.yaml"),
    }
    assert len(found) == 4


def test_more_objects_than_are_read_are_refused(tmp_path: Path) -> None:
    many = "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\n" for n in range(1001))
    codes = [code for code, _, _ in refusal(tmp_path, "[one.yaml, two.yaml]", one=many, two=many)]
    assert codes == ["too-large"]


def test_a_link_that_leads_out_of_the_folder_is_refused_and_one_within_it_is_followed(tmp_path: Path) -> None:
    folder, other = tmp_path / "stack", tmp_path / "other"
    for made in (folder, other, folder / "..data"):
        made.mkdir()
    (other / "one.yaml").write_text(NESTED, encoding="utf-8")
    (folder / "..data" / "two.yaml").write_text(NESTED, encoding="utf-8")
    for name, target in (("one.yaml", other / "one.yaml"), ("far.yaml", Path("../other/one.yaml"))):
        (folder / name).symlink_to(target)
        assert [code for code, _, _ in refusal(folder, f"[{name}]")] == ["no-file"]
    (folder / "loop.yaml").symlink_to("loop.yaml")
    assert refusal(folder, "[loop.yaml]")
    # As Kubernetes mounts a ConfigMap.
    (folder / "two.yaml").symlink_to("..data/two.yaml")
    assert read(folder, "[two.yaml]").platform is not None

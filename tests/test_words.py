"""The words of `docs/glossary.md`: none of those that are not used reaches a user."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    # The glossary names the words.
    if path.name != "glossary.md"
)
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "sovereign_ai").rglob("*.py"))
UNUSED = re.compile(
    r"\b(mend|mends|mended|whom|told|wish(es)?(?! list)|of ours|"
    r"would not go|nobody can be asked|by hand)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def unused(text: str) -> list[str]:
    """Return the words of a text that have a plainer form."""
    return [match.group() for match in UNUSED.finditer(text)]


def user_facing(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of problems, rules, help and progress: every string that is no docstring and no key."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name not in {
                "Problem",
                "progress",
                "Option",
                "Argument",
                "say",
                "fail",
                "Rule",
                "RuleCheck",
                "Control",
            }:
                continue
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and " " in inner.value:
                    yield inner.lineno, inner.value


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_document_keeps_to_the_words_of_the_glossary(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    text = CODE.sub(lambda match: "\n" * match.group().count("\n"), text)
    lines = [f"{document}:{number}: {unused(line)}" for number, line in enumerate(text.splitlines(), 1)]
    assert [line for line in lines if not line.endswith("[]")] == []


def test_problems_help_and_progress_keep_to_the_words_of_the_glossary() -> None:
    lines = []
    for module in MODULES:
        tree = ast.parse((ROOT / module).read_bytes())
        lines += [f"{module}:{line}: {unused(text)}" for line, text in user_facing(tree) if unused(text)]
    assert lines == []


def test_the_search_sees_a_word_and_not_a_part_of_one() -> None:
    assert unused("it was told, and mended") == ["told", "mended"]
    assert unused("recommend a wish list; a threshold; mending") == []
    tree = ast.parse('Problem("code", f"{name} would not go", hint="mend it now")')
    assert [unused(text) for _, text in user_facing(tree)] == [["would not go"], ["mend"]]

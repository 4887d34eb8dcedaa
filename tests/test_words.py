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
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        ROOT / "benchmarks" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    )
    # The glossary names the words.
    if path.name != "glossary.md"
)
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "sovereign_ai").rglob("*.py"))
UNUSED = re.compile(
    r"\b(mend|mends|mended|whom|told|said|wish(es)?(?! list)|of ours|"
    r"would not go|nobody can be asked|by hand)\b",
    re.IGNORECASE,
)
TABLES = sorted(
    path.relative_to(ROOT)
    for path in (
        *(ROOT / "sovereign_ai").glob("*/data/**/*.json"),
        # Its descriptions are the docstrings of the description's fields, which editors show.
        ROOT / "stacks" / "lab" / "factory.schema.json",
    )
)
PLAYBOOKS = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "playbooks").rglob("*")
    if path.suffix in {".py", ".yml", ".j2", ".cfg"} and path.is_file()
)
"""What Ansible prints is made of their texts, and `ansible-doc` shows the documentation of the modules."""
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def unused(text: str) -> list[str]:
    """Return the words of a text that have a plainer form."""
    return [match.group() for match in UNUSED.finditer(text)]


def user_facing(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield strings that have a space and are no docstrings, and the docstrings that are help of a command.

    Problems, help, progress and the lines of reports are all made of these.
    """
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and _is_command(node):
            yield node.lineno, ast.get_docstring(node) or ""
        if id(node) in docstrings or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _is_command(function: ast.FunctionDef) -> bool:
    """Return whether a function is decorated as a command, whose docstring is then its help."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_document_keeps_to_the_words_of_the_glossary(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    text = CODE.sub(lambda match: "\n" * match.group().count("\n"), text)
    lines = [f"{document}:{number}: {unused(line)}" for number, line in enumerate(text.splitlines(), 1)]
    assert [line for line in lines if not line.endswith("[]")] == []


def test_problems_help_progress_and_reports_keep_to_the_words_of_the_glossary() -> None:
    lines = []
    for module in MODULES:
        tree = ast.parse((ROOT / module).read_bytes())
        lines += [f"{module}:{line}: {unused(text)}" for line, text in user_facing(tree) if unused(text)]
    assert lines == []


@pytest.mark.parametrize("file", [*TABLES, *PLAYBOOKS], ids=str)
def test_tables_playbooks_and_the_schema_keep_to_the_words_of_the_glossary(file: Path) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert [f"{number}: {unused(line)}" for number, line in enumerate(lines, 1) if unused(line)] == []


def test_the_search_sees_a_word_and_not_a_part_of_one() -> None:
    assert unused("it was told, and mended") == ["told", "mended"]
    assert unused("recommend a wish list; a threshold; mending") == []
    tree = ast.parse('Problem("code", f"{name} would not go", hint="mend it now")')
    assert [unused(text) for _, text in user_facing(tree)] == [["would not go"], ["mend"]]


def test_the_search_sees_parts_of_texts_and_help_but_no_other_docstring_and_no_key() -> None:
    tree = ast.parse('"""Made by hand."""\nline = f"{name} is not told"\nkey = data["said"]')
    assert [(line, unused(text)) for line, text in user_facing(tree)] == [(2, ["told"])]
    command = ast.parse('@app.command("x")\ndef x():\n    """Mend it."""')
    assert [unused(text) for _, text in user_facing(command)] == [["Mend"]]

"""Figures about the readability of Python files, by their syntax trees."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COLUMNS = 110
_VAGUE = frozenset({"one", "found"})
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Delete)
"""Statements without statements inside."""
_THOUSAND = 1000.0
_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure should reach.

    Attributes:
        bound: the limit.
        at_least: whether more is better.
    """

    bound: float
    at_least: bool = False

    @property
    def words(self) -> str:
        """The limit in words."""
        return f"at {'least' if self.at_least else 'most'} {self.bound:g}"

    def reached(self, value: float) -> bool:
        """Tell whether a value is within the limit."""
        return value >= self.bound if self.at_least else value <= self.bound


LIMITS = {
    "comments a thousand lines": Limit(15, at_least=True),
    "comprehensions a thousand lines": Limit(15),
    "nested comprehensions": Limit(0),
    "expression nodes a simple statement": Limit(7.5),
    "lines over 110 columns": Limit(0),
    "functions with a variable `one` or `found`, percent": Limit(1),
    "classes that share their name, percent": Limit(5),
    "modules with a test of the same name, percent": Limit(90, at_least=True),
}


def measure(package: Path, tests: Path) -> dict[str, float]:
    """Measure the package, a subpackage, or one file.

    Args:
        package: the folder, or the file.
        tests: the folder of the whole package's tests, which mirror it.

    Returns:
        Figure by name, as `LIMITS` names them.

    Raises:
        SyntaxError: a file is no Python.
    """
    files = [package] if package.is_file() else sorted(package.rglob("*.py"))
    trees = [ast.parse(path.read_bytes()) for path in files]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    comprehensions = [node for node in nodes if isinstance(node, _COMPREHENSIONS)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    statements = [node for node in nodes if isinstance(node, _SIMPLE) and not _is_docstring(node)]
    thousands = max(len(lines), 1) / _THOUSAND
    return {
        "comments a thousand lines": sum(_comments(path) for path in files) / thousands,
        "comprehensions a thousand lines": len(comprehensions) / thousands,
        "nested comprehensions": float(sum(_is_nested(node) for node in comprehensions)),
        "expression nodes a simple statement": sum(_expressions(node) for node in statements)
        / max(len(statements), 1),
        "lines over 110 columns": float(sum(len(line) > _COLUMNS for line in lines)),
        "functions with a variable `one` or `found`, percent": _share(map(_is_vague, functions)),
        "classes that share their name, percent": _colliding(nodes),
        "modules with a test of the same name, percent": _tested(_root(package), files, tests),
    }


def _comments(path: Path) -> int:
    """Count comments that say something to a reader: instructions to tools are none."""
    with path.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    texts = [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    return sum(not text.startswith(("noqa", "type:", "pragma", "fmt:")) for text in texts)


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_nested(node: ast.AST) -> bool:
    return any(isinstance(inner, _COMPREHENSIONS) for inner in ast.walk(node) if inner is not node)


def _expressions(statement: ast.stmt) -> int:
    return sum(isinstance(node, ast.expr) for node in ast.walk(statement))


def _is_vague(function: ast.AST) -> bool:
    stored = (
        node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return any(name.id in _VAGUE for name in stored)


def _share(answers: Iterable[bool]) -> float:
    listed = list(answers)
    return _ALL * sum(listed) / len(listed) if listed else 0.0


def _colliding(nodes: Iterable[ast.AST]) -> float:
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    total = sum(names.values())
    return _ALL * sum(count for count in names.values() if count > 1) / total if total else 0.0


def _root(package: Path) -> Path:
    """Return the outermost folder of the package that a subpackage or a file belongs to."""
    root = package.parent if package.is_file() else package
    while (root.parent / "__init__.py").exists():
        root = root.parent
    return root


def _tested(package: Path, files: Iterable[Path], tests: Path) -> float:
    modules = [path for path in files if not path.name.startswith("__")]
    return _share(_test_of(path.relative_to(package), tests) for path in modules)


def _test_of(module: Path, tests: Path) -> bool:
    return any(candidate.exists() for candidate in _candidates(module, tests))


def _candidates(module: Path, tests: Path) -> Iterator[Path]:
    """Yield where a module's test may lie: the mirrored folder."""
    yield tests / module.parent / f"test_{module.name.lstrip('_')}"

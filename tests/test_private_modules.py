"""No private name of a dependency is used, but for those that are listed here with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "sovereign_ai").rglob("*.py"))
OWN = {"__future__", "sovereign_ai"}
DOCUMENTED = {"os._exit", "sys._getframe"}
"""Names of the standard library that begin with an underscore and are in its documentation."""
EXCEPTIONS = {
    (
        "sovereign_ai/deploy/language_host/language_program.py",
        "pulumi.runtime.stack._wait_for_shutdown",
    ): ("asks for what the engine is about to delete when the program has ended; Pulumi tells nobody else"),
    (
        "sovereign_ai/deploy/package/service.py",
        "pulumi.provider.server.ProviderServicer._construct_options",
    ): ("reads the options of a component as Pulumi's own provider server does; its version is pinned"),
    ("sovereign_ai/deploy/components/resources.py", "pulumi.runtime.settings._get_rpc_manager"): (
        "lets the program wait for registrations that it sends itself; Pulumi exports no other way"
    ),
    ("sovereign_ai/deploy/components/resources.py", "pulumi.runtime.resource._resolve_depends_on_urns"): (
        "registers many resources at once as Pulumi registers each; its version is pinned"
    ),
}


def is_private(name: str) -> bool:
    """Return whether a part of a dotted name begins with one underscore; `__version__` is public."""
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what a module calls each thing that it imports from a dependency, and its full dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def private_names(tree: ast.AST) -> set[str]:
    """Return the private names of dependencies that a module imports, or reads from an imported module."""
    names = set()
    known = {}
    for local, full in imported_names(tree):
        if full.partition(".")[0] in OWN:
            continue
        known[local] = full
        if is_private(full):
            names.add(full)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if is_private(node.attr) and node.value.id in known:
            names.add(f"{known[node.value.id]}.{node.attr}")
    return names - DOCUMENTED


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from typer import _click as click", "typer._click"),
        ("from pulumi._x import Y", "pulumi._x.Y"),
        ("import pulumi._x", "pulumi._x"),
        ("import typer\ntyper._click.echo()", "typer._click"),
        ("from pulumi import runtime\nruntime._secret()", "pulumi.runtime._secret"),
    ],
)
def test_the_walk_sees_a_private_name(text: str, name: str) -> None:
    assert private_names(ast.parse(text)) == {name}


@pytest.mark.parametrize(
    "text", ["from sovereign_ai import __version__", "import os\nos._exit(1)", "self._x", "import typer"]
)
def test_the_walk_passes_over_public_and_own_names(text: str) -> None:
    assert private_names(ast.parse(text)) == set()


def test_the_package_uses_nothing_private_of_a_dependency() -> None:
    assert len(MODULES) > 400
    used = set()
    for path in MODULES:
        for name in private_names(ast.parse(path.read_bytes())):
            used.add((str(path.relative_to(ROOT)), name))
    assert used == set(EXCEPTIONS)

"""Public names: what a package exports is what its `__init__.py` says, and others import nothing past it."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import sovereign_ai
from sovereign_ai.lazy_exports import lazy_exports

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sovereign_ai"
HEAVY = (
    "pulumi",
    "kubernetes",
    "grpc",
    "ansible_runner",
    "requests",
    "urllib3",
    "cryptography",
    "pydantic",
    "rich",
)


def _exporting() -> Iterator[str]:
    """Yield every package that exports names lazily."""
    for path in sorted(PACKAGE.rglob("__init__.py")):
        if "lazy_exports(" in path.read_text():
            yield ".".join(path.parent.relative_to(ROOT).parts)


EXPORTING = tuple(_exporting())


def _source(package: str) -> ast.Module:
    return ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())


def _typed(package: str) -> dict[str, str]:
    """Return the exported names with their modules, as the type checker reads them."""
    names: dict[str, str] = {}
    for node in _source(package).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom), ast.unparse(line)
                assert line.module is not None
                for alias in line.names:
                    names[alias.name] = line.module
    return names


def _loaded(package: str) -> dict[str, str]:
    """Return the exported names with their modules, as they are loaded at run time."""
    names: dict[str, str] = {}
    for node in ast.walk(_source(package)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_exports":
            for module, exported in ast.literal_eval(node.args[1]).items():
                names |= dict.fromkeys(exported, f"{package}.{module}")
    return names


def _packages() -> list[str]:
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_every_package_that_another_one_uses_exports_names() -> None:
    without = {package for package in _packages() if f"sovereign_ai.{package}" not in EXPORTING}
    assert without == {"cli"}


@pytest.mark.parametrize("package", EXPORTING)
def test_types_run_time_and_all_agree_on_what_a_package_exports(package: str) -> None:
    typed = _typed(package)
    assert typed
    assert typed == _loaded(package)
    assert sorted(typed) == sorted(import_module(package).__all__)


@pytest.mark.parametrize("package", EXPORTING)
def test_every_exported_name_is_what_its_module_defines(package: str) -> None:
    imported = import_module(package)
    for name, module in _typed(package).items():
        assert getattr(imported, name) is getattr(import_module(module), name)


@pytest.mark.parametrize("package", EXPORTING)
def test_no_exported_name_is_a_submodule_as_well(package: str) -> None:
    both = [name for name in _typed(package) if find_spec(f"{package}.{name}") is not None]
    assert both == []


_EVERY_MODULE_THEN_EVERY_NAME = """
import importlib, pathlib, random, sys, types
import sovereign_ai
root = pathlib.Path(sovereign_ai.__file__).parent
modules = []
for path in sorted(root.rglob("*.py")):
    parts = ("sovereign_ai", *path.relative_to(root).with_suffix("").parts)
    if parts[-1] != "__main__":
        modules.append(".".join(parts).removesuffix(".__init__"))
random.Random(int(sys.argv[1])).shuffle(modules)
for name in modules:
    importlib.import_module(name)
wrong = []
for name in sorted(modules):
    module = sys.modules[name]
    for public in getattr(module, "__all__", ()):
        try:
            value = getattr(module, public)
        except Exception as error:
            wrong.append(f"{name}.{public}: {error}")
            continue
        if isinstance(value, types.ModuleType):
            wrong.append(f"{name}.{public} is a module")
print(wrong)
"""


@pytest.mark.parametrize("seed", range(3))
def test_public_names_are_no_modules_after_all_modules_were_imported_in_any_order(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EVERY_MODULE_THEN_EVERY_NAME, str(seed)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_of_the_package_itself_can_be_loaded() -> None:
    homes = vars(sovereign_ai)["_HOMES"]
    for name in {*sovereign_ai.__all__, *homes}:
        assert callable(getattr(sovereign_ai, name)), name


def test_a_name_that_a_package_does_not_export_is_an_attribute_error() -> None:
    load = lazy_exports("sovereign_ai.plan", {"factory": ("plan",)})
    assert load("plan") is import_module("sovereign_ai.plan.factory").plan
    with pytest.raises(AttributeError, match=r"'sovereign_ai\.plan' has no attribute 'nothing'"):
        load("nothing")


def test_all_packages_together_load_none_of_their_modules_and_nothing_heavy() -> None:
    code = (
        "import sys\n"
        f"for package in {EXPORTING!r}: __import__(package)\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "print(heavy, sorted(name for name in sys.modules if name.startswith('sovereign_ai')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    allowed = sorted({"sovereign_ai", "sovereign_ai.lazy_exports", *EXPORTING, *_parents()})
    assert done.stdout.strip() == f"[] {allowed}"


def _parents() -> set[str]:
    """Return the packages above those that export names."""
    return {package.rpartition(".")[0] for package in EXPORTING}


def test_the_linter_protects_every_package_but_the_commands() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    protected = {
        contract["protected_modules"][0]: contract["allowed_importers"]
        for contract in contracts
        if contract["type"] == "protected"
    }
    for package in set(_packages()) - {"cli"}:
        assert protected[f"sovereign_ai.{package}.**"] == [f"sovereign_ai.{package}"]

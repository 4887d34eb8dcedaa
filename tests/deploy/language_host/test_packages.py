from __future__ import annotations

import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest

from sovereign_ai.deploy.language_host import packages
from sovereign_ai.deploy.language_host.packages import (
    Required,
    distributions,
    python_version,
    required_packages,
)


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an interpreter of its own with one SDK in it."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name, text in (
        ("pulumi_imaginary", '{"resource": true, "version": "v2.0.1", "server": "https://example.invalid"}'),
        ("pulumi_no_provider", '{"resource": false}'),
        ("pulumi_broken", "{"),
    ):
        (packages / name).mkdir()
        (packages / name / "pulumi-plugin.json").write_text(text)
    for name, number, requires in (
        ("upper_one", "2.0", ["Lower>=1", "extra-only; extra == 'more'"]),
        ("lower", "1.0", []),
        ("extra.only", "3.0", []),
    ):
        (packages / f"{name}-{number}.dist-info").mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {number}",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        (packages / f"{name}-{number}.dist-info" / "METADATA").write_text("\n".join(lines) + "\n")
    (packages / "~broken-1.0.dist-info").mkdir()
    return folder / "bin" / "python"


def test_the_kubernetes_sdk_names_its_own_version_of_the_provider() -> None:
    assert required_packages(Path(sys.executable)) == [Required("kubernetes", version("pulumi-kubernetes"))]


def test_another_interpreter_is_asked_for_its_own_sdks(other_python: Path) -> None:
    assert required_packages(other_python) == [Required("imaginary", "2.0.1", "https://example.invalid")]


def test_packages_that_others_require_are_listed_only_when_asked_for(other_python: Path) -> None:
    assert ("lower", "1.0") in distributions(other_python, transitive=True)
    assert ("lower", "1.0") not in distributions(other_python, transitive=False)
    for transitive in (True, False):
        found = distributions(other_python, transitive=transitive)
        assert ("upper-one", "2.0") in found
        assert ("extra-only", "3.0") in found


def test_an_interpreters_version_is_its_own_answer(other_python: Path) -> None:
    assert python_version(other_python) == ".".join(map(str, sys.version_info[:3]))
    assert python_version(Path("/nonexistent/python")) == ""


@pytest.mark.parametrize(
    "name",
    ["collections", "copyreg", "enum", "functools", "json", "keyword", "operator", "re", "reprlib", "types"],
)
def test_no_module_of_the_working_folder_is_run_when_an_interpreter_is_asked(
    name: str, other_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    packages._output_of.cache_clear()
    assert required_packages(other_python)
    assert not (tmp_path / "ran").exists()

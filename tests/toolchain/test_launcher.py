"""Launchers of the project's own plugins: they start the interpreter of this environment."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import sovereign_ai
from sovereign_ai.toolchain.cache import interpreter
from sovereign_ai.toolchain.launcher import HOSTS, NAME, PACKAGE, starting, write_launcher


def test_a_launcher_runs_this_interpreter_and_is_written_once(tmp_path: Path) -> None:
    path = write_launcher(tmp_path)
    assert os.access(path, os.X_OK)
    assert str(interpreter()) in path.read_text()
    before = path.stat().st_mtime_ns
    assert write_launcher(tmp_path) == path
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", [NAME, HOSTS, PACKAGE, "sovereign_ai.deploy.hosts.provider.worker"])
def test_a_plugin_takes_no_module_from_the_folder_that_it_is_started_in(tmp_path: Path, name: str) -> None:
    """The folder is a stack of anybody's; `hosts check` only compares, and runs no program of it."""
    for module in ("sovereign_ai", "grpc", "typing", "orjson", "yaml"):
        (tmp_path / f"{module}.py").write_text("open('ran', 'w').close()\nraise SystemExit(1)\n")
    command = starting(name) if "." in name else [str(write_launcher(tmp_path / "bin", name))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        # The worker answers to no job at all, the others print their port.
        if "." in name:
            process.stdin.close()
        process.stdout.readline()
        process.kill()
    assert not (tmp_path / "ran").exists()


def commands_of_python() -> Iterator[tuple[str, list[str]]]:
    """Yield each command in the package by which this interpreter runs a module or a text."""
    root = Path(sovereign_ai.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "sys.executable" not in text and "interpreter()" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
                continue
            words = [ast.unparse(element) for element in node.elts]
            is_python = "sys.executable" in words[0] or "interpreter()" in words[0]
            if is_python and {"'-m'", "'-c'"} & set(words):
                yield f"{path.relative_to(root)}:{node.lineno}", words


def test_no_command_of_python_takes_modules_from_the_working_folder() -> None:
    found = dict(commands_of_python())
    assert len(found) > 10
    assert [place for place, words in found.items() if not {"'-P'", "'-I'"} & set(words)] == []

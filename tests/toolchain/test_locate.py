"""Installed tools: entries of the cache, and a tool that was exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.cache import ensure, entry_dir
from sovereign_ai.toolchain.locate import adoption, binary_in, cached, located, on_path, safely_located
from sovereign_ai.toolchain.table import TOOLS

KWOK, GO, KUEUE = TOOLS["kwok"], TOOLS["go"], TOOLS["kueue"]


@pytest.fixture
def binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = ensure(entry_dir(KWOK)) / "kwok"
    path.write_text("a binary")
    path.chmod(0o700)
    return path


def test_a_tool_of_the_cache_is_found_with_its_digest(binary: Path) -> None:
    tool = located(KWOK)
    assert tool is not None
    assert (tool.path, tool.version, tool.way, len(tool.digest)) == (binary, "0.7.0", "cache", 64)
    assert binary_in(KWOK, entry_dir(KWOK)) == binary


def test_a_tool_that_was_exchanged_is_refused(binary: Path) -> None:
    assert cached(KWOK) is not None
    binary.write_text("another binary")
    with pytest.raises(EnvironmentLacksError, match="another program"):
        cached(KWOK)
    tool, reason = safely_located(KWOK)
    assert tool is None
    assert "another program" in reason


def test_a_file_that_cannot_be_run_is_no_tool(binary: Path) -> None:
    binary.unlink()
    assert cached(KWOK) is None


def test_a_damaged_record_of_an_adopted_tool_counts_as_none(binary: Path) -> None:
    record = adoption(KWOK)
    ensure(record.parent)
    record.write_text("{}")
    assert on_path(KWOK) is None


@pytest.mark.parametrize("changed", ["go/bin/compile", "go/lib/more", "config/crd.yaml"])
def test_a_compilers_programs_and_a_modules_files_are_compared_as_well(changed: str, binary: Path) -> None:
    compiler, module = entry_dir(GO) / "go" / "bin", entry_dir(KUEUE) / "files" / "config"
    for folder in (ensure(compiler), ensure(module), ensure(entry_dir(GO) / "go" / "lib")):
        (folder / "compile").touch(mode=0o700)
    (compiler / "go").touch(mode=0o700)
    (module / "crd.yaml").write_text("kind: CustomResourceDefinition\n")
    row = KUEUE if changed.startswith("config") else GO
    assert located(row) is not None
    inside = entry_dir(row) / ("files" if row is KUEUE else "") / changed
    inside.write_text("another")
    with pytest.raises(EnvironmentLacksError, match="another program"):
        located(row)

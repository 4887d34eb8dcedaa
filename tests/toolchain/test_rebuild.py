from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.toolchain import rebuild as module
from sovereign_ai.toolchain.rebuild import rebuild
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import TOOLS
from tests.toolchain.test_bill_of_materials import _TEXT, write_binary

Make = Callable[[Path, int], None]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Make], list[dict[str, Any]]]:
    """Have builds write what a function makes; returns the arguments of each build."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "install", lambda _names, **_more: {"go": Path("/go")})

    def replace(make: Make) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def build(*_row: object, **named: Any) -> None:
            make(named["target"], len(calls) % 2)
            calls.append(named)

        monkeypatch.setattr(module.source, "build", build)
        return calls

    return replace


def verified() -> Result:
    return CliRunner().invoke(app, ["tools", "verify", "etcd", "--json"])


def test_two_builds_of_the_same_bytes_are_the_same_and_share_neither_folder_nor_cache(built: Any) -> None:
    calls = built(lambda target, _number: target.write_bytes(b"x" * 100_000))
    said = verified()
    answer = orjson.loads(said.stdout)
    assert (said.exit_code, answer["same"], answer["first_difference"]) == (0, True, None)
    assert answer["sizes"] == [100_000, 100_000]
    first, second = calls
    for argument in ("work", "target", "build_cache"):
        assert first[argument] != second[argument]
    assert len(first["work"].parts) != len(second["work"].parts)
    assert list(first["build_cache"].iterdir() if first["build_cache"].exists() else ()) == []


@pytest.mark.parametrize(
    ("second", "offset"),
    [
        (b"x" * 99_999 + b"y", 99_999),
        (b"y" + b"x" * 99_999, 0),
        (b"x" * 99_998, 99_998),
        (b"x" * 100_001, 100_000),
    ],
)
def test_builds_that_differ_anywhere_end_with_1_and_say_where(built: Any, second: bytes, offset: int) -> None:
    built(lambda target, number: target.write_bytes(second if number else b"x" * 100_000))
    said = verified()
    answer = orjson.loads(said.stdout)
    assert (said.exit_code, answer["same"], answer["first_difference"]) == (1, False, offset)
    assert answer["digests"][0] != answer["digests"][1]
    person = CliRunner().invoke(app, ["tools", "verify", "etcd"])
    assert "the builds DIFFER" in person.stdout


def test_a_build_setting_that_differs_is_named(built: Any) -> None:
    texts = (_TEXT, _TEXT.replace("-trimpath=true", "-trimpath=false"))
    built(lambda target, number: write_binary(target, text=texts[number]))
    answer = orjson.loads(verified().stdout)
    assert answer["settings"] == {"-trimpath": ["true", "false"]}


def test_the_installed_one_is_compared_with_the_first_build(
    built: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovereign_ai.toolchain.locate import LocatedTool

    built(lambda target, _number: target.write_bytes(b"x"))
    lines = rebuild("etcd", progress=lambda _line: None).lines()
    assert lines[-1].startswith("not compared")
    same = rebuild("etcd", progress=lambda _line: None).digests[0]
    for digest, expected in ((same, "the same as the first build"), ("0" * 64, "is another")):
        located = LocatedTool(Path("/etcd"), "1", "cache", digest)
        monkeypatch.setattr(module, "safely_located", lambda _row, located=located: (located, ""))
        assert expected in rebuild("etcd", progress=lambda _line: None).lines()[-1]


def test_what_is_not_built_from_source_and_what_does_not_build_are_problems(built: Any) -> None:
    def fails(_target: Path, _number: int) -> None:
        raise WayClosedError("the disk is full")

    built(fails)
    with pytest.raises(EnvironmentLacksError, match="build-failed"):
        rebuild("etcd", progress=lambda _line: None)
    for row in TOOLS.values():
        if row.source is None or row.kind not in ("binary", "plugin"):
            with pytest.raises(UsageError, match="not-built"):
                rebuild(row.name, progress=lambda _line: None)
    with pytest.raises(UsageError):
        rebuild("nothing", progress=lambda _line: None)

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from sovereign_ai.toolchain import doctor as doctoring
from sovereign_ai.toolchain.cache import entry_dir
from sovereign_ai.toolchain.doctor import DoctorCheck, disk, doctor, loopback, memory, skew
from sovereign_ai.toolchain.table import TOOLS

from . import fakes

pytestmark = pytest.mark.usefixtures("empty_path")


def named(checks: tuple[DoctorCheck, ...], name: str) -> DoctorCheck:
    (one,) = [check for check in checks if check.tool == name]
    return one


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_every_tool_of_the_table_is_looked_at_and_a_missing_one_has_a_next_step() -> None:
    checks = doctor()
    assert [check.tool for check in checks][: len(TOOLS)] == list(TOOLS)
    for name in ("etcd", "pulumi", "kueue", "go"):
        assert not named(checks, name).ok
    for check in checks:
        may_be_left_out = check.tool in TOOLS and TOOLS[check.tool].optional and check.tool != "go"
        assert check.ok is (check.hint == "" or may_be_left_out)


def test_a_tool_of_the_wrong_version_is_shown_with_what_was_found(empty_path: Path) -> None:
    wrong = fakes.put(empty_path, "3.100.0", name="pulumi")
    assert named(doctor(), "pulumi").found == "", "nothing on PATH is run unless it is asked for"
    check = named(doctor(from_path=True), "pulumi")
    assert (check.found, check.path, check.ok) == ("3.100.0", str(wrong), False)
    assert "does not suit" in check.hint


def test_a_cached_tool_is_fine() -> None:
    fakes.put(entry_dir(TOOLS["kwok"]), "0.7.0", name="kwok")
    check = named(doctor(), "kwok")
    assert (check.found, check.ok, check.hint, check.way) == ("0.7.0", True, "", "cache")
    assert len(check.digest) == 64


def test_a_cached_tool_that_was_replaced_is_not_fine() -> None:
    binary = fakes.put(entry_dir(TOOLS["kwok"]), "0.7.0", name="kwok")
    assert named(doctor(), "kwok").ok
    binary.write_bytes(fakes.script("0.7.0") + b"# changed\n")
    check = named(doctor(), "kwok")
    assert not check.ok
    assert "another program" in check.found


def test_no_optional_tool_is_missed_once_everything_else_is_built() -> None:
    for row in TOOLS.values():
        if row.optional:
            continue
        if row.kind == "module":
            (entry_dir(row) / "files").mkdir(parents=True)
        elif row.source:
            fakes.put(entry_dir(row), row.version, name=row.name)
    checks = doctor()
    for name, row in TOOLS.items():
        assert named(checks, name).ok or not row.optional
    assert "tools install kueue-controller" in named(checks, "kueue-controller").hint


def test_an_sdk_of_another_release_than_its_tool_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.put(entry_dir(TOOLS["pulumi"]), "3.259.0", name="pulumi")
    assert named(doctor(), "pulumi SDK for Python").ok
    monkeypatch.setattr(doctoring, "package", lambda _: "3.272.0")
    check = named(doctor(), "pulumi SDK for Python")
    assert not check.ok
    assert "3.259.0" in check.hint
    assert "3.272.0" in check.hint


def test_skew_ignores_the_patch_release_and_names_a_missing_side() -> None:
    assert skew("pulumi", "sdk", "3.259.1", "3.259.0").ok
    assert not skew("pulumi", "sdk", "4.0.0", "3.259.0").ok
    assert "missing" in skew("pulumi", "sdk", "3.259.0", "").hint
    assert "install" in skew("pulumi", "sdk", "", "3.259.0").hint


def test_the_systems_facts_are_measured(tmp_path: Path) -> None:
    assert loopback().ok
    assert disk(tmp_path / "not" / "there", 0).ok
    short = disk(tmp_path, 10**9)
    assert not short.ok
    assert "XDG_CACHE_HOME" in short.hint
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 9 kB\nMemAvailable:    1048576 kB\n")
    check = memory(info)
    assert (check.found, check.ok) == ("1.0 GB", False)


def test_a_check_is_plain_data() -> None:
    data = loopback().to_data()
    assert set(data) == {"tool", "wanted", "found", "path", "ok", "hint", "way", "digest"}
    assert orjson.loads(orjson.dumps(data)) == data


def test_a_missing_container_engine_is_said_and_is_no_fault() -> None:
    check = named(doctor(), "container engine")
    assert (check.found, check.ok) == ("none", True)
    assert "kind clusters only" in check.wanted

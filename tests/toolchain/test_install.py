from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.toolchain import install as installing
from sovereign_ai.toolchain import locate, path_search
from sovereign_ai.toolchain.cache import bin_dir, entry_dir, link, locked
from sovereign_ai.toolchain.table import TOOLS, Tool

from . import fakes
from .conftest import Vendor

pytestmark = pytest.mark.usefixtures("empty_path")


def quiet(_: str) -> None:
    pass


_INSTALLER = """
import pickle, sys
from sovereign_ai.toolchain.install import _resolve
sys.stdout.write(str(_resolve(pickle.load(sys.stdin.buffer), lambda _: None)))
"""
"""An installer in a process of its own: a row on its input, the tool's place on its output."""


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_two_runs_at_once_fetch_a_tool_once_and_both_get_it(vendor: Vendor) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3")
    vendor.delay = 0.5
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    runs = [
        subprocess.Popen([sys.executable, "-c", _INSTALLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write(pickle.dumps(row))
        run.stdin.close()
        run.stdin = None
    places = {run.communicate(timeout=60)[0].decode() for run in runs}
    assert [run.returncode for run in runs] == [0, 0]
    assert vendor.asked == ["/tool"]
    assert places == {str(bin_dir() / fakes.NAME)}
    assert (bin_dir() / fakes.NAME).read_bytes() == fakes.script("1.2.3")


def test_an_installed_tool_is_not_fetched_again(vendor: Vendor) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    first = installing._resolve(row, quiet)
    vendor.files.clear()
    assert installing._resolve(row, quiet) == first
    assert vendor.asked == ["/tool"]


def test_a_suitable_tool_on_path_is_taken_before_anything_is_fetched(
    vendor: Vendor, empty_path: Path
) -> None:
    fakes.put(empty_path, "1.2.9")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", b""))
    assert installing._resolve(row, quiet, from_path=True).resolve() == empty_path / fakes.NAME
    assert vendor.asked == []
    assert installing._resolve(row, quiet).resolve() == empty_path / fakes.NAME, "it was recorded"


def test_an_unsuitable_tool_on_path_is_passed_over_for_a_later_suitable_one(
    tmp_path: Path, empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.put(empty_path, "1.1.0")
    fakes.put(tmp_path / "second", "1.2.0")
    monkeypatch.setenv("PATH", f"{empty_path}{os.pathsep}{tmp_path / 'second'}")
    found = path_search.search(fakes.row())
    assert found is not None
    assert found.path == tmp_path / "second" / fakes.NAME


def test_what_lies_in_the_projects_own_cache_is_not_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = link(fakes.put(tmp_path / "elsewhere", "1.2.0"), fakes.NAME)
    monkeypatch.setenv("PATH", str(own.parent))
    assert path_search.search(fakes.row()) is None


def test_a_download_that_states_another_version_is_refused(vendor: Vendor) -> None:
    vendor.files["/tool"] = fakes.script("9.9.9")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("9.9.9")))
    with pytest.raises(EnvironmentLacksError, match=r"states version 9\.9\.9"):
        installing._resolve(row, quiet)
    assert not entry_dir(row).exists()


def test_the_error_names_every_closed_way_and_the_next_step(vendor: Vendor) -> None:
    row = fakes.row(fakes.release(f"{vendor.address}/gone", b""))
    with pytest.raises(EnvironmentLacksError) as caught:
        installing._resolve(row, quiet)
    (problem,) = caught.value.problems
    for way in ("release:", "404", "wheel:", "source:", "Debian:"):
        assert way in problem.message
    assert "sovereign-ai tools install" in problem.hint


def test_install_tries_every_tool_and_reports_all_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(row: Tool, _progress: Callable[[str], None]) -> Path:
        raise EnvironmentLacksError(Problem("x", row.name))

    monkeypatch.setattr(installing, "_make", refuse)
    said: list[str] = []
    with pytest.raises(EnvironmentLacksError) as caught:
        installing.install(["etcd", "kwok"], progress=said.append)
    assert [problem.message for problem in caught.value.problems] == ["etcd", "kwok"]
    assert said == ["etcd: not to be had", "kwok: not to be had"]


def test_install_refuses_an_unknown_name() -> None:
    with pytest.raises(UsageError, match="etdc"):
        installing.install(["etdc"], progress=quiet)


def test_find_fetches_nothing_and_says_what_to_run() -> None:
    with pytest.raises(EnvironmentLacksError, match="sovereign-ai tools install"):
        installing.find("kwok")


def test_a_run_that_died_leaves_no_lock_and_its_rubbish_is_cleared() -> None:
    row = fakes.row()

    def die() -> None:
        with locked(row, quiet) as work:
            (work / "rubbish").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    with locked(row, quiet) as work:
        assert list(work.iterdir()) == []


def test_a_folder_outside_the_module_is_not_given() -> None:
    files = entry_dir(TOOLS["kueue"]) / "files"
    (files / "config").mkdir(parents=True)
    assert installing.module_files("kueue", "config") == files / "config"
    for wrong in ("nowhere", "../.."):
        with pytest.raises(EnvironmentLacksError, match="has no folder"):
            installing.module_files("kueue", wrong)


def test_the_projects_own_host_is_written_only_where_the_vendors_is_not_beside_its_cli(
    empty_path: Path,
) -> None:
    own = installing.install(["pulumi-language-python"], progress=quiet)["pulumi-language-python"]
    assert own.read_text().startswith("#!/bin/sh\nexec ")
    assert installing.find("pulumi-language-python") == own
    fakes.put(empty_path, TOOLS["pulumi"].version, name="pulumi")
    vendors = fakes.put(empty_path, "3.259.0", name="pulumi-language-python")
    assert installing.find("pulumi-language-python") == own, "nothing on PATH counts unless it is asked for"
    installing.install(["pulumi", "pulumi-language-python"], progress=quiet, from_path=True)
    assert installing.find("pulumi-language-python").resolve() == vendors


def test_an_entry_that_lost_its_binary_is_made_anew(vendor: Vendor) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    place = installing._resolve(row, quiet)
    (entry_dir(row) / fakes.NAME).unlink()
    place.unlink()
    assert installing._resolve(row, quiet).read_bytes() == fakes.script("1.2.3")
    assert locate.cached(row) is not None
    installing._resolve(row, quiet)
    assert vendor.asked == ["/tool", "/tool"]


def test_a_disk_that_is_full_is_told_as_one_and_not_as_a_closed_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise shutil.Error(
            [
                ("a", "b", "[Errno 28] No space left on device: 'b'"),
                ("c", "d", "[Errno 28] No space left on device: 'd'"),
            ]
        )

    monkeypatch.setattr(installing, "_by_release", full)
    with pytest.raises(
        EnvironmentLacksError, match=r"cannot be copied into the cache: .*No space left on device: 'b' "
    ) as caught:
        installing._resolve(fakes.row(), quiet)
    assert [(problem.code, "XDG_CACHE_HOME" in problem.hint) for problem in caught.value.problems] == [
        ("cache-not-written", True)
    ]


def test_the_link_to_the_provider_is_never_missing_while_two_commands_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = TOOLS["pulumi-resource-kubernetes"]
    providers = cycle(
        [fakes.put(tmp_path / folder, row.version, name=row.name) for folder in ("one", "other")]
    )
    monkeypatch.setattr(installing, "find", lambda _name: next(providers))
    home = tmp_path / "home"
    installing.place_plugins(home)
    place = home / "plugins" / f"resource-kubernetes-v{row.version}" / row.name
    failures: list[OSError] = []

    def change() -> None:
        try:
            for _ in range(500):
                installing.place_plugins(home)
        except OSError as error:
            failures.append(error)

    commands = [threading.Thread(target=change) for _ in range(2)]
    for command in commands:
        command.start()
    missing = 0
    while any(command.is_alive() for command in commands):
        missing += not place.is_symlink()
    assert (failures, missing) == ([], 0)
    assert [part.name for part in place.parent.iterdir()] == [row.name]
